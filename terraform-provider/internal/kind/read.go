package kind

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kubellm/kubellm/internal/external"
)

// Read 刷新状态。不在了、或已不是我们那一个（换了 uid 或主人），都等于没有了：
// 计划会提议重建，而重建会被平台拒绝并说明归谁，所以绝不会覆盖别人的对象。
func (r *managed[M, T, L]) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	state, diags := r.kind.decode(ctx, req.State)
	resp.Diagnostics.Append(diags...)
	inst, diags := loadInstance(ctx, req.Private)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	t := r.task("read", state.key, &resp.Diagnostics)
	client, ok := t.client(ctx)
	if !ok {
		return
	}

	want := r.kind.desired(state, inst.Owner)
	want.Secret = r.kind.Secret.known(state.values, inst.handedIn())
	seen, err := client.Observe(ctx, want)
	if err != nil {
		t.fail(ctx, err)
		return
	}
	if resp.Identity != nil {
		resp.Diagnostics.Append(identify(ctx, resp.Identity, state.key)...)
	}
	if reason := lost(seen, inst); reason != "" {
		if seen.Exists {
			t.warnLost(reason)
		}
		resp.State.RemoveResource(ctx)
		return
	}
	values, diags := r.kind.refreshed(ctx, seen.Object, state, seen.Diff)
	resp.Diagnostics.Append(diags...)
	if seen.SecretDue {
		values = r.kind.Secret.withVersion(values, types.Int64Null())
		t.warnHandedInByOther()
	}
	inst.UID = seen.Object.GetUID()
	r.connection.sightings.note(r.kind.Name, state.key, inst)
	t.save(ctx, values, inst, saved{state: &resp.State, identity: resp.Identity, private: resp.Private})
}

// lost 说明为什么看到的已不是这个资源所管的对象；还是它时为空。
func lost[T external.Object](seen external.Observation[T], inst instance) string {
	switch {
	case !seen.Exists:
		return "it does not exist any more"
	case inst.UID != "" && seen.Object.GetUID() != inst.UID:
		return fmt.Sprintf("it was deleted and made again by someone else, and is now held by %s", seen.HeldBy)
	case seen.Owned:
		return ""
	case inst.Import != nil && seen.Holder == inst.Import.Holder:
		return ""
	default:
		return fmt.Sprintf("it is now held by %s", seen.HeldBy)
	}
}
