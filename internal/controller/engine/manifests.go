package engine

import (
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// Manifests 是计划里给人看的：与应用的同一份，只是 Secret 没有内容。
func Manifests(in Input) (string, error) {
	objects, err := Render(in)
	if err != nil {
		return "", err
	}
	documents := make([]string, 0, len(objects))
	for _, object := range objects {
		content := object.(*unstructured.Unstructured).Object
		if content["kind"] == "Secret" {
			delete(content, "data")
		}
		document, err := yaml.Marshal(content)
		if err != nil {
			return "", err
		}
		documents = append(documents, string(document))
	}
	return strings.Join(documents, "---\n"), nil
}
