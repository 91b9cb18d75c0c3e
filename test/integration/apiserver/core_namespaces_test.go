package apiserver

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/kubellm/kubellm/test/harness"
)

// core 返回核心种类的客户端；client-go 的默认就是 protobuf，所以这里的请求都是 protobuf。
func (c *client) core(t *testing.T) kubernetes.Interface {
	t.Helper()
	core, err := kubernetes.NewForConfig(c.config)
	must(t, err)
	return core
}

// namespace 建一个命名空间，返回它的名字。
func namespace(t *testing.T, core kubernetes.Interface) string {
	t.Helper()
	name := unique("ns")
	_, err := core.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	must(t, err)
	return name
}

func secret(name string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string][]byte{"key": []byte("value")}}
}

// gone 等命名空间消失。
func namespaceGone(t *testing.T, core kubernetes.Interface, name string) {
	t.Helper()
	harness.Eventually(t, "namespace "+name+" to end", patience, func(ctx context.Context) error {
		_, err := core.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return errors.Join(errors.New("it is still there"), err)
	})
}

// TestNamespacesFromTheStart 保证一就绪就有地方放东西，而且那两个地方谁也删不掉。
func TestNamespacesFromTheStart(t *testing.T) {
	t.Parallel()
	core := shared.admin.core(t)
	for _, name := range []string{"default", "kubellm-system"} {
		got, err := core.CoreV1().Namespaces().Get(t.Context(), name, metav1.GetOptions{})
		must(t, err)
		if got.Status.Phase != corev1.NamespaceActive || got.Labels[corev1.LabelMetadataName] != name {
			t.Errorf("namespace %s is %s with labels %v", name, got.Status.Phase, got.Labels)
		}
		if err := core.CoreV1().Namespaces().Delete(t.Context(), name, metav1.DeleteOptions{}); !apierrors.IsForbidden(err) {
			t.Errorf("deleting namespace %s gave %v, want 403", name, err)
		}
		if got := shared.admin.send(t, http.MethodDelete, "/api/v1/namespaces?fieldSelector=metadata.name="+name, ""); got.code != http.StatusForbidden {
			t.Errorf("deleting namespace %s as one of many gave %d, want 403", name, got.code)
		}
		if after, err := core.CoreV1().Namespaces().Get(t.Context(), name, metav1.GetOptions{}); err != nil || after.ResourceVersion != got.ResourceVersion {
			t.Errorf("namespace %s was changed by the attempts: %v, %v", name, after, err)
		}
	}
}

// TestMissingNamespace 保证东西建不进不存在的命名空间，回答点名是哪一个。
func TestMissingNamespace(t *testing.T) {
	t.Parallel()
	core, missing := shared.admin.core(t), unique("missing")
	_, err := core.CoreV1().Secrets(missing).Create(t.Context(), secret("s"), metav1.CreateOptions{})
	if !apierrors.IsNotFound(err) || !strings.Contains(err.Error(), missing) {
		t.Errorf("creating a secret in a missing namespace gave %v, want 404 naming it", err)
	}
	list, err := core.CoreV1().Secrets(missing).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(list.Items) != 0 {
		t.Errorf("a secret was stored in a missing namespace: %v, %v", list, err)
	}
}

// TestNamespaceDeletion 保证删命名空间会清空它再消失；有人没放手时说明是谁，期间不许再放东西进来。
func TestNamespaceDeletion(t *testing.T) {
	t.Parallel()
	core := shared.admin.core(t)
	name, other := namespace(t, core), namespace(t, core)
	k := leases
	k.namespace = name
	k.create(t, shared, "lease")
	for _, in := range []string{name, other} {
		_, err := core.CoreV1().Secrets(in).Create(t.Context(), secret("plain"), metav1.CreateOptions{})
		must(t, err)
	}
	must(t, createEvent(t, core, name, "event"))
	held := secret("held")
	held.Finalizers = []string{"example.org/hold"}
	_, err := core.CoreV1().Secrets(name).Create(t.Context(), held, metav1.CreateOptions{})
	must(t, err)

	must(t, core.CoreV1().Namespaces().Delete(t.Context(), name, metav1.DeleteOptions{}))
	_, err = core.CoreV1().Secrets(name).Create(t.Context(), secret("late"), metav1.CreateOptions{})
	if !apierrors.IsForbidden(err) || !apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		t.Errorf("creating a secret in a terminating namespace gave %v, want 403 with the cause %s", err, corev1.NamespaceTerminatingCause)
	}
	harness.Eventually(t, "the namespace to say what is left", patience, func(ctx context.Context) error {
		got, err := core.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return harness.Permanent(err)
		}
		for _, condition := range got.Status.Conditions {
			if condition.Type == corev1.NamespaceFinalizersRemaining && condition.Status == corev1.ConditionTrue && strings.Contains(condition.Message, "example.org/hold") {
				return nil
			}
		}
		return errors.New("no condition names the finalizer")
	})
	left, err := core.CoreV1().Secrets(name).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(left.Items) != 1 || left.Items[0].Name != "held" {
		t.Errorf("left are %d secrets, want the held one only (%v)", len(left.Items), err)
	}
	holdsOn(t, core, name)

	_, err = core.CoreV1().Secrets(name).Patch(t.Context(), "held", types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
	must(t, err)
	namespaceGone(t, core, name)
	for _, path := range []string{"/api/v1/namespaces/" + name + "/secrets", "/api/v1/namespaces/" + name + "/events", "/apis/coordination.k8s.io/v1/namespaces/" + name + "/leases"} {
		if got := shared.admin.send(t, http.MethodGet, path, "", "Accept", jsonType); !strings.Contains(got.body, `"items":[]`) {
			t.Errorf("%s outlived its namespace: %.300s", path, got.body)
		}
	}
	if _, err := core.CoreV1().Secrets(other).Get(t.Context(), "plain", metav1.GetOptions{}); err != nil {
		t.Errorf("another namespace lost its secret: %v", err)
	}
}

// holdsOn 试着绕过清空：改元数据、改状态、再删一次，命名空间都得留着。
func holdsOn(t *testing.T, core kubernetes.Interface, name string) {
	t.Helper()
	namespaces := core.CoreV1().Namespaces()
	_, err := namespaces.Patch(t.Context(), name, types.MergePatchType, []byte(`{"metadata":{"finalizers":null},"spec":{"finalizers":null}}`), metav1.PatchOptions{})
	must(t, err)
	if _, err := namespaces.Patch(t.Context(), name, types.MergePatchType, []byte(`{"status":{"phase":"Active"}}`), metav1.PatchOptions{}, "status"); !apierrors.IsInvalid(err) {
		t.Errorf("calling a terminating namespace active gave %v, want 422", err)
	}
	zero := int64(0)
	must(t, namespaces.Delete(t.Context(), name, metav1.DeleteOptions{GracePeriodSeconds: &zero}))
	got, err := namespaces.Get(t.Context(), name, metav1.GetOptions{})
	if err != nil || got.Status.Phase != corev1.NamespaceTerminating {
		t.Errorf("the namespace that is not empty is %v, %v", got, err)
	}
}

// TestNamespaceFinalize 保证别的收尾人也算数：它们放手之前命名空间不消失，/finalize 只动收尾人。
func TestNamespaceFinalize(t *testing.T) {
	t.Parallel()
	core := shared.admin.core(t)
	name := unique("finalized")
	obj := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.NamespaceSpec{Finalizers: []corev1.FinalizerName{"example.org/guard"}}}
	created, err := core.CoreV1().Namespaces().Create(t.Context(), obj, metav1.CreateOptions{})
	must(t, err)
	must(t, core.CoreV1().Namespaces().Delete(t.Context(), name, metav1.DeleteOptions{}))
	var held *corev1.Namespace
	harness.Eventually(t, "the platform to let go", patience, func(ctx context.Context) (err error) {
		if held, err = core.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{}); err != nil {
			return harness.Permanent(err)
		}
		if len(held.Spec.Finalizers) != 1 {
			return errors.New("both still hold it")
		}
		return nil
	})
	stale := held.DeepCopy()
	stale.UID = "00000000-0000-0000-0000-000000000000"
	if _, err := core.CoreV1().Namespaces().Finalize(t.Context(), stale, metav1.UpdateOptions{}); err == nil {
		t.Error("another namespace of the same name was released")
	}
	held.Spec.Finalizers = nil
	held.Labels["smuggled"] = "yes"
	released, err := core.CoreV1().Namespaces().Finalize(t.Context(), held, metav1.UpdateOptions{})
	must(t, err)
	if released.Labels["smuggled"] != "" || released.UID != created.UID {
		t.Errorf("/finalize changed more than the finalizers: %v", released.ObjectMeta)
	}
	namespaceGone(t, core, name)
}

// TestInvalidNamespaces 保证名字能当 DNS 标签用，不成形的什么也不存。
func TestInvalidNamespaces(t *testing.T) {
	t.Parallel()
	core := shared.admin.core(t)
	for _, name := range []string{"with.dot", "Upper", strings.Repeat("a", 64), "-x"} {
		_, err := core.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
		isInvalid(t, err, "metadata.name", "", "a namespace's name is a DNS label")
		if _, err := core.CoreV1().Namespaces().Get(t.Context(), name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			t.Errorf("namespace %s is stored (%v)", name, err)
		}
	}
}
