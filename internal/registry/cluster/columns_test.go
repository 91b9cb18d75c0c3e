package cluster

import (
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/cluster"
	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
)

// TestColumns 保证 kubectl get clusters 不说假话：没看过的留空，旧的标明是旧的。
func TestColumns(t *testing.T) {
	known := func(status metav1.ConditionStatus) []metav1.Condition {
		return []metav1.Condition{{Type: v1alpha1.ConditionCapacityKnown, Status: status}}
	}
	two := []cluster.Accelerator{
		{Product: "A100", Allocatable: 8, Free: 3, LargestFreeBlock: 2},
		{Product: "H100", Allocatable: 16, Free: 12, LargestFreeBlock: 8},
	}
	five := slices.Concat(two, two, two[:1])
	cases := map[string]struct {
		reason string
		status cluster.ClusterStatus
		want   map[string]any
	}{
		"unseen":     {"nothing is known, so nothing is said", cluster.ClusterStatus{}, map[string]any{"Ready": "", "Nodes": "", "Free-GPUs": "", "Largest Block": nil, "Products": "", "Expires": ""}},
		"no GPUs":    {"that there are none is known", cluster.ClusterStatus{Conditions: known(metav1.ConditionTrue)}, map[string]any{"Free-GPUs": "0/0", "Largest Block": nil}},
		"two":        {"products are added up, the block is the largest of all", cluster.ClusterStatus{Conditions: known(metav1.ConditionTrue), Accelerators: two}, map[string]any{"Free-GPUs": "15/24", "Largest Block": int32(8), "Products": "A100:3/8,H100:12/16"}},
		"stale":      {"old numbers are shown as old", cluster.ClusterStatus{Conditions: known(metav1.ConditionUnknown), Accelerators: two}, map[string]any{"Free-GPUs": "15/24 (stale)"}},
		"many":       {"the line stays readable", cluster.ClusterStatus{Accelerators: five}, map[string]any{"Products": "A100:3/8,H100:12/16,A100:3/8,+2"}},
		"everything": {"the rest of the columns", cluster.ClusterStatus{Version: "v1.37.2", Endpoint: "https://m", Nodes: &cluster.NodeSummary{Ready: 2, Total: 3}, CredentialsExpireAt: ptr.To(metav1.Unix(0, 0))}, map[string]any{"Version": "v1.37.2", "Endpoint": "https://m", "Nodes": "2/3", "Expires": "1970-01-01T00:00:00Z"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Log(tc.reason)
			seen := sets.New[string]()
			for _, column := range columns() {
				seen.Insert(column.Name)
				if want, ok := tc.want[column.Name]; ok && column.Value(&cluster.Cluster{Status: tc.status}) != want {
					t.Errorf("%s: got %#v, want %#v", column.Name, column.Value(&cluster.Cluster{Status: tc.status}), want)
				}
			}
			if !seen.HasAll(sets.List(sets.KeySet(tc.want))...) {
				t.Errorf("some of %v are no columns", sets.List(sets.KeySet(tc.want)))
			}
		})
	}
}
