package apiserver

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// observed 是控制器会写的一份状态。
func observed() map[string]any {
	return map[string]any{
		"observedGeneration": int64(1),
		"conditions": []any{map[string]any{
			"type": "Ready", "status": "True", "reason": "Tested", "message": "It was looked at.",
			"observedGeneration": int64(1), "lastTransitionTime": "2026-01-02T03:04:05Z",
		}},
	}
}

// TestStatusWritesOnlyStatus 保证 /status 是写观察结果的入口，此外什么也写不进去。
func TestStatusWritesOnlyStatus(t *testing.T) {
	eachKind(t, func(t *testing.T, k kind) {
		eachWay(t, func(t *testing.T, do way) {
			before := k.create(t, shared, unique("status"))
			patch := k.change("smuggled")
			patch["status"] = observed()
			patch["metadata"] = map[string]any{
				"labels":      map[string]any{"smuggled": "yes"},
				"annotations": map[string]any{"smuggled": "yes"},
				"finalizers":  []any{"example.org/smuggled"},
				"ownerReferences": []any{map[string]any{
					"apiVersion": "v1", "kind": "ConfigMap", "name": "smuggled", "uid": "1",
				}},
			}
			after, err := do(t.Context(), write{p: shared, as: shared.admin, kind: k, name: before.GetName(), subresource: "status", patch: patch})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(observed(), after.Object["status"]); diff != "" {
				t.Errorf("the status is not what was written (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(withoutBookkeeping(before), withoutBookkeeping(after)); diff != "" {
				t.Errorf("/status changed more than the status (-before +after):\n%s", diff)
			}
			for _, entry := range after.GetManagedFields() {
				if entry.Subresource == "status" && strings.Contains(entry.FieldsV1.GetRawString(), "smuggled") {
					t.Errorf("manager %s owns fields that it could not write: %s", entry.Manager, entry.FieldsV1.GetRawString())
				}
				if entry.Subresource == "status" && strings.Contains(entry.FieldsV1.GetRawString(), `"f:`+k.field) {
					t.Errorf("manager %s owns a spec field through /status: %s", entry.Manager, entry.FieldsV1.GetRawString())
				}
			}
			unchanged(t, shared, k, after)
		})
	})
}

// TestMainKeepsStatus 保证主路径改不了状态，SSA 也不会因此记下归属。
func TestMainKeepsStatus(t *testing.T) {
	eachKind(t, func(t *testing.T, k kind) {
		eachWay(t, func(t *testing.T, do way) {
			name := unique("main")
			k.create(t, shared, name)
			before, err := put(t.Context(), write{p: shared, as: shared.admin, kind: k, name: name, subresource: "status", patch: map[string]any{"status": observed()}})
			if err != nil {
				t.Fatal(err)
			}
			patch := k.change("changed")
			patch["status"] = map[string]any{"observedGeneration": int64(99), "conditions": []any{}}
			after, err := do(t.Context(), write{p: shared, as: shared.admin, kind: k, name: name, patch: patch})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(before.Object["status"], after.Object["status"]); diff != "" {
				t.Errorf("the main path changed the status (-before +after):\n%s", diff)
			}
			if diff := cmp.Diff(k.value("changed"), k.current(after)); diff != "" {
				t.Errorf("the spec was not written (-want +got):\n%s", diff)
			}
			for _, entry := range after.GetManagedFields() {
				if entry.Subresource == "" && strings.Contains(entry.FieldsV1.GetRawString(), "f:status") {
					t.Errorf("manager %s owns status through the main path: %s", entry.Manager, entry.FieldsV1.GetRawString())
				}
			}
		})
	})
}

// TestStatusRefusesNonsense 保证状态里的条件成形：列表以 type 为键，坏一条就再也应用不了。
func TestStatusRefusesNonsense(t *testing.T) {
	eachKind(t, func(t *testing.T, k kind) {
		condition := func(changes map[string]any) map[string]any {
			out := observed()["conditions"].([]any)[0].(map[string]any)
			overlay(out, changes)
			return out
		}
		cases := map[string]struct {
			reason     string
			conditions []any
		}{
			"Status":    {reason: "a condition is True, False or Unknown", conditions: []any{condition(map[string]any{"status": "Perhaps"})}},
			"NoType":    {reason: "a condition has a type", conditions: []any{condition(map[string]any{"type": ""})}},
			"Duplicate": {reason: "there is one condition of each type", conditions: []any{condition(nil), condition(nil)}},
		}
		for name, tc := range cases {
			t.Run(name, func(t *testing.T) {
				before := k.create(t, shared, unique("nonsense"))
				_, err := put(t.Context(), write{p: shared, as: shared.admin, kind: k, name: before.GetName(), subresource: "status", patch: map[string]any{"status": map[string]any{"conditions": tc.conditions}}})
				if err == nil {
					t.Errorf("%s, but the status was accepted", tc.reason)
				}
				unchanged(t, shared, k, before)
			})
		}
	})
}

// TestApplyOwnership 保证 SSA 记账正确：冲突点名对方，强制夺过来，去掉的字段真的消失。
func TestApplyOwnership(t *testing.T) {
	eachStored(t, func(t *testing.T, k kind) {
		name := unique("ownership")
		patch := k.change("first")
		overlay(patch, map[string]any{k.top(): k.spec})
		applied := func(manager, word string, force bool) (*unstructured.Unstructured, error) {
			obj := k.object(name)
			if word != "" {
				overlay(obj.Object, k.change(word))
			}
			return k.client(shared.admin).Apply(t.Context(), name, obj, metav1.ApplyOptions{FieldManager: manager, Force: force})
		}
		if _, err := applied("one", "first", false); err != nil {
			t.Fatal(err)
		}
		_, err := applied("two", "second", false)
		if err == nil || !strings.Contains(err.Error(), `"one"`) || !strings.Contains(err.Error(), k.field) {
			t.Errorf("a conflict must name the other manager and the field, got %v", err)
		}
		if _, err = applied("two", "second", true); err != nil {
			t.Fatal(err)
		}
		obj, err := applied("two", "", false)
		if err != nil {
			t.Fatal(err)
		}
		if got := k.current(obj); got != nil {
			t.Errorf("the field that its only manager no longer applies is still there: %v", got)
		}
	})
}

// withoutBookkeeping 去掉随每次写入而变的部分和状态，留下使用者的东西。
func withoutBookkeeping(obj *unstructured.Unstructured) map[string]any {
	out := obj.DeepCopy()
	out.SetManagedFields(nil)
	out.SetResourceVersion("")
	delete(out.Object, "status")
	return out.Object
}
