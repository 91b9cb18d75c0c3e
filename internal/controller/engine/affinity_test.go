package engine

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
)

// TestReplicasStayWhereTheyAreReserved 成员的调度器只把副本放到预留的那种产品的节点上；没标明产品的自成一种。
func TestReplicasStayWhereTheyAreReserved(t *testing.T) {
	const h100, l40s = "NVIDIA-H100-80GB-HBM3", "NVIDIA-L40S"
	labelled := func(product string) map[string]string { return map[string]string{"nvidia.com/gpu.product": product} }
	gke := map[string]string{"cloud.google.com/gke-accelerator": l40s}
	for _, c := range []struct {
		why      string
		reserved string
		node     map[string]string
		there    bool
	}{
		{"the product reserved", h100, labelled(h100), true},
		{"another product", h100, labelled(l40s), false},
		{"the product by another label", l40s, gke, true},
		{"nobody knows what the node has", h100, nil, false},
		{"reserved on nodes without a product", "unknown", nil, true},
		{"a product, whose accelerators were not reserved", "unknown", labelled(l40s), false},
		{"a product by another label, whose accelerators were not reserved", "unknown", gke, false},
	} {
		in := base()
		in.Model.Spec.Resources.Accelerator.Products, in.Placement.Product = nil, c.reserved
		selector, err := nodeaffinity.NewNodeSelector(podOf(t, in).Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution)
		if err != nil {
			t.Fatal(err)
		}
		if there := selector.Match(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n", Labels: c.node}}); there != c.there {
			t.Errorf("%s: a replica goes there: %t, want %t", c.why, there, c.there)
		}
	}
}
