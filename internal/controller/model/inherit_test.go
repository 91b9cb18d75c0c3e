package model

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	cluster "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/engine"
	"github.com/kubellm/kubellm/internal/controller/scheduler"
	"github.com/kubellm/kubellm/internal/member"
	"github.com/kubellm/kubellm/test/harness"
)

// estate 是一个真的平台与一个真的成员，KEDA 与 KServe 的种类都有，没有谁替它们办事。
type estate struct {
	*platform
	on      *cluster.Cluster
	members *member.Members
	member  client.Client
	config  *rest.Config
}

func newEstate(t *testing.T) *estate {
	t.Helper()
	server := harness.NewKubeAPIServer(t, harness.KubeAPIServerOptions{})
	harness.InstallCRD(t, server.Kubeconfig, "scaledobjects.yaml")
	harness.InstallCRD(t, server.Kubeconfig, "llminferenceservices.yaml")
	e := &estate{platform: newPlatform(t), config: harness.Config(t, server.Kubeconfig)}
	e.on = e.create(t, "a")
	e.on.Status.Capabilities = []cluster.Capability{cluster.CapabilityKEDA, cluster.CapabilityKServe}
	if err := e.Live.Status().Update(t.Context(), e.on); err != nil {
		t.Fatal(err)
	}
	e.await(t, e.on)
	var err error
	if e.member, err = client.New(e.config, client.Options{}); err != nil {
		t.Fatal(err)
	}
	e.watch(t)
	if err := e.Live.Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "hub", Namespace: "default"}, Data: map[string][]byte{"token": []byte("hf_inherited")}}); err != nil {
		t.Fatal(err)
	}
	return e
}

// watch 重新开始看成员，什么种类也还没有跟随。
func (e *estate) watch(t *testing.T) {
	t.Helper()
	members := member.New(member.Options{Workers: 1})
	e.members = members
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- members.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	})
	members.Ensure(member.Target{Name: "a", UID: e.on.UID, Config: e.config, CredentialsVersion: "1", Interval: time.Second, Timeout: 5 * time.Second, FailureThreshold: 5})
}

// model 是一个叫 name、身份为 uid、放在那个成员上的 Model。
func (e *estate) model(name string, uid types.UID, edit ...func(*v1alpha1.Model)) *v1alpha1.Model {
	m := chat(edit...)
	m.Name, m.Namespace, m.UID = name, "default", uid
	m.Spec.Engine.Type = v1alpha1.EngineVLLM
	if m.Spec.Source.HuggingFace == nil {
		m.Spec.Source.HuggingFace = &v1alpha1.HuggingFaceSource{Repo: "meta/gated"}
	}
	replicas := int32(1)
	if m.Spec.Scaling != nil {
		replicas = m.Spec.Scaling.Autoscaling.MaxReplicas
	}
	m.Status.Placements = []v1alpha1.ModelPlacement{{Cluster: "a", ClusterUID: string(e.on.UID), Namespace: "kubellm-default", Replicas: replicas}}
	return m
}

// controller 是刚起来的控制器，什么也不记得。
func (e *estate) controller() *Reconciler {
	return &Reconciler{Client: e.Client, Live: e.Live, Members: e.members}
}

// until 让 r 一轮轮照看 m，直到那里有的恰好是 want，都属于 m。
func (e *estate) until(t *testing.T, r *Reconciler, m *v1alpha1.Model, why string, want ...string) {
	t.Helper()
	harness.Eventually(t, why, patience, func(ctx context.Context) error {
		got, err := r.credentials(ctx, m)
		if err != nil {
			return err
		}
		v := view{m, facts{now: time.Now(), credentials: got}}
		if err := r.attend(ctx, &v, scheduler.Result{Placements: m.Status.Placements}); err != nil {
			return err
		}
		there, err := e.there(ctx, m)
		if err == nil && !slices.Equal(there, want) {
			err = fmt.Errorf("there is %q, want %q; kept: %t, awaited: %t %s", there, want, v.sites[0].kept, v.sites[0].waiting, v.sites[0].lost)
		}
		return errors.Join(v.sites[0].err, errors.Join(v.sites[0].leftover...), err)
	})
}

// there 是成员上叫这个名字的模型的，正在走的不算；不是为 m 放的带着它的主人。卷没有人用，走的时候没有谁来放它，这里放。
func (e *estate) there(ctx context.Context, m *v1alpha1.Model) ([]string, error) {
	var all []string
	for _, object := range engine.Possible(engine.Input{Model: m, Cluster: e.on}) {
		err := e.member.Get(ctx, client.ObjectKeyFromObject(object), object)
		if client.IgnoreNotFound(err) != nil {
			return nil, err
		}
		if err != nil {
			continue
		}
		name := object.Kind + " " + strings.TrimPrefix(object.Name, m.Name)
		if owner := object.Labels[v1alpha1.LabelModelUID]; owner != string(m.UID) {
			name += " of " + owner
		}
		if object.DeletionTimestamp == nil {
			all = append(all, name)
			continue
		}
		seen := object.DeepCopy()
		object.Finalizers = nil
		if err := e.member.Patch(ctx, object, client.MergeFrom(seen)); client.IgnoreNotFound(err) != nil {
			return nil, err
		}
	}
	return all, nil
}

func withToken(m *v1alpha1.Model) {
	m.Spec.Source.HuggingFace = &v1alpha1.HuggingFaceSource{Repo: "meta/gated", TokenSecretRef: &v1alpha1.SecretKeyReference{Name: "hub", Key: "token"}}
}

func withCache(m *v1alpha1.Model) { m.Spec.Cache = &v1alpha1.Cache{Size: resource.MustParse("1Gi")} }

func autoscaling(m *v1alpha1.Model) {
	m.Spec.Scaling = &v1alpha1.Scaling{Autoscaling: &v1alpha1.Autoscaling{MinReplicas: ptr.To[int32](1), MaxReplicas: 3, TargetRequestsPerReplica: ptr.To[int32](8)}}
}

func delivered(m *v1alpha1.Model) { m.Spec.Engine.Delivery = ptr.To(v1alpha1.DeliveryKServe) }

// TestInheritance 以 Orphan 删除了的 Model 留下的，同名的下一个要的接过来，不要的收走：令牌尤其不能留在成员上。
// 它自己删除时，那里什么也不剩。对着真的平台、真的成员与真的监视；放上去的那个控制器与接手的不是同一个，后者还什么也没看到。
func TestInheritance(t *testing.T) {
	e := newEstate(t)
	type edits []func(*v1alpha1.Model)
	const secret, claim, deployment, service, scaler, inferred = "Secret -credentials", "PersistentVolumeClaim -cache", "Deployment ", "Service ", "ScaledObject ", "LLMInferenceService "
	for name, c := range map[string]struct {
		why          string
		former, heir edits
		left, want   []string
	}{
		"less":    {"the heir wants neither token nor cache nor autoscaling", edits{withToken, withCache, autoscaling}, nil, []string{secret, claim, deployment, service, scaler}, []string{deployment, service}},
		"same":    {"the heir wants all of it", edits{withToken, withCache, autoscaling}, edits{withToken, withCache, autoscaling}, []string{secret, claim, deployment, service, scaler}, []string{secret, claim, deployment, service, scaler}},
		"more":    {"the heir wants more than there is", nil, edits{withToken, withCache}, []string{deployment, service}, []string{secret, claim, deployment, service}},
		"kserve":  {"the heir is KServe's, which makes no use of the Deployment", edits{withToken, withCache, autoscaling}, edits{delivered}, []string{secret, claim, deployment, service, scaler}, []string{inferred}},
		"deploys": {"the heir is not KServe's any more", edits{delivered, withToken}, nil, []string{secret, inferred}, []string{deployment, service}},
	} {
		former, heir := e.model(name, types.UID("former-"+name), c.former...), e.model(name, types.UID("heir-"+name), c.heir...)
		e.until(t, e.controller(), former, name+": the former Model is placed", c.left...)
		e.watch(t)
		r := e.controller()
		e.until(t, r, heir, name+": "+c.why, c.want...)
		harness.Eventually(t, name+": what was inherited goes with the heir", patience, func(ctx context.Context) error {
			result, err := r.clear(ctx, heir, "a", string(e.on.UID))
			there, listed := e.there(ctx, heir)
			if err == nil && listed == nil && (!result.done || len(there) > 0) {
				err = fmt.Errorf("there is %q; it waits for %s", there, result.waits)
			}
			return errors.Join(err, listed)
		})
	}
}

// TestTake 接过来的只有平台为同名的、已经没有了的 Model 在这个 Cluster 上放的；别的一个字也不改。
func TestTake(t *testing.T) {
	e := newEstate(t)
	living := e.deploy(t, "living")
	heir := e.model("taker", "heir")
	placed := func(edit func(*corev1.Secret)) *corev1.Secret {
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "taker-pull", Namespace: "default", Labels: map[string]string{
			v1alpha1.LabelModelUID: "former", cluster.LabelClusterUID: string(e.on.UID),
			"app.kubernetes.io/managed-by": "kubellm", "app.kubernetes.io/instance": "taker",
		}}}
		edit(secret)
		return secret
	}
	label := func(key, value string) func(*corev1.Secret) {
		return func(s *corev1.Secret) { s.Labels[key] = value }
	}
	for why, c := range map[string]struct {
		edit func(*corev1.Secret)
		live bool
	}{
		"a Model left it that is no more":          {func(*corev1.Secret) {}, true},
		"it has been taken over already":           {label(v1alpha1.LabelModelUID, "heir"), true},
		"it is of a Model that lives":              {label(v1alpha1.LabelModelUID, string(living.UID)), false},
		"it is of no Model":                        {func(s *corev1.Secret) { delete(s.Labels, v1alpha1.LabelModelUID) }, false},
		"another Cluster placed it":                {label(cluster.LabelClusterUID, "another"), false},
		"somebody else manages it":                 {label("app.kubernetes.io/managed-by", "helm"), false},
		"it is of a Model of another name":         {label("app.kubernetes.io/instance", "another"), false},
		"it goes with its owner":                   {func(s *corev1.Secret) { s.OwnerReferences = []metav1.OwnerReference{controllerRef} }, false},
		"it is on its way out, something holds it": {func(s *corev1.Secret) { s.Finalizers = []string{"example.org/held"} }, false},
	} {
		there := placed(c.edit)
		if err := e.member.Create(t.Context(), there); err != nil {
			t.Fatal(err)
		}
		if len(there.Finalizers) > 0 {
			if err := e.member.Delete(t.Context(), there.DeepCopy()); err != nil {
				t.Fatal(err)
			}
		}
		before := there.Labels[v1alpha1.LabelModelUID]
		a := applying{site: &site{cluster: e.on, client: e.member}, model: heir, platform: e.Client, live: map[target]client.Object{}, rendering: &rendering{view: view{Model: heir}}}
		seen := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: there.Name, Namespace: there.Namespace}}
		seen.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind(secretKind))
		if err := a.take(t.Context(), keyOf(seen), seen); err != nil {
			t.Errorf("%s: %v", why, err)
		}
		if err := e.member.Get(t.Context(), client.ObjectKeyFromObject(there), there); err != nil {
			t.Fatal(err)
		}
		want := before
		if c.live {
			want = "heir"
		}
		if owner := there.Labels[v1alpha1.LabelModelUID]; owner != want || (a.live[keyOf(seen)] != nil) != c.live {
			t.Errorf("%s: it is of %q, want %q; it counts as the heir's: %t, want %t", why, owner, want, a.live[keyOf(seen)] != nil, c.live)
		}
		there.Finalizers = nil
		if err := e.member.Update(t.Context(), there); err != nil {
			t.Fatal(err)
		}
		if err := client.IgnoreNotFound(e.member.Delete(t.Context(), there)); err != nil {
			t.Fatal(err)
		}
	}
}

// controllerRef 指一个别人的主人；那里没有谁来收没有主人的。
var controllerRef = metav1.OwnerReference{APIVersion: "v1", Kind: "ConfigMap", Name: "owner", UID: "owner", Controller: ptr.To(true)}

// TestEstateIsReadFromTheWatch 放上去过了的、没有谁留下什么的模型，不为可能留下的去问成员。
func TestEstateIsReadFromTheWatch(t *testing.T) {
	e := newEstate(t)
	m := e.model("placed", "placed", withToken)
	r := e.controller()
	e.until(t, r, m, "it is placed", "Secret -credentials", "Deployment ", "Service ")
	at := site{placement: m.Status.Placements[0], cluster: e.on}
	if left := r.estate(view{Model: m}, &at); len(left) > 0 {
		t.Errorf("the member is asked for %v", left)
	}
	if left := e.controller().estate(view{Model: m}, &at); len(left) != 1 || left[0].Kind != member.LLMInferenceService.Kind {
		t.Errorf("a controller that has neither placed nor seen it asks for %v, want what KServe might have alone", left)
	}
}
