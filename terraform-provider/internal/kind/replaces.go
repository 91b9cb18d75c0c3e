package kind

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Replaces 让改了值的换一个对象；没写与写明默认值是一回事，不为此重建：那会让模型停下来重新加载，或排空整个成员。
// 默认值可能就是对象的名字；名字换了本来就要重建，所以只问现在的。
func Replaces(title string, byDefault func(name string) string) planmodifier.String {
	description := fmt.Sprintf("Replaces the %s when the value really changes.", title)
	return stringplanmodifier.RequiresReplaceIf(
		func(ctx context.Context, req planmodifier.StringRequest, resp *stringplanmodifier.RequiresReplaceIfFuncResponse) {
			var name types.String
			resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root(attrName), &name)...)
			effective := func(value types.String) types.String {
				if value.IsNull() {
					return types.StringValue(byDefault(name.ValueString()))
				}
				return value
			}
			resp.RequiresReplace = !effective(req.StateValue).Equal(effective(req.PlanValue))
		}, description, description)
}

// replacing 是换了值就要换一个对象的属性在文档里的最后一句。
const replacing = " Changing it replaces the "

// Replacing 在说明之后加上那一句。
func Replacing(title, description string) string { return description + replacing + title + "." }

// reading 是同一个属性在数据源里的说明：读的人什么也没换。
func reading(description string) string {
	description, _, _ = strings.Cut(description, replacing)
	return description
}
