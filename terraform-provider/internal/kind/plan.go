package kind

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// ModifyPlan 看新建是不是替换，查将要交入的秘密，并问平台打算怎样。
func (r *managed[M, T, L]) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() {
		return
	}
	if req.State.Raw.IsNull() {
		key, diags := r.kind.configuredKey(ctx, req.Plan)
		resp.Diagnostics.Append(diags...)
		resp.Diagnostics.Append(r.planReplaced(ctx, key, resp.Private)...)
	}
	known := req.Config.Raw.IsFullyKnown() && inputsKnown(req.Plan.Raw)
	if r.kind.Secret != nil && known {
		r.checkSecret(ctx, req, resp)
	}
	if r.kind.Preview != nil && !resp.Diagnostics.HasError() {
		r.preview(ctx, req, resp, known)
	}
}

// inputsKnown 说计划里除了平台的打算以外是否都已知道。
func inputsKnown(plan tftypes.Value) bool {
	attributes := map[string]tftypes.Value{}
	if err := plan.As(&attributes); err != nil {
		return false
	}
	for name, value := range attributes {
		if name != attrPlan && !value.IsFullyKnown() {
			return false
		}
	}
	return true
}

// checkSecret 在计划时就按平台的规则查将要交入的秘密；配置里还有未知的值时，留到写入之前查。
func (r *managed[M, T, L]) checkSecret(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	declared := r.kind.Secret
	plan, diags := r.kind.decode(ctx, req.Plan)
	resp.Diagnostics.Append(diags...)
	verb, version := "create", types.Int64Null()
	if !req.State.Raw.IsNull() {
		verb = "update"
		resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root(declared.versionName()), &version)...)
	}
	data, diags := declared.data(ctx, req.Config)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() || len(data) == 0 || declared.version(plan.values).Equal(version) {
		return
	}
	r.task(verb, plan.key, &resp.Diagnostics).check(plan.model, data)
}
