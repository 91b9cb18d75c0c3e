package apiserver

import (
	"strings"
	"testing"

	"k8s.io/utils/ptr"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// TestPlannedManifests 计划里的清单只在真会放上去时才有：答应不了的、那里缺了要的能力的，控制器什么也不放。
func TestPlannedManifests(t *testing.T) {
	wanted := func(edit func(*v1alpha1.Model)) *v1alpha1.Model {
		m := &v1alpha1.Model{Spec: v1alpha1.ModelSpec{
			Source: v1alpha1.ModelSource{HuggingFace: &v1alpha1.HuggingFaceSource{Repo: "a/b"}},
			Engine: v1alpha1.Engine{Type: v1alpha1.EngineVLLM, Image: ptr.To("example.org/vllm:1")},
		}}
		m.Name, m.Namespace, m.UID = "chat", "default", "1"
		if edit != nil {
			edit(m)
		}
		return m
	}
	lacking := []v1alpha1.RejectedCluster{{Cluster: "a", Reason: v1alpha1.RejectedCapability}}
	for name, c := range map[string]struct {
		why      string
		model    *v1alpha1.Model
		rejected []v1alpha1.RejectedCluster
		applied  bool
	}{
		"fits":              {"all of it is applied", wanted(nil), nil, true},
		"elsewhere lacking": {"another cluster is not this one", wanted(nil), []v1alpha1.RejectedCluster{{Cluster: "b", Reason: v1alpha1.RejectedCapability}}, true},
		"lacking":           {"half of it would be worse than what runs", wanted(nil), lacking, false},
		"more accelerators": {"they were not granted", wanted(func(m *v1alpha1.Model) {
			m.Spec.Resources = &v1alpha1.Resources{Accelerator: &v1alpha1.AcceleratorRequest{Count: ptr.To[int32](2)}}
		}), nil, false},
		"suspended": {"what is to stop can always be stopped", wanted(func(m *v1alpha1.Model) { m.Spec.Suspended = ptr.To(true) }), lacking, true},
	} {
		on := &clusterv1alpha1.Cluster{}
		on.Name, on.UID = "a", "2"
		yaml, err := placer{}.Manifests(c.model, on, v1alpha1.ModelPlacement{Cluster: "a", Replicas: 1}, c.rejected)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := strings.Contains(yaml, "kind: Deployment"); got != c.applied || strings.HasPrefix(yaml, "# Nothing") == c.applied {
			t.Errorf("%s: a Deployment is in the plan: %t, want %t, because %s:\n%s", name, got, c.applied, c.why, yaml)
		}
	}
}
