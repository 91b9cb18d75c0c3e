package external

import (
	"testing"

	"k8s.io/utils/ptr"

	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// TestCompareAtomic 看服务端整个替换、又在里面填默认值的字段：默认值不是差异，去掉的一项是。
func TestCompareAtomic(t *testing.T) {
	kind := &Kind[*modelv1alpha1.Model, *modelv1alpha1.ModelList]{
		Atomic:  [][]string{{"spec", "rollout"}, {"spec", "placement", "tolerations"}},
		Default: modelv1alpha1.SetObjectDefaults_Model,
	}
	tolerates := func(value string) *modelv1alpha1.Placement {
		return &modelv1alpha1.Placement{Tolerations: []modelv1alpha1.Toleration{{Key: "k", Value: value}}}
	}
	cases := map[string]struct {
		reason     string
		want, have modelv1alpha1.ModelSpec
		diff       string
	}{
		"defaults": {
			reason: "what the server fills in is no difference",
			want:   modelv1alpha1.ModelSpec{Rollout: &modelv1alpha1.Rollout{MaxSurge: ptr.To[int32](1)}, Placement: tolerates("a")},
			have:   modelv1alpha1.ModelSpec{Rollout: &modelv1alpha1.Rollout{MaxSurge: ptr.To[int32](1)}, Placement: tolerates("a")},
		},
		"unset": {
			reason: "a field that is not set is left alone as a whole",
			have:   modelv1alpha1.ModelSpec{Rollout: &modelv1alpha1.Rollout{MaxSurge: ptr.To[int32](1)}, Placement: tolerates("a")},
		},
		"removed inside": {
			reason: "what was removed from inside goes back to the default",
			want:   modelv1alpha1.ModelSpec{Rollout: &modelv1alpha1.Rollout{}},
			have:   modelv1alpha1.ModelSpec{Rollout: &modelv1alpha1.Rollout{MaxSurge: ptr.To[int32](3)}},
			diff:   "spec.rollout.maxSurge: 0, is 3",
		},
		"without default": {
			reason: "what has no default is no longer wanted",
			want:   modelv1alpha1.ModelSpec{Rollout: &modelv1alpha1.Rollout{Type: ptr.To(modelv1alpha1.RolloutRecreate)}},
			have:   modelv1alpha1.ModelSpec{Rollout: &modelv1alpha1.Rollout{Type: ptr.To(modelv1alpha1.RolloutRecreate), MaxSurge: ptr.To[int32](3)}},
			diff:   "spec.rollout.maxSurge: no longer wanted, is 3",
		},
		"list": {
			reason: "a list is compared whole, with what the server fills in",
			want:   modelv1alpha1.ModelSpec{Placement: tolerates("a")},
			have:   modelv1alpha1.ModelSpec{Placement: tolerates("b")},
			diff:   `spec.placement.tolerations: [{"key":"k","operator":"Equal","value":"a"}], is [{"key":"k","operator":"Equal","value":"b"}]`,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			want, have := &modelv1alpha1.Model{Spec: tc.want}, &modelv1alpha1.Model{Spec: tc.have}
			modelv1alpha1.SetObjectDefaults_Model(have)
			diff, err := compare(kind, want, have, testManager)
			if err != nil {
				t.Fatal(err)
			}
			if diff.String() != tc.diff {
				t.Errorf("%s: got %q, want %q", tc.reason, diff, tc.diff)
			}
		})
	}
}
