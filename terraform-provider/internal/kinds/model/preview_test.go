package model

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

func TestPreview(t *testing.T) {
	at := metav1.NewTime(time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC))
	cases := map[string]struct {
		reason string
		plan   *modelv1alpha1.Plan
		want   string
	}{
		"None": {reason: "平台没说打算，例如没有试运行"},
		"Placed": {
			reason: "说出何时、放在哪里、哪里放不下",
			plan: &modelv1alpha1.Plan{
				Time: at, Message: "1 of 2 clusters fit",
				Placements: []modelv1alpha1.ModelPlacement{
					{Cluster: "gpu-a", Replicas: 2, Product: "H100", Namespace: "kubellm-search"},
					{Cluster: "gpu-c", Replicas: 1},
				},
				RejectedClusters: []modelv1alpha1.RejectedCluster{{Cluster: "gpu-b", Reason: "FreeBlock", Message: "largest free block 1 < 2"}},
				Manifests:        []modelv1alpha1.PlannedManifests{{Cluster: "gpu-a", YAML: "kind: Deployment"}},
			},
			want: "As of 2026-07-01T12:00:00Z: 1 of 2 clusters fit\n" +
				"- gpu-a: 2 replicas on H100, in the namespace kubellm-search\n" +
				"- gpu-c: 1 replica\n" +
				"- gpu-b: does not fit (FreeBlock): largest free block 1 < 2",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := preview(&modelv1alpha1.Model{Status: modelv1alpha1.ModelStatus{Plan: c.plan}})
			if got != c.want {
				t.Errorf("%s: the text is\n%s\nwant\n%s", c.reason, got, c.want)
			}
		})
	}
}
