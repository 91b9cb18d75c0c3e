package model

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	cluster "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/engine"
	"github.com/kubellm/kubellm/test/harness"
)

// TestReplicasAreHandedOver 换成自动伸缩不停掉正在服务的副本，交出去之后不与伸缩器争，换回来又归平台；
// 对着真的 kube-apiserver：退回一个副本的是它。
func TestReplicasAreHandedOver(t *testing.T) {
	server := harness.NewKubeAPIServer(t, harness.KubeAPIServerOptions{})
	c, err := client.New(harness.Config(t, server.Kubeconfig), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, on := chat(), &cluster.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "a", UID: "c"}}
	m.Spec.Engine.Type, m.Spec.Source.HuggingFace = v1alpha1.EngineVLLM, &v1alpha1.HuggingFaceSource{Repo: "Qwen/Qwen3-8B"}
	p := v1alpha1.ModelPlacement{Cluster: "a", Namespace: "kubellm-team-a"}
	if err := c.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: p.Namespace}}); err != nil {
		t.Fatal(err)
	}
	fixed := func(n int32) { m.Spec.Scaling, p.Replicas = &v1alpha1.Scaling{Replicas: &n}, n }
	between := func(least, most int32) {
		m.Spec.Scaling = &v1alpha1.Scaling{Autoscaling: &v1alpha1.Autoscaling{MinReplicas: &least, MaxReplicas: most}}
	}
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "chat", Namespace: p.Namespace}}
	scale := func(n int32) {
		if err := c.SubResource("scale").Update(t.Context(), d, client.WithSubResourceBody(&autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: n}})); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		why    string
		change func()
		want   int32
		owner  string
	}{
		{"the spec says how many", func() { fixed(4) }, 4, fieldManager},
		{"what serves goes on serving until the autoscaler decides", func() { between(2, 6) }, 4, scalerManager},
		{"the same again: nothing is taken back", func() {}, 4, scalerManager},
		{"what the autoscaler wants stays, whatever else is applied", func() { scale(5); m.Spec.Engine.Args = []string{"--seed=1"} }, 5, ""},
		{"suspending stops all of them", func() { m.Spec.Suspended = ptr.To(true) }, 0, fieldManager},
		{"resuming starts the fewest that are allowed", func() { m.Spec.Suspended = nil }, 2, scalerManager},
		{"back to a number: it is the platform's again", func() { fixed(8) }, 8, fieldManager},
		{"never more than the most", func() { between(2, 6) }, 6, scalerManager},
	} {
		step.change()
		applyDeployment(t, applying{
			site: &site{client: c, cluster: on}, model: m, done: map[target]record{}, wanted: map[target]bool{},
		}, engine.Input{Model: m, Cluster: on, Placement: p})
		if err := c.Get(t.Context(), client.ObjectKeyFromObject(d), d); err != nil {
			t.Fatal(err)
		}
		if got := *d.Spec.Replicas; got != step.want {
			t.Errorf("%s: %d replicas are wanted on the member, want %d", step.why, got, step.want)
		}
		for _, manager := range []string{fieldManager, scalerManager} {
			if owns := ownsReplicas(manager, d.ManagedFields); owns != (manager == step.owner) {
				t.Errorf("%s: %s owns the number: %t, want %q to own it", step.why, manager, owns, step.owner)
			}
		}
	}
}

// applyDeployment 放上渲染出来的 Deployment。
func applyDeployment(t *testing.T, a applying, in engine.Input) {
	t.Helper()
	objects, err := engine.Render(in)
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range objects {
		if object.GetObjectKind().GroupVersionKind().GroupKind() != deploymentKind {
			continue
		}
		if err := a.one(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
}
