package model

import (
	"testing"

	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/model"
)

// TestScalePerCluster 保证 scale 说的副本数与它要的是一个口径：负载正好时，照 HorizontalPodAutoscaler 的算法
// （要的 = 现有的 × 比例，进一）算出来的就是现在要的，一次就到，不会越算越多。
func TestScalePerCluster(t *testing.T) {
	const lost = model.PlacementUnreachable
	for _, test := range []struct {
		name, reason string
		wanted       int32
		observed     int32
		phases       []model.PlacementPhase
		reported     int32
	}{
		{"one cluster", "the sum is the number of the one", 3, 3, []model.PlacementPhase{model.PlacementReady}, 3},
		{"two clusters", "each has what is wanted", 3, 6, []model.PlacementPhase{model.PlacementReady, model.PlacementReady}, 3},
		{"one of two is lost", "nothing is known of it, and it is not in the sum", 3, 3, []model.PlacementPhase{model.PlacementReady, lost}, 3},
		{"both are lost", "there is nothing to count", 3, 0, []model.PlacementPhase{lost, lost}, 0},
		{"on the way up", "half a replica is rounded up", 3, 5, []model.PlacementPhase{model.PlacementLoading, model.PlacementReady}, 3},
		{"just chosen", "nothing runs yet", 3, 0, []model.PlacementPhase{model.PlacementPending}, 0},
		{"placed nowhere", "nothing runs", 3, 0, nil, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := &model.Model{Spec: model.ModelSpec{Scaling: &model.Scaling{Replicas: ptr.To(test.wanted)}}}
			m.Status.Replicas = test.observed
			for _, phase := range test.phases {
				m.Status.Placements = append(m.Status.Placements, model.ModelPlacement{Phase: phase, Replicas: test.wanted})
			}
			reported, _ := scale().Status(m)
			if reported != test.reported {
				t.Fatalf("the scale says %d replicas, want %d: %s", reported, test.reported, test.reason)
			}
			if wanted := scale().Replicas(m); reported > wanted {
				t.Errorf("an autoscaler whose load is just right would go from %d to %d replicas", wanted, reported)
			}
		})
	}
}
