package crossplane

import (
	"os"
	"path/filepath"
	"testing"

	pkgmetav1 "github.com/crossplane/crossplane/apis/v2/pkg/meta/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	managedapis "github.com/kubellm/kubellm/apis/managed"
)

// TestPackage 保证 package/ 是 Crossplane 认得的包：元数据没有写错的字段、声明了 safe-start，每个 CRD 都有对应的 Go 类型。
func TestPackage(t *testing.T) {
	root := filepath.Join("..", "..", "package")
	raw, err := os.ReadFile(filepath.Join(root, "crossplane.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	provider := &pkgmetav1.Provider{}
	if err := yaml.UnmarshalStrict(raw, provider); err != nil {
		t.Fatal(err)
	}
	if provider.APIVersion != "meta.pkg.crossplane.io/v1" || provider.Kind != "Provider" {
		t.Errorf("crossplane.yaml is a %s %s", provider.APIVersion, provider.Kind)
	}
	if !pkgmetav1.CapabilitiesContainFuzzyMatch(provider.Spec.Capabilities, pkgmetav1.ProviderCapabilitySafeStart) {
		t.Errorf("capabilities %q lack %s", provider.Spec.Capabilities, pkgmetav1.ProviderCapabilitySafeStart)
	}
	scheme := runtime.NewScheme()
	if err := managedapis.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(root, "crds", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if want := len(managedKinds) + 5; len(files) != want {
		t.Errorf("got %d CRDs, want %d: one for each managed resource and five for the provider configs", len(files), want)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		crd := &apiextensionsv1.CustomResourceDefinition{}
		if err := yaml.UnmarshalStrict(raw, crd); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		gvk := schema.GroupVersionKind{Group: crd.Spec.Group, Version: crd.Spec.Versions[0].Name, Kind: crd.Spec.Names.Kind}
		if !scheme.Recognizes(gvk) {
			t.Errorf("%s: %s has no Go type", file, gvk)
		}
	}
}
