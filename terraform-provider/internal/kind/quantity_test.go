package kind

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

func quantity(text string) Quantity { return Quantity{StringValue: types.StringValue(text)} }

func TestQuantityEquality(t *testing.T) {
	cases := map[string]struct {
		reason, a, b string
		want         bool
	}{
		"Same":      {"written alike", "64Gi", "64Gi", true},
		"Units":     {"the platform writes it in the largest unit", "65536Mi", "64Gi", true},
		"Milli":     {"thousandths too", "500m", "0.5", true},
		"Decimal":   {"G and Gi are seven per cent apart", "64G", "64Gi", false},
		"Different": {"really another amount", "64Gi", "32Gi", false},
		"Malformed": {"what is no quantity equals nothing", "lots", "lots", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			same, diags := quantity(c.a).StringSemanticEquals(t.Context(), quantity(c.b))
			if same != c.want || diags.HasError() {
				t.Errorf("%s: %s equals %s: %v, want %v (%v)", c.reason, c.a, c.b, same, c.want, diags)
			}
		})
	}
}

func TestSameAmountIsNoChange(t *testing.T) {
	cases := map[string]struct {
		reason            string
		state, plan, want types.String
	}{
		"Rewritten": {"another way to write it is no change", types.StringValue("64Gi"), types.StringValue("65536Mi"), types.StringValue("64Gi")},
		"Changed":   {"really changed", types.StringValue("64Gi"), types.StringValue("32Gi"), types.StringValue("32Gi")},
		"New":       {"it was not set before", types.StringNull(), types.StringValue("64Gi"), types.StringValue("64Gi")},
		"Removed":   {"it is not set any more", types.StringValue("64Gi"), types.StringNull(), types.StringNull()},
		"Unknown":   {"it is not known yet", types.StringValue("64Gi"), types.StringUnknown(), types.StringUnknown()},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			resp := planmodifier.StringResponse{PlanValue: c.plan}
			sameAmount{}.PlanModifyString(t.Context(), planmodifier.StringRequest{StateValue: c.state, PlanValue: c.plan}, &resp)
			if !resp.PlanValue.Equal(c.want) {
				t.Errorf("%s: the plan is %s, want %s", c.reason, resp.PlanValue, c.want)
			}
		})
	}
}

// TestWellFormed 到写入时才知道的数量也要查，错误落在它自己的属性上。
func TestWellFormed(t *testing.T) {
	resources := func(memory attr.Value) attr.Value {
		return types.ObjectValueMust(map[string]attr.Type{"memory": QuantityType{}}, map[string]attr.Value{"memory": memory})
	}
	cases := map[string]struct {
		reason string
		memory Quantity
		bad    bool
	}{
		"Good":    {reason: "a quantity", memory: quantity("64Gi")},
		"Unset":   {reason: "not set", memory: Quantity{StringValue: types.StringNull()}},
		"Unknown": {reason: "it is not known yet", memory: Quantity{StringValue: types.StringUnknown()}},
		"Bad":     {reason: "no quantity", memory: quantity("64 gigabytes"), bad: true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			diags := wellFormed(t.Context(), path.Root("resources"), resources(c.memory))
			at := diags.Errors()
			if diags.HasError() != c.bad {
				t.Fatalf("%s: wellFormed(%s) reports %v", c.reason, c.memory, diags)
			}
			if c.bad {
				located, ok := at[0].(interface{ Path() path.Path })
				if !ok || !located.Path().Equal(path.Root("resources").AtName("memory")) {
					t.Errorf("%s: the error %v is not at the attribute", c.reason, at[0])
				}
			}
		})
	}
}
