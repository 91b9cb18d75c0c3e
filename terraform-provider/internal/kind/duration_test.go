package kind

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"
)

func TestEquallyLong(t *testing.T) {
	cases := map[string]struct {
		reason string
		a, b   types.String
		want   bool
	}{
		"Same":      {"written the same way", types.StringValue("90m"), types.StringValue("90m"), true},
		"Otherwise": {"written in another way", types.StringValue("90m"), types.StringValue("1h30m"), true},
		"Fraction":  {"fractions are allowed", types.StringValue("1.5h"), types.StringValue("5400s"), true},
		"Longer":    {"another time", types.StringValue("90m"), types.StringValue("91m"), false},
		"Unset":     {"the default is not written out by it", types.StringNull(), types.StringValue("90m"), false},
		"BothUnset": {"nothing is no duration", types.StringNull(), types.StringNull(), false},
		"Unknown":   {"what is not known yet may be anything", types.StringValue("90m"), types.StringUnknown(), false},
		"Malformed": {"the validator says what is wrong", types.StringValue("soon"), types.StringValue("soon"), false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := equallyLong(c.a, c.b); got != c.want {
				t.Errorf("%s: equallyLong(%s, %s) = %v", c.reason, c.a, c.b, got)
			}
			if got := equallyLong(c.b, c.a); got != c.want {
				t.Errorf("%s: equallyLong(%s, %s) = %v", c.reason, c.b, c.a, got)
			}
		})
	}
}
