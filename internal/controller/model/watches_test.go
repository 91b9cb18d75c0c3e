package model

import (
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// TestRoomier 腾出了地方的，等着地方的都要知道；没有腾出的不必惊动谁。
func TestRoomier(t *testing.T) {
	placed := func(cluster string, replicas int32) v1alpha1.ModelStatus {
		return v1alpha1.ModelStatus{Placements: []v1alpha1.ModelPlacement{{Cluster: cluster, Replicas: replicas}}}
	}
	leaving := placed("b", 1)
	leaving.RemovedPlacements = []v1alpha1.RemovedPlacement{{Cluster: "a"}}
	observed := placed("a", 2)
	observed.Placements[0].ReadyReplicas = 2
	for _, test := range []struct {
		why     string
		was, is v1alpha1.ModelStatus
		want    bool
	}{
		{"fewer replicas hold less", placed("a", 2), placed("a", 1), true},
		{"it goes elsewhere", placed("a", 1), leaving, true},
		{"what it left is gone from there", leaving, placed("b", 1), true},
		{"nothing is held any more", placed("a", 1), v1alpha1.ModelStatus{}, true},
		{"it held nothing before", v1alpha1.ModelStatus{}, placed("a", 1), false},
		{"only what is seen there changed", placed("a", 2), observed, false},
	} {
		update := event.UpdateEvent{ObjectOld: &v1alpha1.Model{Status: test.was}, ObjectNew: &v1alpha1.Model{Status: test.is}}
		if got := roomier.Update(update); got != test.want {
			t.Errorf("%s: the waiting are told: %t", test.why, got)
		}
	}
}
