package user

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation"
)

func TestDefaultBindingName(t *testing.T) {
	long := strings.Repeat("a", 240)
	cases := map[string]struct {
		reason string
		user   string
		want   string
	}{
		"Short": {
			reason: "a name that fits is used as it is, so that people can guess it",
			user:   "ann",
			want:   "default-ann",
		},
		"JustFits": {
			reason: "the longest name that fits is kept whole",
			user:   strings.Repeat("b", 245),
			want:   "default-" + strings.Repeat("b", 245),
		},
		"Long": {
			reason: "a name that does not fit is cut and told apart by a hash",
			user:   strings.Repeat("c", 246),
		},
		"CutAtADot": {
			reason: "a cut must not leave a label that ends in a dot",
			user:   long[:233] + "." + strings.Repeat("d", 19),
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := defaultBindingName(tc.user)
			if tc.want != "" && got != tc.want {
				t.Errorf("%s: got %q, want %q", tc.reason, got, tc.want)
			}
			if problems := validation.IsDNS1123Subdomain(got); len(problems) > 0 {
				t.Errorf("%s: %q is not a name: %v", tc.reason, got, problems)
			}
		})
	}

	if defaultBindingName(long+strings.Repeat("x", 13)) == defaultBindingName(long+strings.Repeat("y", 13)) {
		t.Error("two users whose names differ only beyond the cut share a default binding")
	}
}
