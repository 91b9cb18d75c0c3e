package credentials

import (
	"encoding/json"
	"path"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/apitesting/fuzzer"
	"k8s.io/apimachinery/pkg/api/apitesting/roundtrip"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
)

// TestRoundTrip 存下再读出不丢不改。上游 registry 的套件在这里用不上：它们要的策略、REST 路径、选择器，
// 这份记录一样也没有，没有人请求得到它；它经过的只有编码与存储，由这里与 TestStore 看着。
func TestRoundTrip(t *testing.T) {
	install := func(scheme *runtime.Scheme) { utilruntime.Must(AddToScheme(scheme)) }
	roundtrip.RoundTripTestForAPIGroup(t, install, fuzzer.MergeFuzzerFuncs())
}

// TestStoredForm 守住存下的样子：升级之后读不出从前存下的凭据，成员与模型就都断了。
func TestStoredForm(t *testing.T) {
	store, server, prefix := newStore(t)
	key := func(uid string) string {
		return path.Join("/", prefix, "internal.kubellm.io/credentials", uid)
	}

	const stored = `{"kind":"Record","apiVersion":"internal.kubellm.io/v1","metadata":{"name":"old","creationTimestamp":"2026-01-02T03:04:05Z"},"owner":"clusters.cluster.kubellm.io","version":"first","data":{"kubeconfig":"YWJj"}}`
	if _, err := server.V3Client.KV.Put(t.Context(), key("old"), stored); err != nil {
		t.Fatal(err)
	}
	data, version, err := store.Get(t.Context(), "old")
	if err != nil || version != "first" || string(data["kubeconfig"]) != "abc" {
		t.Errorf("what was stored before reads as %q, version %q, %v", data, version, err)
	}
	if entries, err := store.List(t.Context(), clusters); err != nil || len(entries) != 1 || entries[0] != (Entry{UID: "old", Version: "first"}) {
		t.Errorf("what was stored before is listed as %v, %v", entries, err)
	}

	version, err = store.Put(t.Context(), clusters, "new", map[string][]byte{"kubeconfig": []byte("abc")})
	if err != nil {
		t.Fatal(err)
	}
	found, err := server.V3Client.KV.Get(t.Context(), key("new"))
	if err != nil || len(found.Kvs) != 1 {
		t.Fatalf("nothing is stored under %s: %v, %v", key("new"), found, err)
	}
	var got, want map[string]any
	for text, into := range map[string]*map[string]any{string(found.Kvs[0].Value): &got, stored: &want} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatalf("what is stored is no JSON: %v", err)
		}
	}
	want["version"] = version
	want["metadata"].(map[string]any)["name"] = "new"
	want["metadata"].(map[string]any)["creationTimestamp"] = got["metadata"].(map[string]any)["creationTimestamp"]
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the stored form changed (-want +got):\n%s", diff)
	}
}
