package kind

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/internal/external"
)

// dataOne 按名字读一个对象，不管它归谁。
type dataOne[M any, T external.Object, L runtime.Object] struct {
	kind       *Kind[M, T, L]
	connection *Connection
}

func (d *dataOne[M, T, L]) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = d.kind.typeName(req.ProviderTypeName)
}

func (d *dataOne[M, T, L]) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = d.kind.dataSchema()
}

func (d *dataOne[M, T, L]) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	d.connection = connectionOf(req.ProviderData, &resp.Diagnostics)
}

func (d *dataOne[M, T, L]) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	key, diags := d.kind.configuredKey(ctx, req.Config)
	resp.Diagnostics.Append(diags...)
	t := task[M, T, L]{kind: d.kind, connection: d.connection, verb: "read", key: key, diags: &resp.Diagnostics}
	client, ok := t.client(ctx)
	if !ok || resp.Diagnostics.HasError() {
		return
	}
	object, err := client.Read(ctx, key)
	if external.ClassOf(err) == external.ClassNotFound {
		t.failMissing()
		return
	}
	if err != nil {
		t.fail(ctx, err)
		return
	}
	values, diags := d.kind.shown(ctx, object)
	resp.Diagnostics.Append(diags...)
	found, diags := types.ObjectValue(d.kind.dataTypes(), values)
	resp.Diagnostics.Append(diags...)
	resp.Diagnostics.Append(resp.State.Set(ctx, found)...)
}

// dataMany 按标签与字段选择器读多个对象。
type dataMany[M any, T external.Object, L runtime.Object] struct {
	kind       *Kind[M, T, L]
	connection *Connection
}

func (d *dataMany[M, T, L]) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_" + d.kind.Plural
}

func (d *dataMany[M, T, L]) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = d.kind.dataManySchema()
}

func (d *dataMany[M, T, L]) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	d.connection = connectionOf(req.ProviderData, &resp.Diagnostics)
}

func (d *dataMany[M, T, L]) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	t := task[M, T, L]{kind: d.kind, connection: d.connection, verb: "list", diags: &resp.Diagnostics}
	objects := t.list(ctx, req.Config)
	if resp.Diagnostics.HasError() {
		return
	}
	// 过滤条件原样留在状态里，其余由结果填上。
	resp.State.Raw = req.Config.Raw
	objectType := types.ObjectType{AttrTypes: d.kind.dataTypes()}
	found := make([]types.Object, 0, len(objects))
	for _, object := range objects {
		values, diags := d.kind.shown(ctx, object)
		resp.Diagnostics.Append(diags...)
		one, diags := types.ObjectValue(objectType.AttrTypes, values)
		resp.Diagnostics.Append(diags...)
		found = append(found, one)
	}
	all, diags := types.ListValueFrom(ctx, objectType, found)
	resp.Diagnostics.Append(diags...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(d.kind.Plural), all)...)
}

// list 按配置里的过滤条件列出对象，数据源与 terraform query 共用。
func (t task[M, T, L]) list(ctx context.Context, config configuration) []T {
	var selectorText *string
	t.diags.Append(config.GetAttribute(ctx, path.Root(attrSelector), &selectorText)...)
	fieldSet := fields.Set{}
	for name, field := range t.kind.Filters {
		var value *string
		t.diags.Append(config.GetAttribute(ctx, path.Root(name), &value)...)
		if value != nil {
			fieldSet[field] = *value
		}
	}
	var namespace *string
	if t.kind.External.Namespaced {
		t.diags.Append(config.GetAttribute(ctx, path.Root(attrNamespace), &namespace)...)
	}
	selector, err := labels.Parse(ptr.Deref(selectorText, ""))
	if err != nil {
		t.diags.AddAttributeError(path.Root(attrSelector), "Malformed label selector",
			fmt.Sprintf("%q is not a label selector: %s. Write it as for kubectl, for example team=search,tier!=test.", *selectorText, err))
	}
	client, ok := t.client(ctx)
	if !ok || t.diags.HasError() {
		return nil
	}
	objects, err := client.List(ctx, ptr.Deref(namespace, ""), selector, fieldSet.AsSelector().String())
	if err != nil {
		t.fail(ctx, err)
	}
	return objects
}

// configuration 是数据源与列表的配置共有的读取方法。
type configuration interface {
	GetAttribute(ctx context.Context, path path.Path, target any) diag.Diagnostics
}
