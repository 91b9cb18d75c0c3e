package kind

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/kubellm/kubellm/internal/external"
)

// ImportState 按名字或身份导入。导入与计划都不写平台：这里只记下对象现在归谁，
// 真正的接管发生在第一次写入时，而且只从这里记下的主人手里接。
func (r *managed[M, T, L]) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	key, diags := r.kind.importKey(ctx, req)
	resp.Diagnostics.Append(diags...)
	t := r.task("import", key, &resp.Diagnostics)
	client, ok := t.client(ctx)
	if !ok || resp.Diagnostics.HasError() {
		return
	}

	inst := instance{Owner: newOwner()}
	want := external.Desired[T]{Object: r.kind.located(key), Owner: inst.Owner}
	seen, err := client.Observe(ctx, want)
	if err != nil {
		t.fail(ctx, err)
		return
	}
	if !seen.Exists {
		t.failMissing()
		return
	}
	inst.UID = seen.Object.GetUID()
	inst.Import = &imported{Holder: seen.Holder}
	values, diags := r.kind.imported(ctx, seen.Object)
	resp.Diagnostics.Append(diags...)
	t.save(ctx, values, inst, saved{state: &resp.State, identity: resp.Identity, private: resp.Private})
}
