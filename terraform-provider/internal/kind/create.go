package kind

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubellm/kubellm/internal/external"
)

// Create 建立对象并打上新的归属标记，交入秘密，存好状态，然后等它就绪。
// 同名对象已经存在时平台会拒绝，错误里说明归谁、怎么导入。
func (r *managed[M, T, L]) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	plan, diags := r.kind.decode(ctx, req.Plan)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	t := r.task("create", plan.key, &resp.Diagnostics)
	want := r.kind.desired(plan, newOwner())
	want.Secret = t.taken(ctx, req.Config, plan, types.Int64Null(), external.Handover{})
	client, ok := t.client(ctx)
	if !ok || resp.Diagnostics.HasError() {
		return
	}

	written, err := create(ctx, client, want)
	if written.Applied {
		inst := instance{Owner: want.Owner, UID: written.Object.GetUID()}
		t.store(ctx, outcome[M, T]{written: written, plan: plan, before: types.Int64Null(), inst: inst, failed: err != nil,
			preview: t.previewed(plan.values, types.StringNull())},
			saved{state: &resp.State, identity: resp.Identity, private: resp.Private})
	}
	switch {
	case err != nil && written.Applied:
		t.failHandIn(err, replacedNext)
		return
	case err != nil:
		t.fail(ctx, err)
		return
	}
	timeout, diags := plan.timeouts.Create(ctx, r.kind.readyTimeout())
	resp.Diagnostics.Append(diags...)
	if !resp.Diagnostics.HasError() {
		t.await(ctx, client, written.Object, timeout, replacedNext)
	}
}

// replacedNext 是建成之后才失败的资源的下一步：Terraform 会把它标为 tainted。
const replacedNext = "Terraform counts it as not properly created: once the cause is mended, apply replaces it. " +
	"To keep it instead, run terraform untaint first; apply then only changes what is missing."

// create 发出创建；没有得到回答的查明结果，其实建成了的接着交入秘密。
func create[T external.Object, L runtime.Object](ctx context.Context, client *external.Client[T, L], want external.Desired[T]) (external.Written[T], error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	written, err := client.Apply(ctx, want, nil)
	if err == nil || written.Applied {
		return written, err
	}
	object, err := recovered(ctx, client, want, err)
	if err != nil {
		return external.Written[T]{}, err
	}
	written = external.Written[T]{Object: object, Applied: true}
	if want.Secret == nil {
		return written, nil
	}
	completed, err := client.Apply(ctx, want, &object)
	if completed.Applied {
		written = completed
	}
	return written, err
}

// recoverTimeout 是查明一次没有得到回答的创建最多用多久。
const recoverTimeout = 10 * time.Second

// recovered 查明没有得到回答的创建是否其实成功了：标记是这一次才造的，带着它的对象只能是我们刚建的。
// 不查就报错的话，对象会留在平台上而状态里没有它，下一次创建便撞上自己。
func recovered[T external.Object, L runtime.Object](ctx context.Context, client *external.Client[T, L], want external.Desired[T], failure error) (T, error) {
	var none T
	if class := external.ClassOf(failure); class != external.ClassUnreachable && class != external.ClassInternal {
		return none, failure
	}
	// 创建可能正是因为被打断（Ctrl-C）而没有得到回答；查明结果不能用那个已取消的上下文。
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recoverTimeout)
	defer cancel()
	seen, err := client.Observe(ctx, want)
	if err != nil || !seen.Exists || !seen.Owned {
		return none, failure
	}
	return seen.Object, nil
}
