package apiserver

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// TestLimitNesting 嵌得太深的读不完，别的一个字节也不少；字符串里的括号与不是文字的请求体不算。
func TestLimitNesting(t *testing.T) {
	nested := func(levels int) string { return strings.Repeat("[", levels) + strings.Repeat("]", levels) }
	for name, tc := range map[string]struct {
		reason, contentType, body string
		refused                   bool
	}{
		"limit":          {"no object is as deep", "application/json", nested(maxNesting), false},
		"beyond":         {"it would cost more than it is worth", "application/json", nested(maxNesting + 1), true},
		"maps":           {"maps are nested too", "application/merge-patch+json", strings.Repeat(`{"a":`, maxNesting+1), true},
		"yaml":           {"block text may hold anything; what is applied is counted as JSON", "application/apply-patch+yaml", "a: |\n  " + strings.Repeat("[", maxNesting+1), false},
		"unsaid":         {"the server takes it for JSON", "", nested(maxNesting + 1), true},
		"side by side":   {"wide is not deep", "application/json", "[" + strings.Repeat(nested(maxNesting-1)+",", 50) + "0]", false},
		"in a string":    {"text may hold anything", "application/json", `{"a":"` + strings.Repeat(`\"[{`, maxNesting) + `"}`, false},
		"after a string": {"the string ends where it ends", "application/json", `{"a":"\\",` + strings.Repeat("[", maxNesting), true},
		"no text":        {"bytes are no brackets", "application/vnd.kubernetes.protobuf", nested(maxNesting + 1), false},
	} {
		t.Run(name, func(t *testing.T) {
			var read []byte
			var err error
			handler := limitNesting(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { read, err = io.ReadAll(r.Body) }))
			// 一次一个字节地来，断在哪里都一样。
			request := httptest.NewRequest(http.MethodPost, "/", iotest.OneByteReader(strings.NewReader(tc.body)))
			request.Header.Set("Content-Type", tc.contentType)
			handler.ServeHTTP(httptest.NewRecorder(), request)
			if tc.refused != apierrors.IsBadRequest(err) || !tc.refused && (err != nil || string(read) != tc.body) {
				t.Errorf("%s: %d of %d bytes were read, %v", tc.reason, len(read), len(tc.body), err)
			}
		})
	}
}

// TestCheckPointers 造得出过深对象的补丁在动手之前就拒绝，平常的照旧。
func TestCheckPointers(t *testing.T) {
	deep := strings.Repeat("/a", maxNesting+1)
	doubling := "["
	for path := "/spec/z"; len(path) < 20*maxNesting; path += path[len("/spec/z"):] + "/a/a/a/a" {
		doubling += `{"op":"copy","from":"/spec/z","path":"` + path + `"},`
	}
	doubling += `{"op":"copy","from":"/spec/z","path":"/spec/y"}]`
	for name, tc := range map[string]struct {
		reason, body string
		refused      bool
	}{
		"ordinary": {"replacing a field is what it is for", `[{"op":"test","path":"/spec/suspended","value":false},{"op":"replace","path":"/spec/suspended","value":true}]`, false},
		"copied":   {"a few copies are harmless", `[{"op":"copy","from":"/metadata/labels/a","path":"/metadata/labels/b"}]`, false},
		"deep":     {"no object is as deep", `[{"op":"add","path":"` + deep + `","value":1}]`, true},
		"from":     {"nor is what is copied", `[{"op":"copy","from":"` + deep + `","path":"/a"}]`, true},
		"doubling": {"each copy doubles the depth", doubling, true},
		"many":     {"each copy costs its whole size", "[" + strings.Repeat(`{"op":"copy","from":"/spec/z","path":"/spec/y"},`, maxCopied) + `{"op":"test","path":"/a","value":1}]`, true},
		"garbage":  {"who decodes it says so", `{`, false},
	} {
		t.Run(name, func(t *testing.T) {
			if err := checkPointers([]byte(tc.body)); apierrors.IsBadRequest(err) != tc.refused {
				t.Errorf("%s: it gave %v", tc.reason, err)
			}
		})
	}
}
