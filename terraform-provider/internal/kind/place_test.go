package kind

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/external"
	"github.com/kubellm/kubellm/internal/external/kinds"
)

func TestImportKey(t *testing.T) {
	cases := map[string]struct {
		reason, id string
		want       external.Key
		bad        bool
	}{
		"Both":        {reason: "namespace/name", id: "search/qwen", want: external.Key{Namespace: "search", Name: "qwen"}},
		"NameOnly":    {reason: "it does not say which namespace is meant", id: "qwen", bad: true},
		"NoName":      {reason: "it has no name", id: "search/", bad: true},
		"NoNamespace": {reason: "it has no namespace", id: "/qwen", bad: true},
		"TooMany":     {reason: "it has a part too many", id: "a/b/c", bad: true},
	}
	k := &Kind[struct{}, *modelv1alpha1.Model, *modelv1alpha1.ModelList]{Name: "model", Title: "model", External: kinds.Model}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, diags := k.importKey(t.Context(), resource.ImportStateRequest{ID: c.id})
			if diags.HasError() != c.bad || !c.bad && got != c.want {
				t.Errorf("%s: importKey(%q) = %v, %v; want %v", c.reason, c.id, got, diags, c.want)
			}
			if !c.bad && id(got) != c.id {
				t.Errorf("%s: %v is shown as %q and could not be imported by that", c.reason, got, id(got))
			}
		})
	}
}

func TestLocated(t *testing.T) {
	k := &Kind[struct{}, *modelv1alpha1.Model, *modelv1alpha1.ModelList]{External: kinds.Model}
	want := external.Key{Namespace: "search", Name: "qwen"}
	object := k.located(want)
	if got := keyOf(object); got != want || object.UID != "" || !object.CreationTimestamp.Equal(&metav1.Time{}) {
		t.Errorf("located(%v) is at %v", want, got)
	}
}
