package crossplane

import (
	"testing"

	namespacediam "github.com/kubellm/kubellm/apis/managed/namespaced/iam/v1alpha1"
	"github.com/kubellm/kubellm/apis/meta"
)

func TestWantsAdoption(t *testing.T) {
	cases := map[string]struct {
		reason      string
		annotations map[string]string
		holder      string
		want        bool
	}{
		"not asked":           {reason: "Without the annotation nothing is adopted.", holder: "terraform/1"},
		"any":                 {reason: "\"true\" adopts from whomever.", annotations: map[string]string{meta.AdoptAnnotation: "true"}, holder: "terraform/1", want: true},
		"any, unmarked":       {reason: "\"true\" adopts what nobody has marked.", annotations: map[string]string{meta.AdoptAnnotation: "true"}, want: true},
		"this holder":         {reason: "A holder's mark adopts from that one.", annotations: map[string]string{meta.AdoptAnnotation: "terraform/1"}, holder: "terraform/1", want: true},
		"another holder":      {reason: "A holder's mark adopts from no other.", annotations: map[string]string{meta.AdoptAnnotation: "terraform/1"}, holder: "terraform/2"},
		"holder, unmarked":    {reason: "A holder's mark does not adopt what nobody has marked.", annotations: map[string]string{meta.AdoptAnnotation: "terraform/1"}},
		"already adopted":     {reason: "Adoption happens once, or two that both ask would never rest.", annotations: map[string]string{meta.AdoptAnnotation: "true", adoptedAnnotation: "uid true"}, holder: "terraform/1"},
		"adopted another":     {reason: "A new object of the same name is another one.", annotations: map[string]string{meta.AdoptAnnotation: "true", adoptedAnnotation: "old true"}, holder: "terraform/1", want: true},
		"asked anew by name":  {reason: "Naming the holder asks anew.", annotations: map[string]string{meta.AdoptAnnotation: "terraform/1", adoptedAnnotation: "uid true"}, holder: "terraform/1", want: true},
		"neither true nor it": {reason: "Any other value is no consent.", annotations: map[string]string{meta.AdoptAnnotation: "yes"}, holder: "terraform/1"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			mg := &namespacediam.User{}
			mg.SetAnnotations(tc.annotations)
			if got := wantsAdoption(mg, "uid", tc.holder); got != tc.want {
				t.Errorf("%s\nwantsAdoption(...): got %t, want %t", tc.reason, got, tc.want)
			}
		})
	}
}
