package kinds_test

import (
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta/testrestmapper"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"

	"github.com/kubellm/kubellm/apis/generated/clientset/versioned"
	"github.com/kubellm/kubellm/apis/generated/clientset/versioned/scheme"
	"github.com/kubellm/kubellm/internal/external"
	"github.com/kubellm/kubellm/internal/external/kinds"
)

// TestKinds 查每个种类的描述与生成的类型是否一致。
func TestKinds(t *testing.T) {
	t.Run("User", func(t *testing.T) { check(t, kinds.User, "groups") })
	t.Run("Role", func(t *testing.T) { check(t, kinds.Role, "rules") })
	t.Run("RoleBinding", func(t *testing.T) { check(t, kinds.RoleBinding, "subjects", "namespaces", "allNamespaces") })
	t.Run("Cluster", func(t *testing.T) { check(t, kinds.Cluster, "insecureSkipTLSVerify") })
	t.Run("Model", func(t *testing.T) { check(t, kinds.Model) })
}

// check 查类型、资源名与授权字段；granting 是该种类授予权限的 spec 字段。
func check[T external.Object, L runtime.Object](t *testing.T, k *external.Kind[T, L], granting ...string) {
	t.Helper()
	kinds, _, err := scheme.Scheme.ObjectKinds(k.New())
	if err != nil || !slices.Contains(kinds, k.GroupVersionKind) {
		t.Errorf("New makes %v, the kind is %v: %v", kinds, k.GroupVersionKind, err)
	}
	mapping, err := testrestmapper.TestOnlyStaticRESTMapper(scheme.Scheme).RESTMapping(k.GroupVersionKind.GroupKind())
	if err != nil || mapping.Resource.Resource != k.Resource {
		t.Errorf("the resource is %q, want %q: %v", k.Resource, mapping.Resource.Resource, err)
	}
	clients, err := versioned.NewForConfig(&rest.Config{Host: "https://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	if k.Client(clients, "") == nil {
		t.Error("there is no client")
	}
	var facets []string
	for _, f := range k.Facets {
		if len(f.Path) < 2 || f.Path[0] != "spec" || f.Unset == nil {
			t.Errorf("facet %v with unset value %v", f.Path, f.Unset)
		}
		facets = append(facets, f.Path[len(f.Path)-1])
	}
	if !slices.Equal(facets, granting) {
		t.Errorf("fields that grant something are %v, want %v", facets, granting)
	}
}
