package kind

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubellm/kubellm/internal/external"
)

// Create 建立对象并打上新的归属标记。同名对象已经存在时平台会拒绝，错误里说明归谁、怎么导入。
func (r *managed[M, T, L]) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	plan, diags := r.kind.decode(ctx, req.Plan)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	t := r.task("create", plan.name, &resp.Diagnostics)
	client, ok := t.client(ctx)
	if !ok {
		return
	}

	want := r.kind.desired(plan, newOwner())
	object, err := client.Apply(ctx, want, nil)
	if err != nil {
		object, err = recovered(ctx, client, want, err)
	}
	if err != nil {
		t.fail(ctx, err)
		return
	}
	values, diags := r.kind.refreshed(ctx, object, plan, nil)
	resp.Diagnostics.Append(diags...)
	t.save(ctx, values, instance{Owner: want.Owner, UID: object.GetUID()},
		saved{state: &resp.State, identity: resp.Identity, private: resp.Private})
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
