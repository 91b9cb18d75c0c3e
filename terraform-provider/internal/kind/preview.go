package kind

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubellm/kubellm/internal/external"
)

func (k *Kind[M, T, L]) previewAttribute() schema.Attribute {
	return schema.StringAttribute{
		Computed: true,
		MarkdownDescription: fmt.Sprintf("What the platform said it would do, when Terraform last asked it before it wrote the %[1]s: where, with the names of the "+
			"objects for each member cluster; as of that moment, and kept as it was said until the %[1]s is changed again. `terraform plan` shows it as a warning "+
			"for each %[1]s that it creates or changes: Terraform does not let a planned value differ at apply, and capacity may move until then. The data source "+
			"`kubellm_%[2]s_plan` has it in the plan itself, with the manifests. Not set where the platform could not be asked. Where the %[1]s really is, the data "+
			"source `kubellm_%[2]s` shows.", k.Title, k.Name),
	}
}

// preview 问平台打算怎样，说给看计划的人听，并留给写入。没有改动的对象不问。
// 属性本身留作未知：Terraform 在写入前会再做一次计划，那时的打算若与已知的值不同就是错误，而容量会变。
func (r *managed[M, T, L]) preview(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse, known bool) {
	at := path.Root(attrPlan)
	if !req.State.Raw.IsNull() && !r.kind.changes(ctx, req) {
		var last types.String
		resp.Diagnostics.Append(req.State.GetAttribute(ctx, at, &last)...)
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, at, last)...)
		return
	}
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, at, types.StringUnknown())...)
	if !known || r.connection == nil || resp.Diagnostics.HasError() {
		return
	}
	r.ask(ctx, req, resp)
}

// changes 说计划会不会改变对象：时限与秘密不在对象里。
func (k *Kind[M, T, L]) changes(ctx context.Context, req resource.ModifyPlanRequest) bool {
	var plan, state types.Object
	if diags := append(req.Plan.Get(ctx, &plan), req.State.Get(ctx, &state)...); diags.HasError() {
		return true
	}
	before := state.Attributes()
	for name, value := range plan.Attributes() {
		_, secret := k.Secret.types()[name]
		if name != attrPlan && name != attrTimeouts && !secret && !value.Equal(before[name]) {
			return true
		}
	}
	return false
}

// ask 试运行一次；平台不答应的是错误，问不到的只是警告：没有打算可看，计划照做。
func (r *managed[M, T, L]) ask(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	ctx, cancel := context.WithTimeout(ctx, previewTimeout)
	defer cancel()
	plan, diags := r.kind.decode(ctx, req.Plan)
	resp.Diagnostics.Append(diags...)
	if diags.HasError() {
		return
	}
	want, observed, ok := r.trial(ctx, req, plan)
	if !ok {
		return
	}
	t := r.task("plan", plan.key, &resp.Diagnostics)
	platform, err := r.connection.open(ctx)
	if err != nil {
		t.warnNoPreview(err)
		return
	}
	object, err := external.NewClient(platform, r.kind.External).DryRun(ctx, want, observed)
	if err != nil {
		t.noPreview(ctx, err, observed != nil)
		return
	}
	said := r.kind.Preview(object)
	r.connection.previews.Store(t.kind.Name+"/"+t.id(), said)
	if said != "" {
		t.diags.AddWarning(fmt.Sprintf("What the platform would do with the %s %q", r.kind.Title, t.id()), said)
	}
}

// trial 是要试的写入。将被替换的不试：旧的还在，平台只会拒绝；它的打算到旧的不在了、真要写时再问。
func (r *managed[M, T, L]) trial(ctx context.Context, req resource.ModifyPlanRequest, plan decoded[M]) (external.Desired[T], *T, bool) {
	if req.State.Raw.IsNull() {
		_, replaced := r.connection.sightings.recall(r.kind.Name, plan.key)
		return r.kind.desired(plan, newOwner()), nil, !replaced
	}
	inst, diags := loadInstance(ctx, req.Private)
	before, more := r.kind.configuredKey(ctx, req.State)
	if diags.HasError() || more.HasError() || before != plan.key {
		return external.Desired[T]{}, nil, false
	}
	owner := inst.Owner
	if inst.Import != nil {
		// 导入之后还没写过的仍归原主人，试运行不能先接管。
		owner = inst.Import.Holder
	}
	observed := r.kind.known(plan.key, inst)
	return r.kind.desired(plan, owner), &observed, owner != ""
}

// noPreview 把试运行的失败说给人听：平台不接受的内容现在就是错误，改了不能改的字段则由替换解决。
// 名字被占着只是警告：同一次 apply 可能先让出它。
func (t task[M, T, L]) noPreview(ctx context.Context, err error, update bool) {
	failure, refused := refusal(err)
	switch {
	case external.ClassOf(err) == external.ClassOwnedByAnother && errors.As(err, &failure):
		t.diags.AddWarning(fmt.Sprintf("The %s %q exists already, so apply would be refused", t.kind.Title, t.id()), t.heldBy(failure))
	case update && t.kind.replaces(err):
	case refused:
		t.invalid(ctx, failure)
	default:
		t.warnNoPreview(err)
	}
}

// refusal 取出平台对内容的拒绝；没有那个命名空间不算。
func refusal(err error) (*external.Error, bool) {
	var failure *external.Error
	refused := errors.As(err, &failure) && failure.Class == external.ClassInvalid && len(failure.Fields) > 0 && !apierrors.IsNotFound(failure.Err)
	return failure, refused
}

// replaces 说平台不接受的是否都是换一个对象才改得了的字段。
func (k *Kind[M, T, L]) replaces(err error) bool {
	failure, refused := refusal(err)
	return refused && !slices.ContainsFunc(failure.Fields, func(field external.FieldError) bool {
		return !slices.ContainsFunc(k.External.Immutable, func(immutable external.Immutable[T]) bool { return strings.Join(immutable.Path, ".") == field.Field })
	})
}

// warnNoPreview 说明为什么看不到平台的打算。
func (t task[M, T, L]) warnNoPreview(err error) {
	t.diags.AddWarning(fmt.Sprintf("The platform's plan of the %s %q is not known", t.kind.Title, t.id()),
		fmt.Sprintf("Terraform asked the platform what it would do and got no answer that it could use: %s\n\n"+
			"The plan goes on without it; apply asks again. %s", sentence(err), t.connection.configured()))
}

// previewed 是写入之后属性 plan 的值：计划时已知的照旧，未知的是最近一次问到的，没问到的为 null。
// 平台说什么也不会变的，仍是原来的 before：上一次说的还作数。
// 写入前的那次计划与写入在同一个进程里；创建拿不到计划的私有状态，所以由连接记着。
func (t task[M, T, L]) previewed(planned map[string]attr.Value, before attr.Value) attr.Value {
	if value := planned[attrPlan]; t.kind.Preview == nil || !value.IsUnknown() {
		return value
	}
	said, _ := t.connection.previews.Load(t.kind.Name + "/" + t.id())
	text, ok := said.(string)
	switch {
	case !ok:
		return types.StringNull()
	case text == "":
		return before
	default:
		return types.StringValue(text)
	}
}
