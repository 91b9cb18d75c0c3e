package kind

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kubellm/kubellm/internal/external"
)

// List 供 terraform query 找出可以导入的对象。
func (r *managed[M, T, L]) List(ctx context.Context, req list.ListRequest, stream *list.ListResultsStream) {
	var diags diag.Diagnostics
	t := r.task("list", external.Key{}, &diags)
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	objects := t.list(ctx, req.Config)
	if diags.HasError() {
		stream.Results = list.ListResultsStreamDiagnostics(diags)
		return
	}
	if req.Limit > 0 && int64(len(objects)) > req.Limit {
		objects = objects[:req.Limit]
	}
	stream.Results = func(push func(list.ListResult) bool) {
		for _, object := range objects {
			if !push(r.listed(context.WithoutCancel(ctx), req, object)) {
				return
			}
		}
	}
}

// listed 是一个结果：身份用来导入，要求时附上与导入后相同的全部属性，供生成配置。
func (r *managed[M, T, L]) listed(ctx context.Context, req list.ListRequest, object T) list.ListResult {
	result := req.NewListResult(ctx)
	result.DisplayName = id(keyOf(object))
	result.Diagnostics.Append(identify(ctx, result.Identity, keyOf(object))...)
	if !req.IncludeResource {
		return result
	}
	values, diags := r.kind.imported(ctx, object)
	result.Diagnostics.Append(diags...)
	whole, diags := types.ObjectValue(req.ResourceSchema.Type().(types.ObjectType).AttrTypes, values)
	result.Diagnostics.Append(diags...)
	result.Diagnostics.Append(result.Resource.Set(ctx, whole)...)
	return result
}
