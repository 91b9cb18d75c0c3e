package apiserver

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
)

func TestCreate(t *testing.T) {
	eachKind(t, func(t *testing.T, k kind) {
		name := unique("create")
		obj := k.object(name)
		overlay(obj.Object, map[string]any{
			"metadata": map[string]any{"generation": int64(7)},
			"status":   map[string]any{"observedGeneration": int64(9)},
		})
		created, err := k.client(shared.admin).Create(t.Context(), obj, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if created.GetUID() == "" || created.GetResourceVersion() == "" || created.GetCreationTimestamp().Time.IsZero() {
			t.Errorf("the server did not fill in the metadata: %v", created.Object["metadata"])
		}
		if got := created.GetGeneration(); got != 1 {
			t.Errorf("a new object has generation %d, whatever the client sent; want 1", got)
		}
		if _, found, _ := unstructured.NestedFieldNoCopy(created.Object, "status", "observedGeneration"); found {
			t.Error("a client set the status of a new object through the main path")
		}
		unchanged(t, shared, k, created)

		if _, err := k.client(shared.admin).Create(t.Context(), k.object(name), metav1.CreateOptions{}); !apierrors.IsAlreadyExists(err) {
			t.Errorf("creating it once more gave %v, want AlreadyExists", err)
		}
		generated := k.object("")
		generated.SetGenerateName("generated-")
		made, err := k.client(shared.admin).Create(t.Context(), generated, metav1.CreateOptions{})
		if err != nil || !strings.HasPrefix(made.GetName(), "generated-") || made.GetName() == "generated-" {
			t.Errorf("generateName gave %v, %v", made, err)
		}
	})
}

func TestUpdate(t *testing.T) {
	eachStored(t, func(t *testing.T, k kind) {
		eachWay(t, func(t *testing.T, do way) {
			before := k.create(t, shared, unique("update"))
			after, err := do(t.Context(), write{p: shared, as: shared.admin, kind: k, name: before.GetName(), patch: k.change("changed")})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(k.value("changed"), k.current(after)); diff != "" {
				t.Errorf("%s is not what was written (-want +got):\n%s", k.field, diff)
			}
			for field, want := range k.spec {
				if diff := cmp.Diff(want, after.Object[k.top()].(map[string]any)[field]); diff != "" {
					t.Errorf("%s was not written and changed (-want +got):\n%s", field, diff)
				}
			}
			if after.GetUID() != before.GetUID() || after.GetResourceVersion() == before.GetResourceVersion() {
				t.Errorf("uid %s → %s, resourceVersion %s → %s", before.GetUID(), after.GetUID(), before.GetResourceVersion(), after.GetResourceVersion())
			}
			unchanged(t, shared, k, after)
		})
	})
}

// TestUpdateConflicts 保证乐观并发：拿着旧版本或别人的 uid 写，一律得 409 或 422，且什么都没变。
func TestUpdateConflicts(t *testing.T) {
	eachKind(t, func(t *testing.T, k kind) {
		cases := map[string]struct {
			reason string
			stale  map[string]any
			check  func(error) bool
		}{
			"ResourceVersion": {
				reason: "someone else wrote in between",
				stale:  map[string]any{"resourceVersion": "1"},
				check:  apierrors.IsConflict,
			},
			"UID": {
				reason: "the object of that uid is gone; this is another of the same name",
				stale:  map[string]any{"uid": "00000000-0000-0000-0000-000000000000"},
				check:  func(err error) bool { return apierrors.IsConflict(err) || apierrors.IsInvalid(err) },
			},
		}
		for name, tc := range cases {
			for _, subresource := range []string{"", "status"} {
				t.Run(name+subresource, func(t *testing.T) {
					eachWay(t, func(t *testing.T, do way) {
						before := k.create(t, shared, unique("conflict"))
						patch := k.change("lost")
						if subresource == "status" {
							patch = map[string]any{"status": map[string]any{"observedGeneration": int64(3)}}
						}
						patch["metadata"] = tc.stale
						_, err := do(t.Context(), write{p: shared, as: shared.admin, kind: k, name: before.GetName(), subresource: subresource, patch: patch})
						if !tc.check(err) {
							t.Errorf("%s: got %v", tc.reason, err)
						}
						unchanged(t, shared, k, before)
					})
				})
			}
		}
	})
}

func TestWritesToMissingObjects(t *testing.T) {
	eachKind(t, func(t *testing.T, k kind) {
		name := unique("missing")
		obj := k.object(name)
		_, err := k.client(shared.admin).Update(t.Context(), obj, metav1.UpdateOptions{})
		if !apierrors.IsNotFound(err) {
			t.Errorf("PUT gave %v, want NotFound", err)
		}
		for _, subresources := range [][]string{nil, {"status"}} {
			_, err = k.client(shared.admin).Patch(t.Context(), name, types.MergePatchType, []byte(`{}`), metav1.PatchOptions{}, subresources...)
			if !apierrors.IsNotFound(err) {
				t.Errorf("PATCH %v gave %v, want NotFound", subresources, err)
			}
		}
		_, err = apply(true)(t.Context(), write{p: shared, as: shared.admin, kind: k, name: name, subresource: "status", patch: map[string]any{"status": map[string]any{"observedGeneration": int64(1)}}})
		if !apierrors.IsNotFound(err) {
			t.Errorf("applying a status gave %v, want NotFound", err)
		}
		if err := k.client(shared.admin).Delete(t.Context(), name, metav1.DeleteOptions{}); !apierrors.IsNotFound(err) {
			t.Errorf("DELETE gave %v, want NotFound", err)
		}
		absent(t, shared, k, name)
	})
}

// TestApplyDoesNotResurrect 保证带着已删对象 uid 的应用不会把它重新建出来：外部层的更新正是这样发出的。
func TestApplyDoesNotResurrect(t *testing.T) {
	eachStored(t, func(t *testing.T, k kind) {
		for _, force := range []bool{false, true} {
			gone := k.create(t, shared, unique("gone"))
			if err := k.client(shared.admin).Delete(t.Context(), gone.GetName(), metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
			patch := map[string]any{"metadata": map[string]any{"uid": string(gone.GetUID())}, k.top(): k.spec}
			_, err := apply(force)(t.Context(), write{p: shared, as: shared.admin, kind: k, name: gone.GetName(), patch: patch})
			if !apierrors.IsConflict(err) {
				t.Errorf("applying over a deleted object (force %t) gave %v, want a conflict", force, err)
			}
			absent(t, shared, k, gone.GetName())
		}
	})
}

func TestDelete(t *testing.T) {
	eachStored(t, func(t *testing.T, k kind) {
		obj := k.create(t, shared, unique("delete"))
		remove := func(options metav1.DeleteOptions) error {
			return k.client(shared.admin).Delete(t.Context(), obj.GetName(), options)
		}
		cases := map[string]struct {
			reason string
			only   metav1.Preconditions
		}{
			"UID":             {reason: "it is another object of the same name", only: metav1.Preconditions{UID: ptr.To(types.UID("another"))}},
			"ResourceVersion": {reason: "it was changed since it was read", only: metav1.Preconditions{ResourceVersion: ptr.To("1")}},
		}
		for name, tc := range cases {
			if err := remove(metav1.DeleteOptions{Preconditions: &tc.only}); !apierrors.IsConflict(err) {
				t.Errorf("%s: %s, but deleting gave %v", name, tc.reason, err)
			}
		}
		unchanged(t, shared, k, obj)

		// 没有垃圾回收控制器，前台删除也必须真的删掉，否则对象会永远停在"正在删除"。
		options := metav1.DeleteOptions{
			PropagationPolicy: ptr.To(metav1.DeletePropagationForeground),
			Preconditions:     &metav1.Preconditions{UID: ptr.To(obj.GetUID()), ResourceVersion: ptr.To(obj.GetResourceVersion())},
		}
		if err := remove(options); err != nil {
			t.Fatal(err)
		}
		absent(t, shared, k, obj.GetName())
	})
}

// TestFinalizers 保证删除会等到收尾的人放手，期间对象仍在、仍读得到。
func TestFinalizers(t *testing.T) {
	eachStored(t, func(t *testing.T, k kind) {
		obj := k.object(unique("finalize"))
		obj.SetFinalizers([]string{"example.org/hold"})
		if _, err := k.client(shared.admin).Create(t.Context(), obj, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := k.client(shared.admin).Delete(t.Context(), obj.GetName(), metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		if held := k.get(t, shared, obj.GetName()); held.GetDeletionTimestamp() == nil {
			t.Error("the object is not being deleted")
		}
		_, err := mergePatch(t.Context(), write{p: shared, as: shared.admin, kind: k, name: obj.GetName(), patch: map[string]any{"metadata": map[string]any{"finalizers": nil}}})
		if err != nil {
			t.Fatal(err)
		}
		absent(t, shared, k, obj.GetName())
	})
}

func TestDeleteCollection(t *testing.T) {
	eachStored(t, func(t *testing.T, k kind) {
		batch := unique("batch")
		for range 3 {
			k.create(t, shared, unique("swept"), "batch", batch)
		}
		kept := k.create(t, shared, unique("kept"), "batch", batch+"-other")
		one := metav1.ListOptions{LabelSelector: "batch=" + batch}
		if err := k.client(shared.admin).DeleteCollection(t.Context(), metav1.DeleteOptions{}, one); err != nil {
			t.Fatal(err)
		}
		left, err := k.client(shared.admin).List(t.Context(), one)
		if err != nil || len(left.Items) != 0 {
			t.Errorf("%d objects are left (%v)", len(left.Items), err)
		}
		unchanged(t, shared, k, kept)
	})
}

// TestGeneration 保证 generation 只跟随 spec：控制器靠它判断使用者有没有改主意。
func TestGeneration(t *testing.T) {
	eachKind(t, func(t *testing.T, k kind) {
		cases := map[string]struct {
			reason      string
			patch       map[string]any
			subresource string
			want        int64
		}{
			"Spec":       {reason: "what is wanted changed", patch: k.change("new"), want: 2},
			"SameSpec":   {reason: "nothing changed", patch: k.change("old"), want: 1},
			"Label":      {reason: "labels are not what is wanted", patch: labels("a", "b"), want: 1},
			"Annotation": {reason: "annotations are not what is wanted", patch: annotations("a", "b"), want: 1},
			"Forged":     {reason: "the generation is the server's", patch: map[string]any{"metadata": map[string]any{"generation": int64(42)}}, want: 1},
			"Status":     {reason: "an observation is not a wish", subresource: "status", patch: map[string]any{"status": map[string]any{"observedGeneration": int64(1)}}, want: 1},
		}
		for name, tc := range cases {
			t.Run(name, func(t *testing.T) {
				eachWay(t, func(t *testing.T, do way) {
					obj := k.object(unique("generation"))
					overlay(obj.Object, k.change("old"))
					if _, err := k.client(shared.admin).Create(t.Context(), obj, metav1.CreateOptions{FieldManager: "applier"}); err != nil {
						t.Fatal(err)
					}
					// 应用者以强制方式改别人写的字段；不强制的那种在这里只会得到字段冲突。
					w := write{p: shared, as: shared.admin, kind: k, name: obj.GetName(), patch: tc.patch, subresource: tc.subresource}
					after, err := do(t.Context(), w)
					if apierrors.IsConflict(err) {
						after, err = apply(true)(t.Context(), w)
					}
					if err != nil {
						t.Fatal(err)
					}
					if got := after.GetGeneration(); got != tc.want {
						t.Errorf("%s: generation is %d, want %d", tc.reason, got, tc.want)
					}
				})
			})
		}
	})
}

// TestDryRun 保证任何动词的试运行都不留痕迹，却给出真做时的回答。
func TestDryRun(t *testing.T) {
	eachKind(t, func(t *testing.T, k kind) {
		c := k.client(shared.admin)
		dry := []string{metav1.DryRunAll}

		created, err := c.Create(t.Context(), k.object(unique("dry-create")), metav1.CreateOptions{DryRun: dry})
		if err != nil || created.GetUID() == "" {
			t.Fatalf("dry-run create gave %v, %v", created, err)
		}
		absent(t, shared, k, created.GetName())
		applied, err := apply(true)(t.Context(), write{p: shared, as: shared.admin, kind: k, name: unique("dry-apply"), dryRun: true, patch: map[string]any{"spec": k.spec}})
		if err != nil {
			t.Fatal(err)
		}
		absent(t, shared, k, applied.GetName())

		batch := unique("dry")
		obj := k.create(t, shared, batch, "batch", batch)
		eachWay(t, func(t *testing.T, do way) {
			after, err := do(t.Context(), write{p: shared, as: shared.admin, kind: k, name: batch, dryRun: true, patch: k.change("dry")})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(k.value("dry"), k.current(after)); diff != "" || after.GetGeneration() != 2 {
				t.Errorf("the answer does not show what would have been stored (generation %d): %s", after.GetGeneration(), diff)
			}
			status := map[string]any{"status": map[string]any{"observedGeneration": int64(5)}}
			if _, err := do(t.Context(), write{p: shared, as: shared.admin, kind: k, name: batch, dryRun: true, subresource: "status", patch: status}); err != nil {
				t.Fatal(err)
			}
			unchanged(t, shared, k, obj)
		})
		if err := c.Delete(t.Context(), batch, metav1.DeleteOptions{DryRun: dry}); err != nil {
			t.Error(err)
		}
		if err := c.DeleteCollection(t.Context(), metav1.DeleteOptions{DryRun: dry}, metav1.ListOptions{LabelSelector: "batch=" + batch}); err != nil {
			t.Error(err)
		}
		unchanged(t, shared, k, obj)
	})
}

// TestEncodings 保证说别的格式的客户端得到能懂的回答，而不是 500。
func TestEncodings(t *testing.T) {
	eachKind(t, func(t *testing.T, k kind) {
		const protobuf = "application/vnd.kubernetes.protobuf"
		obj := k.create(t, shared, unique("encoding"))
		cases := map[string]struct {
			reason   string
			method   string
			accept   string
			sent     string
			body     string
			want     []int
			wantType string
		}{
			"Fallback":  {reason: "a client that prefers protobuf but takes JSON gets JSON", method: http.MethodGet, accept: protobuf + ", application/json", want: []int{http.StatusOK}, wantType: jsonType},
			"YAML":      {reason: "people read YAML", method: http.MethodGet, accept: "application/yaml", want: []int{http.StatusOK}, wantType: "application/yaml"},
			"Metadata":  {reason: "garbage collectors and caches want metadata only", method: http.MethodGet, accept: "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1", want: []int{http.StatusOK}, wantType: jsonType},
			"Protobuf":  {reason: "there are no protobuf types", method: http.MethodGet, accept: protobuf, want: []int{http.StatusNotAcceptable}},
			"SentBytes": {reason: "protobuf cannot be read either", method: http.MethodPut, sent: protobuf, body: "k8s\x00", want: []int{http.StatusUnsupportedMediaType, http.StatusBadRequest}},
			"SentText":  {reason: "nor can anything else", method: http.MethodPut, sent: "text/plain", body: "hello", want: []int{http.StatusUnsupportedMediaType}},
		}
		for name, tc := range cases {
			headers := []string{"Accept", tc.accept}
			if tc.sent != "" {
				headers = []string{"Content-Type", tc.sent}
			}
			got := shared.admin.send(t, tc.method, k.path(obj.GetName()), tc.body, headers...)
			if !slices.Contains(tc.want, got.code) || !strings.HasPrefix(got.header.Get("Content-Type"), tc.wantType) {
				t.Errorf("%s: %s: got %d %s: %.300s", name, tc.reason, got.code, got.header.Get("Content-Type"), got.body)
			}
		}
	})
}
