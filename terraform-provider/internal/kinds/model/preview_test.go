package model

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

func TestPreview(t *testing.T) {
	at := metav1.NewTime(time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC))
	const manifests = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: kubellm-search\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: chat\n"
	rejected := []modelv1alpha1.RejectedCluster{{Cluster: "gpu-b", Reason: "FreeBlock", Message: "largest free block 1 < 2"}}
	cases := map[string]struct {
		reason string
		plan   *modelv1alpha1.Plan
		// brief 是警告；whole 是属性里多出来的。
		brief, whole string
	}{
		"None": {reason: "the platform said nothing, as without a dry run"},
		"Placed": {
			reason: "says as of when, where, with which objects, and where not",
			plan: &modelv1alpha1.Plan{
				Time: at, Message: "1 of 2 clusters fit",
				Placements: []modelv1alpha1.ModelPlacement{
					{Cluster: "gpu-a", Replicas: 2, Product: "H100", Namespace: "kubellm-search"},
					{Cluster: "gpu-c", Replicas: 1},
				},
				RejectedClusters: rejected,
				Manifests:        []modelv1alpha1.PlannedManifests{{Cluster: "gpu-a", YAML: manifests}},
			},
			brief: "As of 2026-07-01T12:00:00Z: 1 of 2 clusters fit\n" +
				"- gpu-a: 2 replicas on H100, in the namespace kubellm-search: Namespace kubellm-search, Deployment chat\n" +
				"- gpu-c: 1 replica\n" +
				"- gpu-b: does not fit (FreeBlock): largest free block 1 < 2",
			whole: "\n\nTo be applied to gpu-a:\n\n" + strings.TrimSpace(manifests),
		},
		"NoneYet": {
			reason: "clusters of the same apply do not stand yet: no alarm",
			plan:   &modelv1alpha1.Plan{Time: at, Message: "No Cluster has the labels"},
			brief: "As of 2026-07-01T12:00:00Z: No Cluster has the labels\n" +
				"Clusters that the same apply makes or changes do not count yet: apply asks again right before it writes the model, " +
				"and the platform goes on trying after that.",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := preview(&modelv1alpha1.Model{Status: modelv1alpha1.ModelStatus{Plan: c.plan}})
			if got.Brief != c.brief {
				t.Errorf("%s: the warning is\n%s\nwant\n%s", c.reason, got.Brief, c.brief)
			}
			if got.Whole != c.brief+c.whole {
				t.Errorf("%s: what is kept is\n%s\nwant\n%s", c.reason, got.Whole, c.brief+c.whole)
			}
		})
	}
}
