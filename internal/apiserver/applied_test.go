package apiserver

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestRefuseMalformed 类型不合的应用得到说得出哪里不合的 400，别的请求一个字节也不少地过去。
func TestRefuseMalformed(t *testing.T) {
	const apply, limit = "application/apply-patch+yaml", 1 << 20
	model := func(spec string) string {
		return "apiVersion: model.kubellm.io/v1alpha1\nkind: Model\nmetadata: {name: a}\nspec: {" + spec + "}\n"
	}
	status := func(status string) string { return strings.Replace(model(""), "spec: {}", "status: {"+status+"}", 1) }
	for name, tc := range map[string]struct {
		reason, contentType, body, query string
		// says 是回答里要有的；空的就该放行。
		says string
	}{
		"fits":            {"all of it can be stored", apply, model("scaling: {replicas: 2147483647}"), "", ""},
		"too large":       {"it would become 1", apply, model("scaling: {replicas: 4294967297}"), "", "spec.scaling.replicas"},
		"too small":       {"it would become 1", apply, model("scaling: {replicas: -4294967295}"), "", "spec.scaling.replicas"},
		"no integer":      {"it would become 0", apply, model("scaling: {replicas: 1e30}"), "", "spec.scaling.replicas"},
		"in a list":       {"status is written like this too", apply, status("placements: [{cluster: a, replicas: 4294967297}]"), "", "status.placements.replicas"},
		"JSON":            {"the toolchains write JSON", apply, `{"apiVersion":"model.kubellm.io/v1alpha1","kind":"Model","metadata":{"name":"a"},"spec":{"scaling":{"replicas":4294967297}}}`, "", "spec.scaling.replicas"},
		"other type":      {"it is the writer's fault, not the server's", apply, model("suspended: 'yes'"), "", "spec.suspended"},
		"no quantity":     {"it is the writer's fault, not the server's", apply, model("resources: {memory: much}"), "", "quantities"},
		"unknown, strict": {"a slip would be lost unseen", apply, model("scalling: {replicas: 2}"), "?fieldValidation=Strict", `unknown field "spec.scalling"`},
		"unknown":         {"nobody can own it; upstream answers 500", apply, model("scalling: {replicas: 2}"), "", `unknown field "spec.scalling"`},
		"twice":           {"the last one counts", apply, model("suspended: true, suspended: true"), "", ""},
		"64 bits":         {"a generation may be as large", apply, status("observedGeneration: 4294967297"), "", ""},
		"bytes":           {"an amount is no 32-bit number", apply, model("resources: {memory: 68719476736}"), "", ""},
		"deep":            {"dashes nest like brackets", apply, model("") + "x:\n  " + strings.Repeat("- ", maxNesting) + "1\n", "", "levels deep"},
		"text":            {"brackets in a text are text", apply, "apiVersion: model.kubellm.io/v1alpha1\nkind: Model\nmetadata:\n  name: a\n  annotations:\n    a: |\n      " + strings.Repeat("[", 2*maxNesting) + "\n", "", ""},
		"part of it":      {"what is applied need not be whole", apply, model("engine: {image: a}"), "?fieldValidation=Strict", ""},
		"other kind":      {"what is not known is refused later", apply, "apiVersion: a/v1\nkind: B\nspec: {replicas: 4294967297}\n", "", ""},
		"no kind":         {"so is what does not say what it is", apply, "spec: {replicas: 4294967297}\n", "", ""},
		"garbage":         {"what cannot be read is refused later", apply, "{", "", ""},
		"other patch":     {"decoding it fails by itself", "application/merge-patch+json", `{"spec":{"scaling":{"replicas":4294967297}}}`, "", ""},
		"too long":        {"who refuses it sees all of it", apply, strings.Repeat("a: b\n", limit/4), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			passed := ""
			handler := refuseMalformed(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				raw, err := io.ReadAll(r.Body)
				if err != nil {
					t.Fatal(err)
				}
				passed = string(raw)
			}), limit)
			request := httptest.NewRequest(http.MethodPatch, "/"+tc.query, strings.NewReader(tc.body))
			request.Header.Set("Content-Type", tc.contentType)
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, request)
			text := answer.Body.String()
			switch {
			case tc.says == "" && passed != tc.body:
				t.Errorf("%s: %d of %d bytes went on, it was answered with %d: %s", tc.reason, len(passed), len(tc.body), answer.Code, text)
			case tc.says != "" && (answer.Code != http.StatusBadRequest || passed != "" || !strings.Contains(strings.ReplaceAll(text, `\"`, `"`), tc.says)):
				t.Errorf("%s: it was answered with %d, want 400 about %s: %s", tc.reason, answer.Code, tc.says, text)
			}
		})
	}
}
