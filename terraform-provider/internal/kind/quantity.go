package kind

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/attr/xattr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"k8s.io/apimachinery/pkg/api/resource"
)

// Quantity 是 Kubernetes 的数量，例如 64Gi；写法不同而一样多的是同一个值，平台改写了写法也不算差异。
type Quantity struct{ basetypes.StringValue }

var (
	_ basetypes.StringValuableWithSemanticEquals = Quantity{}
	_ xattr.ValidateableAttribute                = Quantity{}
	_ basetypes.StringTypable                    = QuantityType{}
)

// QuantityType 是 Quantity 的类型。
type QuantityType struct{ basetypes.StringType }

// Equal 只等于自己。
func (t QuantityType) Equal(other attr.Type) bool {
	_, same := other.(QuantityType)
	return same
}

// String 是类型的名字。
func (t QuantityType) String() string { return "kind.QuantityType" }

// ValueType 是值的类型。
func (t QuantityType) ValueType(context.Context) attr.Value { return Quantity{} }

// ValueFromString 由文字得出值。
func (t QuantityType) ValueFromString(_ context.Context, in basetypes.StringValue) (basetypes.StringValuable, diag.Diagnostics) {
	return Quantity{StringValue: in}, nil
}

// ValueFromTerraform 由 Terraform 的值得出值。
func (t QuantityType) ValueFromTerraform(ctx context.Context, in tftypes.Value) (attr.Value, error) {
	value, err := t.StringType.ValueFromTerraform(ctx, in)
	if err != nil {
		return nil, err
	}
	text, ok := value.(basetypes.StringValue)
	if !ok {
		return nil, fmt.Errorf("a quantity is a string and not a %T", value)
	}
	return Quantity{StringValue: text}, nil
}

// Type 是值的类型。
func (q Quantity) Type(context.Context) attr.Type { return QuantityType{} }

// Equal 说写法是否也一样。
func (q Quantity) Equal(other attr.Value) bool {
	o, ok := other.(Quantity)
	return ok && q.StringValue.Equal(o.StringValue)
}

// StringSemanticEquals 说是否一样多。
func (q Quantity) StringSemanticEquals(_ context.Context, other basetypes.StringValuable) (bool, diag.Diagnostics) {
	o, ok := other.(Quantity)
	return ok && q.same(o), nil
}

func (q Quantity) same(other Quantity) bool {
	mine, err := resource.ParseQuantity(q.ValueString())
	if err != nil {
		return false
	}
	its, err := resource.ParseQuantity(other.ValueString())
	return err == nil && mine.Cmp(its) == 0
}

// ValidateAttribute 在计划时就拒绝不是数量的文字。
func (q Quantity) ValidateAttribute(_ context.Context, req xattr.ValidateAttributeRequest, resp *xattr.ValidateAttributeResponse) {
	if q.IsNull() || q.IsUnknown() {
		return
	}
	if _, err := resource.ParseQuantity(q.ValueString()); err != nil {
		resp.Diagnostics.AddAttributeError(req.Path, "Malformed quantity",
			fmt.Sprintf("%s is %q, which is no quantity: write a number with an optional suffix, such as 64Gi, 500m or 8.", req.Path, q.ValueString()))
	}
}

// QuantityAttribute 是一个数量的属性；换了写法而一样多的不算改动。
func QuantityAttribute(description string) schema.StringAttribute {
	return schema.StringAttribute{
		CustomType:          QuantityType{},
		Optional:            true,
		MarkdownDescription: description + " Other ways to write the same amount, such as `64Gi` and `65536Mi`, are no difference.",
		PlanModifiers:       []planmodifier.String{sameAmount{}},
	}
}

// sameAmount 让计划在一样多时保留状态里的写法，否则改个写法也要写一次平台。
type sameAmount struct{}

func (sameAmount) Description(context.Context) string {
	return "keeps the quantity as it is written in the state where the amount is the same"
}

func (m sameAmount) MarkdownDescription(ctx context.Context) string { return m.Description(ctx) }

func (sameAmount) PlanModifyString(_ context.Context, req planmodifier.StringRequest, resp *planmodifier.StringResponse) {
	if req.StateValue.IsNull() || req.PlanValue.IsNull() || req.PlanValue.IsUnknown() {
		return
	}
	if (Quantity{StringValue: req.StateValue}).same(Quantity{StringValue: req.PlanValue}) {
		resp.PlanValue = req.StateValue
	}
}

// wellFormed 查值里的每个数量：到写入时才知道的没有经过校验，而类型化的 spec 装不下不是数量的文字。
func wellFormed(ctx context.Context, at path.Path, value attr.Value) diag.Diagnostics {
	var diags diag.Diagnostics
	switch v := value.(type) {
	case Quantity:
		var resp xattr.ValidateAttributeResponse
		v.ValidateAttribute(ctx, xattr.ValidateAttributeRequest{Path: at}, &resp)
		return resp.Diagnostics
	case types.Object:
		for name, inner := range v.Attributes() {
			diags.Append(wellFormed(ctx, at.AtName(name), inner)...)
		}
	case types.List:
		for i, inner := range v.Elements() {
			diags.Append(wellFormed(ctx, at.AtListIndex(i), inner)...)
		}
	}
	return diags
}
