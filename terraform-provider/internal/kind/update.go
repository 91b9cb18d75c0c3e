package kind

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/kubellm/kubellm/apis/meta"
)

// Update 把计划写到平台：一次请求，带着 uid，因此绝不会让已删除的对象复活。
// 刚导入的对象先从导入时看到的主人手里接管，主人变了就不动它。
func (r *managed[M, T, L]) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	plan, diags := r.kind.decode(ctx, req.Plan)
	resp.Diagnostics.Append(diags...)
	state, diags := r.kind.decode(ctx, req.State)
	resp.Diagnostics.Append(diags...)
	inst, diags := loadInstance(ctx, req.Private)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	t := r.task("update", plan.name, &resp.Diagnostics)
	client, ok := t.client(ctx)
	if !ok {
		return
	}

	want := r.kind.desired(plan, inst.Owner)
	var object T
	var err error
	if inst.Import != nil {
		// 只接管导入时看到的那一个：主人没变但已被重建的，不是人说要接管的那个。
		want.Object.SetUID(inst.UID)
		object, err = client.Adopt(ctx, want, inst.Import.Holder, shownKeys(state)...)
	} else {
		observed := r.kind.known(plan.name, inst)
		object, err = client.Apply(ctx, want, &observed)
	}
	if err != nil {
		t.fail(ctx, err)
		return
	}
	inst.Import = nil
	inst.UID = object.GetUID()
	values, diags := r.kind.refreshed(ctx, object, plan, nil)
	resp.Diagnostics.Append(diags...)
	t.save(ctx, values, inst, saved{state: &resp.State, identity: resp.Identity, private: resp.Private})
}

// known 是私有状态里记得的那个对象：更新只需要它的 uid 与标记，不必为此再读一次。
func (k *Kind[M, T, L]) known(name string, inst instance) T {
	object := k.External.New()
	object.SetName(name)
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
