package external

import (
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	iamv1alpha1 "github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/apis/meta"
)

func TestCompare(t *testing.T) {
	apply := metav1.ManagedFieldsOperationApply
	type edits = []func(*iamv1alpha1.User)
	cases := map[string]struct {
		reason     string
		want, have edits
		diff       []string
	}{
		"Same": {
			reason: "equal fields are no difference",
			want:   edits{email("a@x.io"), groups("dev")},
			have:   edits{email("a@x.io"), groups("dev"), suspended(false)},
		},
		"Changed": {
			reason: "a field the configuration sets differs",
			want:   edits{email("a@x.io")},
			have:   edits{email("b@x.io")},
			diff:   []string{`spec.email: "a@x.io", is "b@x.io"`},
		},
		"Missing": {
			reason: "a field the configuration sets is not there",
			want:   edits{email("a@x.io")},
			diff:   []string{`spec.email: "a@x.io", is unset`},
		},
		"Unmanaged": {
			reason: "what the configuration never set belongs to others: no perpetual diff",
			have:   edits{email("a@x.io"), label("team", "red"), annotation("note", "x")},
		},
		"FacetWidened": {
			reason: "a group added by hand grants something, even where the configuration sets none",
			have:   edits{groups("admins")},
			diff:   []string{`spec.groups: [], is ["admins"]`},
		},
		"ScalarFacetWidened": {
			reason: "a facet that is not a list is compared with its own unset value",
			have:   edits{suspended(true)},
			diff:   []string{`spec.suspended: false, is true`},
		},
		"ListOrder": {
			reason: "lists are compared whole and exactly",
			want:   edits{groups("a", "b")},
			have:   edits{groups("b", "a")},
			diff:   []string{`spec.groups: ["a","b"], is ["b","a"]`},
		},
		"EmptyListIsUnset": {
			reason: "an empty list and none are the same",
			want:   edits{func(u *iamv1alpha1.User) { u.Spec.Groups = []string{} }},
		},
		"Labels": {
			reason: "labels and annotations are compared key by key; the path says which",
			want:   edits{label("team", "red"), annotation("a.b/c", "x")},
			have:   edits{label("team", "blue"), label("other", "x")},
			diff:   []string{`metadata.annotations[a.b/c]: "x", is unset`, `metadata.labels.team: "red", is "blue"`},
		},
		"OwnerMark": {
			reason: "the mark and the adopt annotation are not the configuration's",
			want:   edits{marked("a")},
			have:   edits{marked("b"), annotation(meta.AdoptAnnotation, "c")},
		},
		"Removed": {
			reason: "a field that we applied and no longer want is a difference",
			have: edits{email("a@x.io"), label("team", "red"), managed(testManager, apply, "",
				`{"f:metadata":{"f:labels":{"f:team":{}},"f:annotations":{"f:kubellm.io/owner":{}}},"f:spec":{"f:email":{},"f:groups":{}}}`)},
			diff: []string{`metadata.labels.team: no longer wanted, is "red"`, `spec.email: no longer wanted, is "a@x.io"`},
		},
		"RemovedAlready": {
			reason: "a field that is gone needs no removal although an entry still names it",
			have:   edits{managed(testManager, apply, "", `{"f:spec":{"f:email":{}}}`)},
		},
		"OthersField": {
			reason: "a field that another manager applied is not ours to remove, nor one of a subresource",
			have: edits{email("a@x.io"), managed("kubectl", apply, "", `{"f:spec":{"f:email":{}}}`),
				managed(testManager, apply, "status", `{"f:spec":{"f:email":{}}}`),
				managed(testManager, metav1.ManagedFieldsOperationUpdate, "", `{"f:spec":{"f:email":{}}}`)},
		},
		"ListElement": {
			reason: "an element of an associative list counts as its list, which the configuration sets",
			want:   edits{groups("a")},
			have:   edits{groups("a"), managed(testManager, apply, "", `{"f:spec":{"f:groups":{"v:\"a\"":{}}}}`)},
		},
		"Sensitive": {
			reason: "values of sensitive fields are not shown",
			want:   edits{displayName("secret-want")},
			have:   edits{displayName("secret-have")},
			diff:   []string{`spec.displayName: (sensitive), is (sensitive)`},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			diff, err := compare(testKind, user(tc.want...), user(tc.have...), testManager)
			if err != nil {
				t.Fatalf("%s: %v", tc.reason, err)
			}
			got := []string{}
			for _, d := range diff {
				got = append(got, d.String())
			}
			if !slices.Equal(got, tc.diff) {
				t.Errorf("%s: got %q, want %q", tc.reason, got, tc.diff)
			}
			if diff.String() != strings.Join(tc.diff, "; ") {
				t.Errorf("%s: the whole diff reads %q", tc.reason, diff)
			}
		})
	}
}

func TestCompareLeavesInputsAlone(t *testing.T) {
	want, have := user(groups()), user(groups("a"), annotation(meta.AdoptAnnotation, "x"))
	before := have.DeepCopy()
	if _, err := compare(testKind, want, have, testManager); err != nil {
		t.Fatal(err)
	}
	if want.Spec.Suspended != nil || len(have.Annotations) != len(before.Annotations) {
		t.Errorf("comparing changed its inputs: want %+v, have %+v", want, have)
	}
}
