package core

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/apitesting"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/generic"
	"k8s.io/apiserver/pkg/registry/rest"
	etcd3testing "k8s.io/apiserver/pkg/storage/etcd3/testing"

	"github.com/kubellm/kubellm/internal/registry"
)

// house 是装好的核心组：没有准入在前面，所以建得进任何命名空间，正好看落盘之后的那一眼。
type house struct {
	namespaces, secrets *registry.REST
	finalize            rest.Updater
	// touch 在问命名空间之前动手：别人抢先碰了刚落盘的对象。
	touch func(ctx context.Context, name string)
	registry.Housing
}

func (h *house) Confirm(ctx context.Context, namespace string, uid types.UID, resource schema.GroupResource, name string) error {
	if h.touch != nil {
		h.touch(ctx, name)
	}
	return h.Housing.Confirm(ctx, namespace, uid, resource, name)
}

func newHouse(t *testing.T) *house {
	t.Helper()
	server, config := etcd3testing.NewUnsecuredEtcd3TestClientServer(t)
	t.Cleanup(func() { server.Terminate(t) })
	scheme := runtime.NewScheme()
	Install(scheme)
	codecs := serializer.NewCodecFactory(scheme)
	config.Codec = apitesting.TestStorageCodec(codecs, corev1.SchemeGroupVersion)
	options := generic.RESTOptions{StorageConfig: config.ForResource(schema.GroupResource{}), Decorator: generic.UndecoratedStorage, DeleteCollectionWorkers: 1}
	namespaces := Namespace()
	h := &house{Housing: Housing(namespaces)}
	info, err := Groups(namespaces, time.Hour)[0].APIGroupInfo(scheme, codecs, options, h)
	if err != nil {
		t.Fatal(err)
	}
	served := info.VersionedResourcesStorageMap["v1"]
	for _, storage := range served {
		t.Cleanup(storage.Destroy)
	}
	h.finalize = served["namespaces/finalize"].(rest.Updater)
	h.namespaces, h.secrets = served["namespaces"].(*registry.REST), served["secrets"].(*registry.REST)
	return h
}

// add 建一个命名空间；terminating 的那个已经在结束。
func (h *house) add(t *testing.T, name string, terminating bool) {
	t.Helper()
	ctx := request.WithNamespace(t.Context(), metav1.NamespaceNone)
	if _, err := h.namespaces.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, rest.ValidateAllObjectFunc, &metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if !terminating {
		return
	}
	h.end(t, name)
}

// end 删掉命名空间；收尾人还没放手，所以它留在正在结束的样子。
func (h *house) end(t *testing.T, name string) {
	t.Helper()
	ctx := request.WithNamespace(t.Context(), metav1.NamespaceNone)
	if _, _, err := h.namespaces.Delete(ctx, name, rest.ValidateAllObjectFunc, &metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (h *house) create(ctx context.Context, secret *corev1.Secret) error {
	_, err := h.secrets.Create(ctx, secret, rest.ValidateAllObjectFunc, &metav1.CreateOptions{})
	return err
}

// apply 以更新的写法创建，服务端应用走的就是它。
func (h *house) apply(ctx context.Context, secret *corev1.Secret) error {
	_, _, err := h.secrets.Update(ctx, secret.Name, rest.DefaultUpdatedObjectInfo(secret), rest.ValidateAllObjectFunc, rest.ValidateAllObjectUpdateFunc, true, &metav1.UpdateOptions{})
	return err
}

func (h *house) dryRun(ctx context.Context, secret *corev1.Secret) error {
	_, err := h.secrets.Create(ctx, secret, rest.ValidateAllObjectFunc, &metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	return err
}

// TestHousing 落盘之后才发现命名空间已经不收东西了，就当没有建过：请求者得到拒绝，什么也没留下。
func TestHousing(t *testing.T) {
	h := newHouse(t)
	h.add(t, "alive", false)
	h.add(t, "ending", true)
	ways := map[string]func(context.Context, *corev1.Secret) error{"create": h.create, "apply": h.apply}
	held := []string{"example.org/hold"}
	isTerminating := func(err error) bool {
		return apierrors.IsForbidden(err) && apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause)
	}
	cases := map[string]struct {
		reason, namespace string
		finalizers        []string
		refused           func(error) bool
	}{
		"alive":         {"the usual case", "alive", nil, nil},
		"built in":      {"what cannot be deleted is not asked about, here it is not even there", metav1.NamespaceDefault, nil, nil},
		"ending":        {"the emptier may have been here already", "ending", nil, isTerminating},
		"ending, held":  {"a finalizer of its maker does not keep what nobody was told of", "ending", held, isTerminating},
		"missing":       {"it would turn up in the next namespace of that name", "missing", nil, apierrors.IsNotFound},
		"missing, held": {"nobody would ever look there", "missing", held, apierrors.IsNotFound},
	}
	for name, tc := range cases {
		for way, write := range ways {
			t.Run(name+"/"+way, func(t *testing.T) {
				t.Log(tc.reason)
				ctx := request.WithNamespace(t.Context(), tc.namespace)
				secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "s-" + way, Namespace: tc.namespace, Finalizers: tc.finalizers}}
				err := write(ctx, secret)
				_, left := h.secrets.Get(ctx, secret.Name, &metav1.GetOptions{})
				switch {
				case tc.refused == nil && (err != nil || left != nil):
					t.Errorf("got %v, and reading it gave %v", err, left)
				case tc.refused != nil && (err == nil || !tc.refused(err)):
					t.Errorf("got %v, want the refusal that admission gives", err)
				case tc.refused != nil && !apierrors.IsNotFound(left):
					t.Errorf("the refused object is stored (%v)", left)
				}
			})
		}
	}
	if err := h.dryRun(request.WithNamespace(t.Context(), "ending"), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "dry", Namespace: "ending"}}); err != nil {
		t.Errorf("a dry run, which stores nothing, gave %v", err)
	}
}

// TestHousingEndsMeanwhile 落盘与再看的那一眼之间，命名空间没了，或没了又建了同名的：两样都不留下刚写的东西。
func TestHousingEndsMeanwhile(t *testing.T) {
	h := newHouse(t)
	for name, tc := range map[string]struct {
		anew    bool
		refused func(error) bool
	}{
		"gone":      {false, apierrors.IsNotFound},
		"made-anew": {true, apierrors.IsConflict},
	} {
		t.Run(name, func(t *testing.T) {
			h.add(t, name, false)
			h.touch = func(context.Context, string) {
				h.end(t, name)
				h.release(t, name)
				if tc.anew {
					h.add(t, name, false)
				}
			}
			ctx := request.WithNamespace(t.Context(), name)
			secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "late", Namespace: name, Finalizers: []string{"example.org/hold"}}}
			if err := h.create(ctx, secret); err == nil || !tc.refused(err) {
				t.Errorf("creating a secret meanwhile gave %v", err)
			}
			if _, err := h.secrets.Get(ctx, "late", &metav1.GetOptions{}); !apierrors.IsNotFound(err) {
				t.Errorf("the refused secret is stored (%v)", err)
			}
		})
	}
}

// release 替清空者放手，正在结束的命名空间随之消失。
func (h *house) release(t *testing.T, name string) {
	t.Helper()
	ctx := request.WithNamespace(t.Context(), metav1.NamespaceNone)
	released := h.read(t, name)
	released.Spec.Finalizers = nil
	if _, _, err := h.finalize.Update(ctx, name, rest.DefaultUpdatedObjectInfo(released), rest.ValidateAllObjectFunc, rest.ValidateAllObjectUpdateFunc, false, &metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// TestHousingOfWhatIsInUse 已在命名空间里的照样能改；刚落盘就有人接手的不硬抹，照常删除，让接手的人收尾。
func TestHousingOfWhatIsInUse(t *testing.T) {
	h := newHouse(t)
	h.add(t, "ending", false)
	ctx := request.WithNamespace(t.Context(), "ending")
	stored := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "stored", Namespace: "ending"}}
	if err := h.create(ctx, stored); err != nil {
		t.Fatal(err)
	}
	h.end(t, "ending")
	stored.Data = map[string][]byte{"a": []byte("b")}
	if err := h.apply(ctx, stored); err != nil {
		t.Errorf("updating what is in a namespace that ends gave %v", err)
	}

	h.touch = func(ctx context.Context, name string) {
		h.touch = nil
		err := h.apply(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "ending", Finalizers: []string{"example.org/taken-over"}}})
		if err != nil {
			t.Errorf("take the new secret over: %v", err)
		}
	}
	if err := h.create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "taken", Namespace: "ending"}}); !apierrors.IsForbidden(err) {
		t.Errorf("creating in a namespace that ends gave %v, want 403", err)
	}
	left, err := h.secrets.Get(ctx, "taken", &metav1.GetOptions{})
	if err != nil || left.(*corev1.Secret).DeletionTimestamp == nil {
		t.Errorf("what somebody has taken over is %v, %v; want it being deleted, so that they can finish", left, err)
	}
}
