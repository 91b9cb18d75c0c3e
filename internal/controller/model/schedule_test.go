package model

import (
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	cluster "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/scheduler"
)

// TestStands 上一次的决定只在重新算也是它时才不必重新算。
func TestStands(t *testing.T) {
	decided := func(edit ...func(*v1alpha1.Model)) *v1alpha1.Model {
		return chat(append([]func(*v1alpha1.Model){func(m *v1alpha1.Model) {
			m.Spec.Placement = &v1alpha1.Placement{ClusterSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"tier": "gold"}}}
			m.Spec.Scaling = &v1alpha1.Scaling{Replicas: ptr.To[int32](1)}
			m.Status.Placements = []v1alpha1.ModelPlacement{{Cluster: "a", ClusterUID: "1", Namespace: "kubellm-team-a", Replicas: 1}}
			meta.SetStatusCondition(&m.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionScheduled, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonScheduled, ObservedGeneration: m.Generation})
		}}, edit...)...)
	}
	a := func(edit func(*cluster.Cluster)) []cluster.Cluster {
		c := cluster.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "a", UID: "1", Labels: map[string]string{"tier": "gold"}}}
		meta.SetStatusCondition(&c.Status.Conditions, metav1.Condition{Type: cluster.ConditionReady, Status: metav1.ConditionTrue, Reason: cluster.ReasonReady})
		edit(&c)
		return []cluster.Cluster{c}
	}
	same := func(*cluster.Cluster) {}
	for name, test := range map[string]struct {
		why      string
		model    *v1alpha1.Model
		clusters []cluster.Cluster
		want     bool
	}{
		"Same":      {"nothing has changed", decided(), a(same), true},
		"Relabeled": {"the Cluster is not selected any more", decided(), a(func(c *cluster.Cluster) { c.Labels = nil }), false},
		"Evicted":   {"a taint takes models away", decided(), a(func(c *cluster.Cluster) { c.Spec.Taints = []cluster.Taint{{Key: "k", Effect: cluster.TaintNoExecute}} }), false},
		"Another":   {"a Cluster of the same name is another one", decided(), a(func(c *cluster.Cluster) { c.UID = "2" }), false},
		"Incapable": {"what the delivery needs is gone", decided(func(m *v1alpha1.Model) { m.Spec.Engine.Delivery = ptr.To(v1alpha1.DeliveryKServe) }), a(same), false},
		"Spec":      {"the spec has changed", decided(func(m *v1alpha1.Model) { m.Generation++ }), a(same), false},
		"Listed": {"a Cluster that is listed as rejected is gone", decided(func(m *v1alpha1.Model) {
			m.Status.RejectedClusters = []v1alpha1.RejectedCluster{{Cluster: "b", Reason: v1alpha1.RejectedNotReady}}
		}), a(same), false},
	} {
		if _, got := stands(test.model, test.clusters, now); got != test.want {
			t.Errorf("%s: the decision stands: %t, want %t (%s)", name, got, test.want, test.why)
		}
	}
}

// TestSame 每样调度定下的改了都是另一个决定，要先写下来；走到了哪一步不是。
func TestSame(t *testing.T) {
	decided := v1alpha1.ModelPlacement{Cluster: "a", ClusterUID: "1", Namespace: "kubellm-team-a", Product: "H100", ResourceName: "nvidia.com/gpu", AcceleratorCount: 2, Replicas: 1}
	for name, c := range map[string]struct {
		why  string
		edit func(*v1alpha1.ModelPlacement)
		want bool
	}{
		"Untouched": {"it is the same decision", func(*v1alpha1.ModelPlacement) {}, true},
		"Progress": {"how far it has come is no decision", func(p *v1alpha1.ModelPlacement) {
			p.Phase, p.ReadyReplicas, p.ObservedReplicas = v1alpha1.PlacementReady, 1, 1
		}, true},
		"Cluster":     {"another Cluster", func(p *v1alpha1.ModelPlacement) { p.Cluster = "b" }, false},
		"Replaced":    {"another Cluster of the same name", func(p *v1alpha1.ModelPlacement) { p.ClusterUID = "2" }, false},
		"Namespace":   {"another namespace on the member", func(p *v1alpha1.ModelPlacement) { p.Namespace = "llm-team-a" }, false},
		"Product":     {"another product holds other accelerators", func(p *v1alpha1.ModelPlacement) { p.Product = "A100" }, false},
		"Resource":    {"another resource too", func(p *v1alpha1.ModelPlacement) { p.ResourceName = "amd.com/gpu" }, false},
		"Accelerator": {"what each replica holds is reserved, so it is written before it is applied", func(p *v1alpha1.ModelPlacement) { p.AcceleratorCount = 4 }, false},
		"Replicas":    {"so is how many there are", func(p *v1alpha1.ModelPlacement) { p.Replicas = 2 }, false},
	} {
		edited := decided
		c.edit(&edited)
		if got := scheduler.Same([]v1alpha1.ModelPlacement{decided}, []v1alpha1.ModelPlacement{edited}); got != c.want {
			t.Errorf("%s: the same decision: %t, want %t (%s)", name, got, c.want, c.why)
		}
	}
	if scheduler.Same([]v1alpha1.ModelPlacement{decided}, nil) {
		t.Error("a placement that is gone is another decision")
	}
}
