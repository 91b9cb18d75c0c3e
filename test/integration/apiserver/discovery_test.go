package apiserver

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// TestDiscovery 保证客户端能找到每个种类的一切叫法和动词，新旧两种发现协议说的一样。
func TestDiscovery(t *testing.T) {
	eachKind(t, func(t *testing.T, k kind) {
		resources := discovered(t, k.version)
		main, ok := resources[k.plural]
		if !ok {
			t.Fatalf("%s is not discoverable: %v", k.plural, resources)
		}
		want := metav1.APIResource{
			Name: k.plural, SingularName: k.singular, Kind: k.kind, Namespaced: k.namespace != "", ShortNames: []string{k.short}, Categories: []string{"kubellm"},
			Verbs:              metav1.Verbs{"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"},
			StorageVersionHash: main.StorageVersionHash,
		}
		slices.Sort(main.Verbs)
		if diff := cmp.Diff(want, main); diff != "" {
			t.Errorf("%s (-want +got):\n%s", k.plural, diff)
		}
		status := resources[k.plural+"/status"]
		slices.Sort(status.Verbs)
		if diff := cmp.Diff(metav1.Verbs{"get", "patch", "update"}, status.Verbs); diff != "" || status.Kind != k.kind {
			t.Errorf("%s/status is a %q (-want +got):\n%s", k.plural, status.Kind, diff)
		}

		const aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
		got := shared.admin.send(t, http.MethodGet, "/apis", "", "Accept", aggregated)
		for _, name := range []string{`"resource":"` + k.plural + `"`, `"singularResource":"` + k.singular + `"`, `"` + k.short + `"`, `"subresource":"status"`} {
			if !strings.Contains(strings.ReplaceAll(got.body, " ", ""), name) {
				t.Errorf("aggregated discovery lacks %s: %.500s", name, got.body)
			}
		}
	})
}

// discovered 是一个组里发现到的资源。
func discovered(t *testing.T, version schema.GroupVersion) map[string]metav1.APIResource {
	t.Helper()
	var list metav1.APIResourceList
	got := shared.admin.send(t, http.MethodGet, "/apis/"+version.String(), "", "Accept", jsonType)
	if err := json.Unmarshal([]byte(got.body), &list); err != nil || list.GroupVersion != version.String() {
		t.Fatalf("discovery gave %d %v: %.300s", got.code, err, got.body)
	}
	byName := map[string]metav1.APIResource{}
	for _, resource := range list.APIResources {
		byName[resource.Name] = resource
	}
	return byName
}

// model 是 OpenAPI 里的一个类型，只取测试要看的部分。
type model struct {
	Description string           `json:"description"`
	Properties  map[string]model `json:"properties"`
	Ref         string           `json:"$ref"`
	AllOf       []model          `json:"allOf"`
	Kinds       []struct {
		Group, Version, Kind string
	} `json:"x-kubernetes-group-version-kind"`
}

// TestOpenAPI 保证两个版本的 OpenAPI 都有每个种类，字段都带说明：kubectl explain 与各种生成器靠它。
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	var v2 struct {
		Definitions map[string]model `json:"definitions"`
		Paths       map[string]any   `json:"paths"`
	}
	decode(t, shared.admin.send(t, http.MethodGet, "/openapi/v2", ""), &v2)
	var index struct {
		Paths map[string]struct {
			ServerRelativeURL string `json:"serverRelativeURL"`
		} `json:"paths"`
	}
	decode(t, shared.admin.send(t, http.MethodGet, "/openapi/v3", ""), &index)
	var v3 struct {
		Paths      map[string]any `json:"paths"`
		Components struct {
			Schemas map[string]model `json:"schemas"`
		} `json:"components"`
	}
	for _, k := range kinds {
		// 每个组一份；解到同一处，内容合在一起。
		decode(t, shared.admin.send(t, http.MethodGet, index.Paths["apis/"+k.version.String()].ServerRelativeURL, ""), &v3)
	}

	for version, schemas := range map[string]map[string]model{"v2": v2.Definitions, "v3": v3.Components.Schemas} {
		for _, k := range kinds {
			spec, ok := schemas[k.schema()+"Spec"]
			if !ok || spec.Properties[k.field].Description == "" {
				t.Errorf("OpenAPI %s does not describe %s.spec.%s: %+v", version, k.kind, k.field, spec)
			}
			object := schemas[k.schema()]
			if len(object.Kinds) != 1 || object.Kinds[0].Kind != k.kind || object.Kinds[0].Group != k.version.Group {
				t.Errorf("OpenAPI %s does not say which kind %s is: %+v", version, k.kind, object.Kinds)
			}
			for _, field := range []string{"metadata", "spec", "status"} {
				if object.Properties[field].Description == "" {
					t.Errorf("OpenAPI %s does not describe %s.%s", version, k.kind, field)
				}
			}
		}
		// 服务端的内部类型不属于对外的约定。
		for name := range schemas {
			if strings.Contains(name, "kubellm.apis.iam.User") || strings.Contains(name, "kubellm/apis") {
				t.Errorf("OpenAPI %s shows the internal type %s", version, name)
			}
		}
	}
	for version, paths := range map[string]map[string]any{"v2": v2.Paths, "v3": v3.Paths} {
		for _, k := range kinds {
			for _, path := range []string{k.path(), k.path("{name}"), k.path("{name}", "status")} {
				if k.namespace != "" {
					path = strings.Replace(path, "/namespaces/"+k.namespace+"/", "/namespaces/{namespace}/", 1)
				}
				if paths[path] == nil {
					t.Errorf("OpenAPI %s lacks the path %s", version, path)
				}
			}
		}
	}
}

func decode(t *testing.T, got answer, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(got.body), into); err != nil || got.code != http.StatusOK {
		t.Fatalf("got %d (%v): %.300s", got.code, err, got.body)
	}
}
