package model

import (
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/member"
)

// TestFollowed 只跟随自己用得着的种类：跟随得太多，别人的一种看不见就牵连到它；太少，被人动过也不知道。
func TestFollowed(t *testing.T) {
	own := []schema.GroupKind{{Kind: "Secret"}, {Kind: "PersistentVolumeClaim"}}
	deployed := append(slices.Clone(own), deploymentKind, schema.GroupKind{Kind: "Service"})
	for why, c := range map[string]struct {
		model *v1alpha1.Model
		want  []schema.GroupKind
	}{
		"a number of replicas":   {chat(), deployed},
		"the autoscaler decides": {chat(scaled), append(slices.Clone(deployed), member.ScaledObject.GroupKind())},
		"KServe serves it": {chat(func(m *v1alpha1.Model) { m.Spec.Engine.Delivery = ptr.To(v1alpha1.DeliveryKServe) }),
			append(slices.Clone(own), member.LLMInferenceService.GroupKind())},
	} {
		if got := followed(view{Model: c.model}); !slices.Equal(got, c.want) {
			t.Errorf("%s: followed are %v, want %v", why, got, c.want)
		}
	}
}
