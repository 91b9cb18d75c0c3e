package apiserver

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// hostile 是各种类型下最容易出错的值：边界、溢出、错的类型、怪的文字与数量。
var hostile = []any{
	nil, true, "", " ", "a", "a.b", "A/b", "../..", "--port", "$(HF_TOKEN)", "{{.}}", "%s%n%d", "a\nb", "a\x00b", "é", "\u202egnp", "👾", "ﷺ", "\uFEFFa", "-", "*", "a=b,c",
	strings.Repeat("a", 64), strings.Repeat("é", 2000), strings.Repeat("9", 400),
	-1, 0, 1, 2, 64, 65, 1000, 1001, 86400, 86401, math.MaxInt32, math.MaxInt32 + 1, 1<<32 + 1, int64(math.MaxInt64), int64(math.MinInt64), math.MinInt32 - 1,
	1.5, json.Number("-0.0"), 1e18, 1e300, json.Number("1e400"), json.Number("18446744073709551616"), json.Number("0.1e1"),
	"1Gi", "-1Gi", "0", "1e99", "99999999999999999999Ei", "1n", "NaN", "0x10", "1e-20", "1Gi ", "9223372036854775807", "9223372036854775808",
	"VLLM", "SGLang", "LlamaCpp", "KServe", "Recreate", "ReadWriteOnce", "Exists", "NoExecute", "Orphan",
	[]any{}, map[string]any{}, []any{nil}, []any{"a", "a"}, []any{map[string]any{}}, map[string]any{"": ""}, map[string]any{"a b": "c"},
	map[string]any{"matchLabels": map[string]any{"a": "b"}}, map[string]any{"repo": "a/b"}, map[string]any{"name": "a", "key": "b"}, map[string]any{"maxReplicas": 1000},
}

// everyField 是一份写满的模型，变异从它开始，才到得了每一处检查。
const everyField = `{"source": {"huggingFace": {"repo": "a/b", "revision": "main", "tokenSecretRef": {"name": "hf", "key": "token"}}},
"engine": {"type": "VLLM", "image": "example.org/vllm:1", "args": ["--seed=1"], "env": [{"name": "A", "value": "b"}], "contextLength": 4096, "delivery": "Deployment"},
"servedName": "chat", "resources": {"accelerator": {"resourceName": "nvidia.com/gpu", "count": 2, "products": ["NVIDIA-H100"]}, "cpu": "1", "memory": "8Gi", "sharedMemory": "1Gi"},
"placement": {"clusterSelector": {"matchLabels": {"fleet": "fuzz"}}, "tolerations": [{"key": "a", "operator": "Equal", "value": "b", "effect": "NoSchedule"}], "clusters": 1, "strategy": "Pack", "failover": {"afterSeconds": 60}},
"scaling": {"replicas": 1}, "adapters": [{"name": "l", "source": {"huggingFace": {"repo": "a/c"}}}], "cache": {"size": "1Gi", "storageClassName": "fast", "accessMode": "ReadWriteMany"},
"rollout": {"type": "Rolling", "maxSurge": 0, "maxUnavailable": 1}, "startupTimeoutSeconds": 3600, "suspended": false, "deletionPolicy": "Delete"}`

const everyStatus = `{"placements": [{"cluster": "fuzz-big", "product": "NVIDIA-H100", "resourceName": "nvidia.com/gpu", "acceleratorCount": 2, "replicas": 1, "observedReplicas": 0, "readyReplicas": 0}],
"removedPlacements": [{"cluster": "fuzz-small"}], "rejectedClusters": [{"cluster": "a", "reason": "b", "message": "c"}], "replicas": 1, "readyReplicas": 1,
"conditions": [{"type": "Ready", "status": "True", "reason": "A", "message": "", "lastTransitionTime": "2026-01-02T03:04:05Z"}]}`

const everyCapacity = `{"accelerators": [{"product": "NVIDIA-H100", "resourceName": "nvidia.com/gpu", "nodes": 1, "capacity": 4, "allocatable": 4, "allocated": 0, "free": 4, "largestFreeBlock": 4,
"freeBlocks": [{"size": 4, "nodes": 1}, {"size": 2, "nodes": 3}]}], "nodes": {"total": 1, "ready": 1, "schedulable": 1}, "capabilities": ["KServe"]}`

// mutator 由一个种子造出请求；同一个种子总造出同样的，失败了再跑一次就是。
type mutator struct{ *rand.Rand }

// mangled 把 JSON 改坏几处。
func (m mutator) mangled(t testing.TB, text string) map[string]any {
	t.Helper()
	var tree map[string]any
	must2(t, json.Unmarshal([]byte(text), &tree))
	for range m.IntN(4) {
		m.mangle(tree)
	}
	return tree
}

func must2(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// mangle 往下走到随便一处，换掉、去掉、重复、嵌深，或者添上不认识的。
func (m mutator) mangle(node any) any {
	switch at := node.(type) {
	case map[string]any:
		keys := make([]string, 0, len(at))
		for key := range at {
			keys = append(keys, key)
		}
		if len(keys) == 0 || m.IntN(12) == 0 {
			at[[]string{"unknown", "", "a.b", "replicas", "name"}[m.IntN(5)]] = m.value()
			return at
		}
		slices.Sort(keys)
		key := keys[m.IntN(len(keys))]
		if m.IntN(6) == 0 {
			delete(at, key)
			return at
		}
		at[key] = m.mangle(at[key])
		return at
	case []any:
		if len(at) > 0 && m.IntN(2) == 0 {
			i := m.IntN(len(at))
			at[i] = m.mangle(at[i])
			return at
		}
		// 重复过的不再重复，不然造一个请求比答它还久。
		return slices.Repeat(append(at, m.value()), 1+m.IntN(200/(1+len(at))+1))
	default:
		return m.value()
	}
}

func (m mutator) value() any {
	switch m.IntN(24) {
	case 0:
		return deep(m.IntN(12000), m.IntN(2) == 0)
	case 1:
		return slices.Repeat([]any{hostile[m.IntN(len(hostile))]}, m.IntN(300))
	default:
		value := hostile[m.IntN(len(hostile))]
		switch value.(type) {
		case map[string]any, []any:
			// 各请求改的是自己的一份。
			raw, _ := json.Marshal(value)
			var copied any
			_ = json.Unmarshal(raw, &copied)
			return copied
		}
		return value
	}
}

// deep 是嵌了很多层的列表或映射，先写成一个记号：编码它的库自己就不肯嵌这么深。
func deep(levels int, list bool) any { return fmt.Sprintf("@deep %d %t@", levels, list) }

// mostSent 比服务器肯收的多一点。
const mostSent = 4 << 20

var deeps = regexp.MustCompile(`"@deep (\d+) (true|false)@"`)

// spelled 把记号写成嵌了那么多层的样子。
func spelled(mark string) string {
	parts := deeps.FindStringSubmatch(mark)
	levels, _ := strconv.Atoi(parts[1])
	open, closing := `{"a":`, "}"
	if parts[2] == "true" {
		open, closing = "[", "]"
	}
	return strings.Repeat(open, levels) + "0" + strings.Repeat(closing, levels)
}

func (m mutator) pick(choices ...string) string { return choices[m.IntN(len(choices))] }

// FuzzModels 用改坏的请求打真的服务器：没有一个能让它崩溃或说不出话，收下的数与写的一样，计划里没有超卖。
func FuzzModels(f *testing.F) {
	for seed := range uint64(100) {
		f.Add(seed)
	}
	// 曾经答出 500 的：状态大得存不下，数量不成数量。
	f.Add(uint64(251))
	f.Add(uint64(572))
	p := start(f, harness.PlatformOptions{})
	controller := p.controller(f)
	for _, name := range []string{"fuzz-big", "fuzz-small"} {
		body := fmt.Sprintf(`{"apiVersion":"cluster.kubellm.io/v1alpha1","kind":"Cluster","metadata":{"name":%q,"labels":{"fleet":"fuzz"}}}`, name)
		if got := p.admin.send(f, http.MethodPost, clusters.path(), body, "Content-Type", jsonType); got.code != http.StatusCreated {
			f.Fatalf("create cluster %s: %s", name, got.body)
		}
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		m := mutator{rand.New(rand.NewPCG(seed, 1))}
		// 先把集群与别的模型的状态也弄得不像样：调度要读它们。
		capacity := m.mangled(t, everyCapacity)
		capacity["conditions"] = json.RawMessage(`[{"type":"Ready","status":"True","reason":"Ready","message":"","lastTransitionTime":"2026-01-02T03:04:05Z"}]`)
		p.survives(t, controller, http.MethodPatch, clusters.path(m.pick("fuzz-big", "fuzz-small"), "status"), "application/merge-patch+json", map[string]any{"status": capacity})

		name := fmt.Sprintf("fuzz-%d", seed)
		if m.IntN(10) == 0 {
			name, _ = m.value().(string)
		}
		object := map[string]any{
			"apiVersion": modelv1alpha1.SchemeGroupVersion.String(), "kind": "Model",
			"metadata": map[string]any{"name": name, "namespace": "default"}, "spec": m.mangled(t, everyField),
		}
		at := models.path(url.PathEscape(name))
		p.agrees(t, object, p.survives(t, p.admin, http.MethodPost, models.path()+"?dryRun=All", jsonType, object))
		p.agrees(t, object, p.survives(t, p.admin, http.MethodPatch, at+"?dryRun=All&fieldManager=fuzz", "application/apply-patch+yaml", object))
		p.agrees(t, object, p.survives(t, p.admin, http.MethodPost, models.path(), jsonType, object))
		base := fmt.Sprintf("base-%d", seed)
		valid := models.object(base)
		p.survives(t, p.admin, http.MethodPost, models.path(), jsonType, valid.Object)
		patch := map[string]any{"spec": object["spec"]}
		for _, way := range []string{"application/merge-patch+json", "application/apply-patch+yaml", "application/strategic-merge-patch+json"} {
			body := patch
			if strings.Contains(way, "apply") {
				body = map[string]any{"apiVersion": object["apiVersion"], "kind": "Model", "metadata": map[string]any{"name": base, "namespace": "default"}, "spec": object["spec"]}
			}
			p.agrees(t, patch, p.survives(t, p.admin, http.MethodPatch, models.path(base)+"?dryRun=All&fieldManager=fuzz&force="+m.pick("true", "false"), way, body))
		}
		p.survives(t, p.admin, http.MethodPatch, models.path(base, "scale"), "application/merge-patch+json", map[string]any{"spec": map[string]any{"replicas": m.value()}})
		p.survives(t, p.admin, http.MethodPost, models.path(base, "credentials"), jsonType, map[string]any{
			"apiVersion": object["apiVersion"], "kind": "ModelCredentials", "spec": map[string]any{"data": map[string]any{m.pick("token", "", "a/b"): m.value()}},
		})
		p.survives(t, controller, http.MethodPatch, models.path(base, "status"), "application/merge-patch+json", map[string]any{"status": m.mangled(t, everyStatus)})
		p.survives(t, p.admin, http.MethodGet, models.path()+"?"+url.Values{m.pick("fieldSelector", "labelSelector", "limit", "continue"): {short(fmt.Sprint(m.value()))}}.Encode(), jsonType, nil)
		for _, made := range []string{at, models.path(base)} {
			p.survives(t, p.admin, http.MethodDelete, made, jsonType, nil)
		}
	})
}

// short 让地址短得进得了请求头：再长的在到达平台之前就被 HTTP 拒绝。
func short(text string) string { return text[:min(len(text), 1000)] }

// survives 发出请求：服务器总要说得出话，而且不是它自己出了错。
func (p *platform) survives(t *testing.T, as *client, method, path, contentType string, body any) answer {
	t.Helper()
	raw := ""
	if body != nil {
		encoded, err := json.Marshal(body)
		must(t, err)
		raw = deeps.ReplaceAllStringFunc(string(encoded[:min(len(encoded), mostSent)]), spelled)
	}
	got := as.send(t, method, path, raw, "Content-Type", contentType)
	switch {
	case strings.Contains(got.body, "failed to create typed patch object"):
		// 上游对服务端应用里没有声明的字段与重复的键答 500，话里说得出是哪个字段。
	case strings.HasSuffix(path, "/status") && strings.Contains(got.body, "request is too large"):
		// 状态没有上限，因为写它的是控制器；etcd 放不下的就存不下。
	case got.code >= http.StatusInternalServerError:
		t.Errorf("%s %s gave %d: %.500s\nto %.2000s", method, path, got.code, got.body, raw)
	case got.code >= http.StatusBadRequest && got.status(t).Message == "":
		t.Errorf("%s %s gave %d without a message: %.500s", method, path, got.code, got.body)
	}
	return got
}

// agrees 断言收下的数与写的一样（溢出的会变成别的数），而计划没有超出一个模型要得了的。
func (p *platform) agrees(t *testing.T, sent map[string]any, got answer) {
	t.Helper()
	if got.code >= http.StatusBadRequest {
		return
	}
	var answered map[string]any
	must(t, json.Unmarshal([]byte(got.body), &answered))
	raw, err := json.Marshal(sent["spec"])
	must(t, err)
	var wanted any
	if json.Unmarshal(raw, &wanted) != nil {
		return // 有的数（1e400）放不进任何类型，收下的只能是没有声明的字段。
	}
	sameNumbers(t, "spec", wanted, answered["spec"])
	var m modelv1alpha1.Model
	must(t, json.Unmarshal([]byte(got.body), &m))
	if m.Status.Plan == nil {
		return
	}
	if strings.HasPrefix(m.Status.Plan.Message, "no plan") {
		t.Errorf("no plan was made: %s", m.Status.Plan.Message)
	}
	for _, placement := range m.Status.Plan.Placements {
		if placement.Replicas < 0 || placement.Replicas > 1000 || placement.AcceleratorCount < 0 || placement.AcceleratorCount > 64 {
			t.Errorf("the plan places %+v", placement)
		}
	}
}

// sameNumbers 只比数：别的值可能换了写法，数不会。
func sameNumbers(t *testing.T, path string, sent, got any) {
	t.Helper()
	switch sent := sent.(type) {
	case map[string]any:
		in, _ := got.(map[string]any)
		for key, value := range sent {
			if is, ok := in[key]; ok {
				sameNumbers(t, path+"."+key, value, is)
			}
		}
	case []any:
		in, _ := got.([]any)
		for i, value := range sent {
			if i < len(in) {
				sameNumbers(t, fmt.Sprintf("%s[%d]", path, i), value, in[i])
			}
		}
	case float64:
		if is, ok := got.(float64); ok && is != sent {
			t.Errorf("%s was sent as %v and became %v", path, sent, is)
		}
	}
}
