package kind

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/kubellm/kubellm/internal/external"
)

// Delete 只删带着我们标记的对象，并等到它真的不在了；已经不在算成功，归了别人就只警告。
func (r *managed[M, T, L]) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	state, diags := r.kind.decode(ctx, req.State)
	resp.Diagnostics.Append(diags...)
	inst, diags := doomed(ctx, req.Private)
	resp.Diagnostics.Append(diags...)
	timeout, diags := state.timeouts.Delete(ctx, defaultDeleteTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	t := r.task("delete", state.key, &resp.Diagnostics)
	client, ok := t.client(ctx)
	if !ok {
		return
	}

	want := r.kind.desired(state, inst.Owner)
	// 同名的后来者即使抄来了标记，也不是这个资源所管的那一个。
	want.Object.SetUID(inst.UID)
	if inst.Import != nil && !t.adopt(ctx, client, want, inst) {
		return
	}
	deletion, err := client.Delete(ctx, want)
	if err == nil && deletion == external.Terminating {
		err = client.WaitGone(ctx, want.Key(), inst.UID)
	}
	if err != nil {
		t.fail(ctx, err)
		return
	}
	if deletion == external.NotOurs {
		t.warnNotOurs(ctx, client, want)
	}
}

// adopt 在删除之前接管导入后还没写过的对象：导入就是明说要由 Terraform 管，销毁也包括在内。
// 返回 false 表示没有什么可删的，或者出了错。
func (t task[M, T, L]) adopt(ctx context.Context, client *external.Client[T, L], want external.Desired[T], inst instance) bool {
	_, err := client.Adopt(ctx, want, inst.Import.Holder)
	switch external.ClassOf(err) {
	case "":
		return true
	case external.ClassNotFound:
		return false
	case external.ClassOwnedByAnother:
		t.warnNotOurs(ctx, client, want)
		return false
	default:
		t.fail(ctx, err)
		return false
	}
}
