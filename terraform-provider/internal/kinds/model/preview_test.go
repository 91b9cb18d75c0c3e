package model

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

func TestPreview(t *testing.T) {
	at := metav1.NewTime(time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC))
	const manifests = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: kubellm-search\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: chat\n"
	rejected := []modelv1alpha1.RejectedCluster{{Cluster: "gpu-b", Reason: "FreeBlock", Message: "largest free block 1 < 2"}}
	const noAlarm = "\nClusters that the same apply makes or changes do not count yet: apply asks again right before it writes the model, " +
		"and the platform goes on trying after that."
	cases := map[string]struct {
		reason string
		plan   *modelv1alpha1.Plan
		want   string
	}{
		"None": {reason: "the platform said nothing: nothing would change"},
		"Placed": {
			reason: "says as of when, where, with which objects but not their text, and where not",
			plan: &modelv1alpha1.Plan{
				Time: at, Message: "1 of 2 clusters fit",
				Placements: []modelv1alpha1.ModelPlacement{
					{Cluster: "gpu-a", Replicas: 2, Product: "H100", Namespace: "kubellm-search"},
					{Cluster: "gpu-c", Replicas: 1},
				},
				RejectedClusters: rejected,
				Manifests:        []modelv1alpha1.PlannedManifests{{Cluster: "gpu-a", YAML: manifests}},
			},
			want: "As of 2026-07-01T12:00:00Z: 1 of 2 clusters fit\n" +
				"- gpu-a: 2 replicas on H100, in the namespace kubellm-search: Namespace kubellm-search, Deployment chat\n" +
				"- gpu-c: 1 replica\n" +
				"- gpu-b: does not fit (FreeBlock): largest free block 1 < 2",
		},
		"NoneYet": {
			reason: "clusters of the same apply do not stand yet: no alarm",
			plan:   &modelv1alpha1.Plan{Time: at, Message: "No Cluster has the labels"},
			want:   "As of 2026-07-01T12:00:00Z: No Cluster has the labels" + noAlarm,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := preview(&modelv1alpha1.Model{Status: modelv1alpha1.ModelStatus{Plan: c.plan}}); got != c.want {
				t.Errorf("%s: it says\n%s\nwant\n%s", c.reason, got, c.want)
			}
		})
	}
}
