package kind

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubellm/kubellm/internal/external"
)

// beat 是一个有默认值的嵌套对象；-1 表示没写。
func beat(interval, timeout int64) attr.Value {
	number := func(n int64) attr.Value {
		if n < 0 {
			return types.Int64Null()
		}
		return types.Int64Value(n)
	}
	return types.ObjectValueMust(beatTypes, map[string]attr.Value{"interval_seconds": number(interval), "timeout_seconds": number(timeout)})
}

var (
	beatTypes = map[string]attr.Type{"interval_seconds": types.Int64Type, "timeout_seconds": types.Int64Type}
	noBeat    = types.ObjectNull(beatTypes)
)

func zones(names ...string) attr.Value {
	elements := make([]attr.Value, 0, len(names))
	for _, name := range names {
		elements = append(elements, types.StringValue(name))
	}
	return types.ListValueMust(types.StringType, elements)
}

func TestMerged(t *testing.T) {
	differs := func(paths ...string) external.Differences {
		var out external.Differences
		for _, path := range paths {
			out = append(out, external.Difference{Path: path})
		}
		return out
	}
	cases := map[string]struct {
		reason         string
		was, now, want attr.Value
		changed        external.Differences
	}{
		"Defaulted": {
			reason: "what the server fills in for attributes that are not set stays out of the state, or the write would contradict its plan",
			was:    beat(5, -1), now: beat(5, 10), want: beat(5, -1),
		},
		"EmptyObject": {
			reason: "an empty object stays an empty object",
			was:    beat(-1, -1), now: beat(30, 10), want: beat(-1, -1),
		},
		"Unset": {
			reason: "what is not set at all belongs to others",
			was:    noBeat, now: beat(7, 7), want: noBeat,
		},
		"EmptyList": {
			reason: "a list that grants nothing: empty is as good as unset, others' values are not shown and do not contradict the plan",
			was:    zones(), now: zones("by-hand"), want: zones(),
		},
		"EmptyFacet": {
			reason: "a list that grants: empty means empty, so what others widened must show",
			was:    zones(), now: zones("by-hand"), want: zones("by-hand"), changed: differs("spec.heartbeat"),
		},
		"Drift": {
			reason: "a set attribute that was changed must show, the unset ones beside it stay unmanaged",
			was:    beat(5, -1), now: beat(7, 9), want: beat(7, -1), changed: differs("spec.heartbeat.intervalSeconds"),
		},
		"StillOurs": {
			reason: "what is still ours and no longer configured shows, and that alone",
			was:    noBeat, now: beat(5, 10), want: beat(5, -1), changed: differs("spec.heartbeat.intervalSeconds"),
		},
		"WholeObject": {
			reason: "a difference in the whole object shows the whole object",
			was:    noBeat, now: beat(5, 10), want: beat(5, 10), changed: differs("spec.heartbeat"),
		},
		"ElsewhereOnly": {
			reason: "a difference of another field does not concern it",
			was:    noBeat, now: beat(5, 10), want: noBeat, changed: differs("spec.region", "metadata.labels.heartbeat"),
		},
		"Removed": {
			reason: "what is gone from the platform is null, and the plan adds it again",
			was:    beat(5, -1), now: noBeat, want: noBeat, changed: differs("spec.heartbeat.intervalSeconds"),
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := merged(t.Context(), []string{"heartbeat"}, c.was, c.now, changedAttributes(c.changed)); !got.Equal(c.want) {
				t.Errorf("%s: merged(%s, %s) = %s, want %s", c.reason, c.was, c.now, got, c.want)
			}
		})
	}
}

func TestChosen(t *testing.T) {
	cases := map[string]struct {
		reason    string
		now, want attr.Value
		applied   string
	}{
		"AllDefault": {reason: "nothing but defaults is as good as unset", now: beat(30, 10), want: noBeat},
		"OneChosen":  {reason: "only what is no default counts", now: beat(5, 10), want: beat(5, -1)},
		"AppliedDefault": {
			reason: "a default that somebody applied explicitly counts, its neighbours do not",
			now:    beat(30, 10), want: beat(30, -1), applied: `{"f:spec":{"f:heartbeat":{"f:intervalSeconds":{}}}}`,
		},
		"AppliedWhole": {
			reason: "in an object that was applied whole, a default still is as good as unset",
			now:    beat(5, 10), want: beat(5, -1), applied: `{"f:spec":{"f:heartbeat":{}}}`,
		},
		"AppliedElsewhere": {
			reason: "another field that was applied does not concern it",
			now:    beat(30, 10), want: noBeat, applied: `{"f:spec":{"f:region":{}}}`,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			object := &metav1.ObjectMeta{}
			if c.applied != "" {
				object.ManagedFields = []metav1.ManagedFieldsEntry{{
					Operation: metav1.ManagedFieldsOperationApply, FieldsV1: metav1.NewFieldsV1(c.applied),
				}}
			}
			if got := chosen(t.Context(), []string{"heartbeat"}, c.now, beat(30, 10), appliedAttributes(object).name); !got.Equal(c.want) {
				t.Errorf("%s: chosen(%s) = %s, want %s", c.reason, c.now, got, c.want)
			}
		})
	}
}
