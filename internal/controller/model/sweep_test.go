package model

import (
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"

	cluster "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/internal/member"
)

// TestRemovable 问得太少会留下东西，问成员不提供的种类则每删一个模型都白问一遍。
func TestRemovable(t *testing.T) {
	always := []schema.GroupKind{{Group: "apps", Kind: "Deployment"}, {Kind: "Service"}, {Kind: "Secret"}, {Kind: "PersistentVolumeClaim"}}
	for _, c := range []struct {
		reason string
		offers []cluster.Capability
		want   []schema.GroupKind
	}{
		{"a plain member", nil, always},
		{"scaled objects go first, or they would scale what goes", []cluster.Capability{cluster.CapabilityKEDA},
			append([]schema.GroupKind{member.ScaledObject.GroupKind()}, always...)},
		{"a member with everything", []cluster.Capability{cluster.CapabilityGatewayAPI, cluster.CapabilityKEDA, cluster.CapabilityKServe},
			append([]schema.GroupKind{member.ScaledObject.GroupKind(), member.LLMInferenceService.GroupKind()}, always...)},
	} {
		on := &cluster.Cluster{Status: cluster.ClusterStatus{Capabilities: c.offers}}
		if got := removable(on); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.reason, got, c.want)
		}
	}
}
