package examples

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/kubellm/kubellm/test/harness"
)

// TestNames 演示把 examples/platform 与 examples/crossplane 应用到同一个平台：
// 两边写同一个对象，后来的会被拒绝，所以它们各用各的名字；只观察的与声明要接管的除外。
func TestNames(t *testing.T) {
	root, err := harness.Root()
	if err != nil {
		t.Fatal(err)
	}
	writtenBy := map[string]string{}
	for _, object := range objects(t, filepath.Join(root, "examples", "platform")) {
		writtenBy[external(object)] = "examples/platform"
	}
	managed := 0
	for _, object := range objects(t, filepath.Join(root, "examples", "crossplane")) {
		policies, _, _ := unstructured.NestedStringSlice(object.Object, "spec", "managementPolicies")
		if _, isManaged := object.Object["spec"].(map[string]any)["forProvider"]; !isManaged || len(policies) > 0 || object.GetAnnotations()["kubellm.io/adopt"] != "" {
			continue
		}
		managed++
		if other := writtenBy[external(object)]; other != "" {
			t.Errorf("examples/crossplane and %s both write %s", other, external(object))
		}
		writtenBy[external(object)] = "examples/crossplane"
	}
	if managed == 0 {
		t.Error("examples/crossplane has no managed resources")
	}
}

// external 是 object 在平台上的种类、命名空间与名字。
func external(object *unstructured.Unstructured) string {
	name, namespace := object.GetName(), ""
	if given := object.GetAnnotations()["crossplane.io/external-name"]; given != "" {
		name = given
	}
	if object.GetKind() == "Model" {
		namespace, _, _ = unstructured.NestedString(object.Object, "spec", "forProvider", "namespace")
		if namespace == "" {
			namespace = object.GetNamespace()
		}
	}
	return fmt.Sprintf("%s %s/%s", object.GetKind(), namespace, name)
}

// objects 是 folder 之下有 spec 的一切。
func objects(t *testing.T, folder string) []*unstructured.Unstructured {
	t.Helper()
	var found []*unstructured.Unstructured
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		documents := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(content), 4096)
		for {
			object := &unstructured.Unstructured{}
			switch err := documents.Decode(&object.Object); {
			case errors.Is(err, io.EOF):
				return nil
			case err != nil:
				return fmt.Errorf("read %s: %w", path, err)
			}
			if _, ok := object.Object["spec"].(map[string]any); ok {
				found = append(found, object)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
