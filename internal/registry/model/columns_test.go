package model

import (
	"testing"

	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/model"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// TestReplicasColumn 看不到的不说是零：那里多半还好好服务着。
func TestReplicasColumn(t *testing.T) {
	at := func(phases ...v1alpha1.PlacementPhase) (all []model.ModelPlacement) {
		for _, phase := range phases {
			all = append(all, model.ModelPlacement{Phase: model.PlacementPhase(phase)})
		}
		return all
	}
	for _, test := range []struct {
		why        string
		ready      int32
		suspended  bool
		placements []model.ModelPlacement
		want       string
	}{
		{"placed nowhere: none is ready, and everybody knows", 0, false, nil, "0/2"},
		{"its Cluster can be seen", 2, false, at(v1alpha1.PlacementReady), "2/2"},
		{"it is starting", 0, false, at(v1alpha1.PlacementPending), "0/2"},
		{"its Cluster cannot be seen", 0, false, at(v1alpha1.PlacementUnreachable), "?/2"},
		{"none of its Clusters can be seen", 0, false, at(v1alpha1.PlacementUnreachable, v1alpha1.PlacementUnreachable), "?/2"},
		{"one of its Clusters can be seen", 1, false, at(v1alpha1.PlacementUnreachable, v1alpha1.PlacementLoading), "1/2"},
		{"suspended, and whether that has arrived is not known", 0, true, at(v1alpha1.PlacementUnreachable), "?/0"},
	} {
		m := &model.Model{Spec: model.ModelSpec{Scaling: &model.Scaling{Replicas: ptr.To[int32](2)}, Suspended: ptr.To(test.suspended)},
			Status: model.ModelStatus{ReadyReplicas: test.ready, Placements: test.placements}}
		if got := replicas(m); got != test.want {
			t.Errorf("%s: %q, want %q", test.why, got, test.want)
		}
	}
}
