package kind

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/kubellm/kubellm/apis/meta"
	"github.com/kubellm/kubellm/internal/external"
)

// Update 把计划写到平台：一次请求，带着 uid，因此绝不会让已删除的对象复活；秘密换了版本的再交一次。
// 刚导入的对象先从导入时看到的主人手里接管，主人变了就不动它。
func (r *managed[M, T, L]) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	plan, diags := r.kind.decode(ctx, req.Plan)
	resp.Diagnostics.Append(diags...)
	state, diags := r.kind.decode(ctx, req.State)
	resp.Diagnostics.Append(diags...)
	inst, diags := loadInstance(ctx, req.Private)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	t := r.task("update", plan.key, &resp.Diagnostics)
	want := r.kind.desired(plan, inst.Owner)
	before := r.kind.Secret.version(state.values)
	want.Secret = t.taken(ctx, req.Config, plan, before, inst.handedIn())
	client, ok := t.client(ctx)
	if !ok || resp.Diagnostics.HasError() {
		return
	}

	written, err := t.write(ctx, client, want, state, inst)
	if written.Applied {
		inst.Import = nil
		inst.UID = written.Object.GetUID()
		t.store(ctx, outcome[M, T]{written: written, plan: plan, before: before, inst: inst, failed: err != nil,
			preview: t.previewed(plan.values, state.values[attrPlan])},
			saved{state: &resp.State, identity: resp.Identity, private: resp.Private})
	}
	switch {
	case err != nil && written.Applied:
		t.failHandIn(err, "Once the cause is mended, apply hands it in.")
		return
	case err != nil:
		t.fail(ctx, err)
		return
	}
	timeout, diags := plan.timeouts.Update(ctx, r.kind.readyTimeout())
	resp.Diagnostics.Append(diags...)
	if !resp.Diagnostics.HasError() {
		t.await(ctx, client, written.Object, timeout,
			"It is written as configured. Once the cause is mended, run terraform apply again.")
	}
}

// write 更新对象，刚导入的先接管。
func (t task[M, T, L]) write(ctx context.Context, client *external.Client[T, L], want external.Desired[T], state decoded[M], inst instance) (external.Written[T], error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	if inst.Import != nil {
		// 只接管导入时看到的那一个：主人没变但已被重建的，不是人说要接管的那个。
		want.Object.SetUID(inst.UID)
		return client.Adopt(ctx, want, inst.Import.Holder, shownKeys(state)...)
	}
	observed := t.kind.known(t.key, inst)
	return client.Apply(ctx, want, &observed)
}

// known 是私有状态里记得的那个对象：更新只需要它的 uid 与标记，不必为此再读一次。
func (k *Kind[M, T, L]) known(key external.Key, inst instance) T {
	object := k.located(key)
	object.SetUID(inst.UID)
	object.SetAnnotations(map[string]string{meta.OwnerAnnotation: inst.Owner})
	return object
}

// shownKeys 是状态里显示过的标签与注解：导入后计划说要去掉的键，接管时必须连同归属一起拿来才真的去得掉。
func shownKeys[M any](state decoded[M]) [][]string {
	var out [][]string
	for key := range state.labels {
		out = append(out, []string{"metadata", attrLabels, key})
	}
	for key := range state.annotations {
		out = append(out, []string{"metadata", attrAnnotations, key})
	}
	return out
}
