package apiserver

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
)

// write 是一次改动：patch 以合并补丁的形状写明要改成什么。
type write struct {
	p           *platform
	as          *client
	kind        kind
	name        string
	patch       map[string]any
	subresource string
	dryRun      bool
}

// way 是做出同一个改动的一种写法；规则必须对每一种都成立，漏掉一种就等于没有。
type way func(context.Context, write) (*unstructured.Unstructured, error)

var ways = map[string]way{
	"PUT":         put,
	"merge patch": mergePatch,
	"JSON patch":  jsonPatch,
	"apply":       apply(false),
	"force apply": apply(true),
}

// eachWay 对每种写法跑一个子测试。
func eachWay(t *testing.T, test func(t *testing.T, do way)) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(ways)) {
		t.Run(name, func(t *testing.T) { test(t, ways[name]) })
	}
}

func put(ctx context.Context, w write) (*unstructured.Unstructured, error) {
	obj, err := w.kind.client(w.p.admin).Get(ctx, w.name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	overlay(obj.Object, w.patch)
	return w.kind.client(w.as).Update(ctx, obj, metav1.UpdateOptions{DryRun: w.dry(), FieldManager: "put"}, w.subresources()...)
}

func mergePatch(ctx context.Context, w write) (*unstructured.Unstructured, error) {
	return w.send(ctx, types.MergePatchType, w.patch, metav1.PatchOptions{FieldManager: "merge"})
}

// jsonPatch 逐个替换 metadata、spec、status 下的字段。
func jsonPatch(ctx context.Context, w write) (*unstructured.Unstructured, error) {
	obj, err := w.kind.client(w.p.admin).Get(ctx, w.name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	overlay(obj.Object, w.patch)
	ops := []map[string]any{}
	for top, part := range w.patch {
		for key := range part.(map[string]any) {
			value, _, _ := unstructured.NestedFieldNoCopy(obj.Object, top, key)
			ops = append(ops, map[string]any{"op": "add", "path": "/" + top + "/" + key, "value": value})
		}
	}
	return w.send(ctx, types.JSONPatchType, ops, metav1.PatchOptions{FieldManager: "json"})
}

// apply 是服务端应用；对象不存在时它会创建。
func apply(force bool) way {
	return func(ctx context.Context, w write) (*unstructured.Unstructured, error) {
		obj := w.kind.object(w.name)
		delete(obj.Object, w.kind.top())
		overlay(obj.Object, w.patch)
		return w.send(ctx, types.ApplyPatchType, obj.Object, metav1.PatchOptions{FieldManager: "applier", Force: ptr.To(force)})
	}
}

func (w write) send(ctx context.Context, patchType types.PatchType, body any, options metav1.PatchOptions) (*unstructured.Unstructured, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	options.DryRun = w.dry()
	return w.kind.client(w.as).Patch(ctx, w.name, patchType, raw, options, w.subresources()...)
}

func (w write) dry() []string {
	if w.dryRun {
		return []string{metav1.DryRunAll}
	}
	return nil
}

func (w write) subresources() []string {
	if w.subresource == "" {
		return nil
	}
	return []string{w.subresource}
}

// overlay 把补丁叠到对象上；nil 表示去掉。
func overlay(obj, patch map[string]any) {
	for key, value := range patch {
		child, isMap := value.(map[string]any)
		switch {
		case value == nil:
			delete(obj, key)
		case isMap:
			existing, _ := obj[key].(map[string]any)
			if existing == nil {
				existing = map[string]any{}
				obj[key] = existing
			}
			overlay(existing, child)
		default:
			obj[key] = runtime.DeepCopyJSONValue(value)
		}
	}
}

func annotations(pairs ...string) map[string]any { return metadata("annotations", pairs...) }

func labels(pairs ...string) map[string]any { return metadata("labels", pairs...) }

func metadata(field string, pairs ...string) map[string]any {
	set := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		set[pairs[i]] = pairs[i+1]
	}
	return map[string]any{"metadata": map[string]any{field: set}}
}

// unchanged 断言存着的对象与 before 分毫不差，连 resourceVersion 也没有动过。
func unchanged(t testing.TB, p *platform, k kind, before *unstructured.Unstructured) {
	t.Helper()
	if diff := cmp.Diff(before.Object, k.get(t, p, before.GetName()).Object); diff != "" {
		t.Errorf("%s %s was changed (-before +after):\n%s", k.singular, before.GetName(), diff)
	}
}

// absent 断言对象没有被存下。
func absent(t testing.TB, p *platform, k kind, name string) {
	t.Helper()
	if _, err := k.client(p.admin).Get(t.Context(), name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("%s %s is stored although it must not be (%v)", k.singular, name, err)
	}
}
