package engine

import (
	"maps"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/sets"

	model "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// TestHeldCredentialsRenderTheSame 内容不在手上时渲染的，除了 Secret 的内容，与内容在手上时一样；没有的凭证也一样没有。
func TestHeldCredentialsRenderTheSame(t *testing.T) {
	for why, given := range map[string]map[string][]byte{
		"all of them": base().Credentials,
		"one of them": {model.CredentialToken: []byte(tokenValue)},
		"none of them, whatever the references and the status promise": {},
	} {
		t.Run(why, func(t *testing.T) {
			each(t, func(t *testing.T, in Input) {
				in.Model.Status.CredentialsVersion = in.CredentialsVersion
				in.Credentials = given
				full, err := Manifests(in)
				if err != nil {
					t.Fatal(err)
				}
				keys := secretKeys(t, in)
				in.Credentials, in.Held = nil, sets.KeySet(given)
				held, err := Manifests(in)
				if err != nil {
					t.Fatal(err)
				}
				if full != held {
					t.Errorf("without the content it is\n%s\nwith it\n%s", held, full)
				}
				if !maps.EqualFunc(keys, secretKeys(t, in), slices.Equal) {
					t.Errorf("without the content the Secrets have the keys %v, with it %v", secretKeys(t, in), keys)
				}
			})
		})
	}
}

// secretKeys 是渲染出来的各个 Secret 的键。
func secretKeys(t *testing.T, in Input) map[string][]string {
	t.Helper()
	keys := map[string][]string{}
	for _, object := range render(t, in) {
		if object.GetKind() == "Secret" {
			data, _, _ := unstructured.NestedMap(object.Object, "data")
			keys[object.GetName()] = slices.Sorted(maps.Keys(data))
		}
	}
	return keys
}
