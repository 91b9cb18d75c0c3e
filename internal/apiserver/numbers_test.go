package apiserver

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	genericapiserver "k8s.io/apiserver/pkg/server"
)

// TestRefuseOverflow 放不进 32 位的数得到指名字段的 422，别的请求一个字节也不少地过去。
func TestRefuseOverflow(t *testing.T) {
	numbers := newNumbers(addOpenAPI(genericapiserver.NewConfig(Codecs)), 1<<20)
	const apply = "application/apply-patch+yaml"
	model := func(spec string) string {
		return "apiVersion: model.kubellm.io/v1alpha1\nkind: Model\nmetadata: {name: a}\nspec: {" + spec + "}\n"
	}
	for name, tc := range map[string]struct {
		reason, contentType, body string
		// fields 是被点名的字段；一个也没有就该放行。
		fields []string
	}{
		"fits":        {"all of it can be stored", apply, model("scaling: {replicas: 2147483647}"), nil},
		"too large":   {"it would become 1", apply, model("scaling: {replicas: 4294967297}"), []string{"spec.scaling.replicas", "4294967297"}},
		"too small":   {"it would become 1", apply, model("scaling: {replicas: -4294967295}"), []string{"spec.scaling.replicas"}},
		"no integer":  {"it would become 0", apply, model("scaling: {replicas: 1e30}"), []string{"spec.scaling.replicas"}},
		"several":     {"each of them is named", apply, model("scaling: {replicas: 4294967297}, resources: {accelerator: {count: 9999999999}}"), []string{"spec.scaling.replicas", "spec.resources.accelerator.count"}},
		"in a list":   {"status is written like this too", apply, strings.Replace(model(""), "spec: {}", "status: {placements: [{cluster: a}, {replicas: 4294967297}]}", 1), []string{"status.placements[1].replicas"}},
		"JSON":        {"the toolchains write JSON", apply, `{"apiVersion":"model.kubellm.io/v1alpha1","kind":"Model","metadata":{"name":"a"},"spec":{"scaling":{"replicas":4294967297}}}`, []string{"spec.scaling.replicas"}},
		"scale":       {"a subresource is of another kind", apply, "apiVersion: autoscaling/v1\nkind: Scale\nspec: {replicas: 4294967297}\n", []string{"spec.replicas"}},
		"64 bits":     {"a generation may be as large", apply, strings.Replace(model(""), "spec: {}", "status: {observedGeneration: 4294967297}", 1), nil},
		"quantity":    {"an amount is no 32-bit number", apply, model("resources: {memory: 68719476736}"), nil},
		"elsewhere":   {"what nobody declares is refused later", apply, model("unknown: 4294967297"), nil},
		"other kind":  {"what is not known is refused later", apply, "apiVersion: a/v1\nkind: B\nspec: {replicas: 4294967297}\n", nil},
		"garbage":     {"what cannot be read is refused later", apply, "{", nil},
		"other patch": {"decoding it fails by itself", "application/merge-patch+json", `{"spec":{"scaling":{"replicas":4294967297}}}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			passed := ""
			handler := numbers.refuseOverflow(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				raw, err := io.ReadAll(r.Body)
				if err != nil {
					t.Fatal(err)
				}
				passed = string(raw)
			}))
			request := httptest.NewRequest(http.MethodPatch, "/", strings.NewReader(tc.body))
			request.Header.Set("Content-Type", tc.contentType)
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, request)
			if len(tc.fields) == 0 && passed != tc.body {
				t.Errorf("%s: it was answered with %d: %s", tc.reason, answer.Code, answer.Body)
			}
			if len(tc.fields) > 0 && (answer.Code != http.StatusUnprocessableEntity || passed != "") {
				t.Errorf("%s: it was answered with %d: %s", tc.reason, answer.Code, answer.Body)
			}
			for _, fact := range tc.fields {
				if !strings.Contains(answer.Body.String(), fact) {
					t.Errorf("%s: %s is not named: %s", tc.reason, fact, answer.Body)
				}
			}
		})
	}
	t.Run("too long", func(t *testing.T) {
		long, passed := strings.Repeat("a: b\n", 1<<18), 0
		handler := numbers.refuseOverflow(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			raw, _ := io.ReadAll(r.Body)
			passed = len(raw)
		}))
		request := httptest.NewRequest(http.MethodPatch, "/", strings.NewReader(long))
		request.Header.Set("Content-Type", apply)
		handler.ServeHTTP(httptest.NewRecorder(), request)
		if passed != len(long) {
			t.Errorf("whoever refuses a body that is too long sees %d of its %d bytes", passed, len(long))
		}
	})
}
