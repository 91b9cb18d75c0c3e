package external

import (
	"encoding/json"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	iamv1alpha1 "github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/apis/meta"
)

func TestHeldBy(t *testing.T) {
	update := metav1.ManagedFieldsOperationUpdate
	cases := map[string]struct {
		reason string
		user   *iamv1alpha1.User
		want   string
	}{
		"Marked":   {reason: "the mark names the holder", user: user(marked("terraform/1"), managed("kubectl", update, "", `{}`)), want: "terraform/1"},
		"Unmarked": {reason: "without a mark the managers are named, once each, status writers are not", user: user(managed("kubectl-create", update, "", `{}`), managed("kubectl-create", update, "", `{}`), managed("controller", update, "status", `{}`)), want: "field managers kubectl-create"},
		"Nothing":  {reason: "an object without managed fields still has an answer", user: user(), want: "an unknown field manager"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := meta.HeldBy(tc.user); got != tc.want {
				t.Errorf("%s: got %q, want %q", tc.reason, got, tc.want)
			}
		})
	}
}

func TestTakeOver(t *testing.T) {
	apply, update := metav1.ManagedFieldsOperationApply, metav1.ManagedFieldsOperationUpdate
	spec := [][]string{{"spec"}, {"metadata", "annotations", "kubellm.io/owner"}}
	cases := map[string]struct {
		reason string
		user   *iamv1alpha1.User
		paths  [][]string
		// want 是每个管理者（带操作与子资源）剩下的字段。
		want map[string]string
	}{
		"SpecMoves": {
			reason: "spec fields move to our apply entry, labels stay with their manager",
			user:   user(managed("kubectl-create", update, "", `{"f:metadata":{"f:labels":{"f:team":{}}},"f:spec":{"f:email":{},"f:groups":{}}}`)),
			paths:  spec,
			want: map[string]string{
				"kubectl-create Update ": `{"f:metadata":{"f:labels":{"f:team":{}}}}`,
				"kubellm-test Apply ":    `{"f:spec":{"f:email":{},"f:groups":{}}}`,
			},
		},
		"MarkMoves": {
			reason: "the other toolchain's mark is a field that it applied: ours must be able to replace it",
			user:   user(managed("kubellm-terraform", apply, "", `{"f:metadata":{"f:annotations":{"f:kubellm.io/owner":{}}},"f:spec":{"f:email":{}}}`)),
			paths:  spec,
			want: map[string]string{
				"kubellm-test Apply ": `{"f:metadata":{"f:annotations":{"f:kubellm.io/owner":{}}},"f:spec":{"f:email":{}}}`,
			},
		},
		"Union": {
			reason: "what we already own stays ours; several managers are joined",
			user: user(managed(testManager, apply, "", `{"f:spec":{"f:groups":{}}}`),
				managed("a", update, "", `{"f:spec":{"f:email":{}}}`), managed("b", apply, "", `{"f:spec":{"f:displayName":{}}}`)),
			paths: spec,
			want:  map[string]string{"kubellm-test Apply ": `{"f:spec":{"f:displayName":{},"f:email":{},"f:groups":{}}}`},
		},
		"Subresource": {
			reason: "entries of subresources are not touched",
			user:   user(managed("controller", update, "status", `{"f:status":{"f:roles":{}}}`), managed("a", update, "", `{"f:spec":{"f:email":{}}}`)),
			paths:  spec,
			want: map[string]string{
				"controller Update status": `{"f:status":{"f:roles":{}}}`,
				"kubellm-test Apply ":      `{"f:spec":{"f:email":{}}}`,
			},
		},
		"Taken": {
			reason: "a path that the adapter asks for moves too, and only it",
			user:   user(managed("kubectl", update, "", `{"f:metadata":{"f:labels":{"f:a":{},"f:b":{}}}}`)),
			paths:  append([][]string{{"metadata", "labels", "a"}}, spec...),
			want: map[string]string{
				"kubectl Update ":     `{"f:metadata":{"f:labels":{"f:b":{}}}}`,
				"kubellm-test Apply ": `{"f:metadata":{"f:labels":{"f:a":{}}}}`,
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			entries, err := takeOver(tc.user.ManagedFields, testManager, iamv1alpha1.SchemeGroupVersion.String(), tc.paths)
			if err != nil {
				t.Fatalf("%s: %v", tc.reason, err)
			}
			if len(entries) != len(tc.want) {
				t.Errorf("%s: got %d entries, want %d: %v", tc.reason, len(entries), len(tc.want), entries)
			}
			for _, e := range entries {
				who := e.Manager + " " + string(e.Operation) + " " + e.Subresource
				if got := sorted(t, e.FieldsV1.GetRawBytes()); got != tc.want[who] {
					t.Errorf("%s: %s owns %s, want %s", tc.reason, who, got, tc.want[who])
				}
			}
		})
	}
}

func TestTakeOverUnreadable(t *testing.T) {
	_, err := takeOver(user(managed("a", metav1.ManagedFieldsOperationUpdate, "", `{"f:spec":`)).ManagedFields, testManager, "v1", [][]string{{"spec"}})
	if err == nil {
		t.Error("managed fields that cannot be read must not be dropped silently")
	}
}

// sorted 让键的次序不影响比较。
func sorted(t *testing.T, raw []byte) string {
	t.Helper()
	var tree map[string]any
	if err := json.Unmarshal(raw, &tree); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
