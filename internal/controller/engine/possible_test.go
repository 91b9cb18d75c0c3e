package engine

import (
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	model "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// TestPossibleHasAllThatIsRendered 渲染得出来的，都在可能有的里，认得出是为这个模型放的：
// 漏了的，同名的下一个 Model 就接不过来，也收不走。
func TestPossibleHasAllThatIsRendered(t *testing.T) {
	kinds := map[string]bool{}
	each(t, func(t *testing.T, in Input) {
		all := Possible(in)
		for _, object := range render(t, in) {
			if object.GetKind() == "Namespace" {
				continue
			}
			kinds[object.GetKind()] = true
			if !slices.ContainsFunc(all, func(p *metav1.PartialObjectMetadata) bool {
				return p.GroupVersionKind() == object.GroupVersionKind() && client.ObjectKeyFromObject(p) == client.ObjectKeyFromObject(object)
			}) {
				t.Errorf("%s %s is rendered and not among what is possible", object.GetKind(), object.GetName())
			}
			another := in.Model.DeepCopy()
			another.Name += "-2"
			if !PlacedFor(in.Model, object.GetLabels()) || PlacedFor(another, object.GetLabels()) {
				t.Errorf("%s %s with %v is not told from one of another name", object.GetKind(), object.GetName(), object.GetLabels())
			}
			if labels := object.GetLabels(); labels[model.LabelModelUID] == "" {
				t.Errorf("%s %s bears no UID", object.GetKind(), object.GetName())
			}
		}
	})
	if len(kinds) != 6 {
		t.Errorf("only %v are rendered in all cases", kinds)
	}
}
