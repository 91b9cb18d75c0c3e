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
			reason: "服务端替没写的属性填的值不进状态，否则写完就与计划不符",
			was:    beat(5, -1), now: beat(5, 10), want: beat(5, -1),
		},
		"EmptyObject": {
			reason: "写了空对象就留着空对象",
			was:    beat(-1, -1), now: beat(30, 10), want: beat(-1, -1),
		},
		"Unset": {
			reason: "整个没写的归别人管",
			was:    noBeat, now: beat(7, 7), want: noBeat,
		},
		"EmptyList": {
			reason: "不会授权的列表，写空等于没写：别人写的不显示，也不会写完就与计划不符",
			was:    zones(), now: zones("by-hand"), want: zones(),
		},
		"EmptyFacet": {
			reason: "会授权的列表，写空就是要它空：别人放大了要看得见",
			was:    zones(), now: zones("by-hand"), want: zones("by-hand"), changed: differs("spec.heartbeat"),
		},
		"Drift": {
			reason: "写了的属性被改了要看得见，旁边没写的仍不管",
			was:    beat(5, -1), now: beat(7, 9), want: beat(7, -1), changed: differs("spec.heartbeat.intervalSeconds"),
		},
		"StillOurs": {
			reason: "仍归我们管而配置不再写的，只露出那一个",
			was:    noBeat, now: beat(5, 10), want: beat(5, -1), changed: differs("spec.heartbeat.intervalSeconds"),
		},
		"WholeObject": {
			reason: "差异在整个对象上就露出整个对象",
			was:    noBeat, now: beat(5, 10), want: beat(5, 10), changed: differs("spec.heartbeat"),
		},
		"ElsewhereOnly": {
			reason: "别的字段的差异与它无关",
			was:    noBeat, now: beat(5, 10), want: noBeat, changed: differs("spec.region", "metadata.labels.heartbeat"),
		},
		"Removed": {
			reason: "平台上没有了就是 null，计划会补上",
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
		"AllDefault": {reason: "全是默认值等于没写", now: beat(30, 10), want: noBeat},
		"OneChosen":  {reason: "只有不是默认的算数", now: beat(5, 10), want: beat(5, -1)},
		"AppliedDefault": {
			reason: "有人明确应用过的默认值算数，旁边的不算",
			now:    beat(30, 10), want: beat(30, -1), applied: `{"f:spec":{"f:heartbeat":{"f:intervalSeconds":{}}}}`,
		},
		"AppliedWhole": {
			reason: "整个应用的对象里，默认值仍等于没写",
			now:    beat(5, 10), want: beat(5, -1), applied: `{"f:spec":{"f:heartbeat":{}}}`,
		},
		"AppliedElsewhere": {
			reason: "应用过别的字段与它无关",
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
