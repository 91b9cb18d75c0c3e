package kind

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubellm/kubellm/internal/external"
)

const (
	// requestTimeout 限住一次写入或读取连同其重试：平台不答话时，人等到的应是原因而不是沉默。
	requestTimeout = 2 * time.Minute
	// defaultDeleteTimeout 是等对象收尾的默认时限。
	defaultDeleteTimeout = 10 * time.Minute
	// defaultReadyTimeout 是等写成的对象就绪的默认时限。
	defaultReadyTimeout = 10 * time.Minute
	// previewTimeout 是计划时问平台的打算最多用多久。
	previewTimeout = 30 * time.Second
)

// managed 是一个种类的资源，同时是它的列表。
type managed[M any, T external.Object, L runtime.Object] struct {
	kind       *Kind[M, T, L]
	connection *Connection
}

func (r *managed[M, T, L]) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = r.kind.typeName(req.ProviderTypeName)
}

func (r *managed[M, T, L]) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = r.kind.resourceSchema(ctx)
}

func (r *managed[M, T, L]) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = r.kind.identitySchema()
}

func (r *managed[M, T, L]) ListResourceConfigSchema(_ context.Context, _ list.ListResourceSchemaRequest, resp *list.ListResourceSchemaResponse) {
	resp.Schema = r.kind.listSchema()
}

func (r *managed[M, T, L]) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.connection = connectionOf(req.ProviderData, &resp.Diagnostics)
}

// connectionOf 取出提供者的连接；校验阶段没有连接，那时不会有任何读写。
func connectionOf(data any, diags *diag.Diagnostics) *Connection {
	if data == nil {
		return nil
	}
	connection, ok := data.(*Connection)
	if !ok {
		diags.AddError("Broken provider", fmt.Sprintf("The provider handed its resources a %T instead of a connection. Please report this.", data))
	}
	return connection
}

// task 是一次操作：做什么、对哪个对象、诊断写到哪里。
type task[M any, T external.Object, L runtime.Object] struct {
	kind       *Kind[M, T, L]
	connection *Connection
	verb       string
	key        external.Key
	diags      *diag.Diagnostics
}

func (r *managed[M, T, L]) task(verb string, key external.Key, diags *diag.Diagnostics) task[M, T, L] {
	return task[M, T, L]{kind: r.kind, connection: r.connection, verb: verb, key: key, diags: diags}
}

// client 给出外部层的客户端；失败时诊断已写好。
func (t task[M, T, L]) client(ctx context.Context) (*external.Client[T, L], bool) {
	if t.connection == nil {
		t.diags.AddError("Provider not configured", "The kubellm provider has not been configured yet, so nothing can be read from the platform or written to it.")
		return nil, false
	}
	platform, err := t.connection.open(ctx)
	if err != nil {
		t.fail(ctx, err)
		return nil, false
	}
	return external.NewClient(platform, t.kind.External), true
}

// saved 是一次写入或读取之后要保存的三样东西。
type saved struct {
	state    *tfsdk.State
	identity *tfsdk.ResourceIdentity
	private  privateWriter
}

// outcome 是一次写入：写成了什么，按什么计划写的，秘密原来是哪一版，随后有没有失败，平台之前打算怎样。
type outcome[M any, T external.Object] struct {
	written external.Written[T]
	plan    decoded[M]
	before  types.Int64
	inst    instance
	failed  bool
	// preview 是属性 plan 的值；没有这个属性的种类不用它。
	preview attr.Value
}

// store 保存一次写入之后的状态。秘密没有交成的仍记原来的版本，下一次计划便会再交。
func (t task[M, T, L]) store(ctx context.Context, o outcome[M, T], to saved) {
	values, diags := t.kind.refreshed(ctx, o.written.Object, o.plan, nil)
	t.diags.Append(diags...)
	if o.failed {
		values = t.kind.Secret.withVersion(values, o.before)
	}
	if t.kind.Preview != nil {
		values = maps.Clone(values)
		values[attrPlan] = o.preview
	}
	o.inst.remember(o.written.Handover)
	t.save(ctx, values, o.inst, to)
}

// save 保存状态、身份与私有状态。
func (t task[M, T, L]) save(ctx context.Context, values map[string]attr.Value, inst instance, to saved) {
	attributeTypes := to.state.Schema.Type().(types.ObjectType).AttrTypes
	object, diags := types.ObjectValue(attributeTypes, values)
	t.diags.Append(diags...)
	if diags.HasError() {
		return
	}
	t.diags.Append(to.state.Set(ctx, object)...)
	t.diags.Append(inst.save(ctx, to.private)...)
	if to.identity != nil {
		t.diags.Append(identify(ctx, to.identity, t.key)...)
	}
}
