package kind

import (
	"context"
	"fmt"
	"maps"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	resourceschema "github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubellm/kubellm/apis/meta"
	"github.com/kubellm/kubellm/internal/external"
)

// dataPlan 问平台会怎样而什么也不写：数据源在计划时就读，所以答案在计划文件里，策略与人都看得到。
type dataPlan[M any, T external.Object, L runtime.Object] struct {
	kind       *Kind[M, T, L]
	connection *Connection
}

func (d *dataPlan[M, T, L]) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = d.kind.typeName(req.ProviderTypeName) + "_plan"
}

func (d *dataPlan[M, T, L]) Schema(ctx context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	attributes := asked(d.kind.Attributes)
	for name, attribute := range d.kind.resourceSchema(ctx).Attributes {
		switch name {
		case attrName, attrNamespace, attrLabels, attrAnnotations:
			maps.Copy(attributes, asked(map[string]resourceschema.Attribute{name: attribute}))
		}
	}
	maps.Copy(attributes, d.kind.Planned.attributes)
	resp.Schema = schema.Schema{
		Attributes: attributes,
		MarkdownDescription: fmt.Sprintf("Asks the platform by a dry run what it would do with a %[1]s that is written like this, and writes nothing. A data source is read while "+
			"Terraform plans, so the answer is in the plan file: `terraform show` and policies see it. It is as of that moment: nothing is reserved. The arguments are those of "+
			"the resource, without `timeouts` and credentials.", d.kind.Title),
	}
}

func (d *dataPlan[M, T, L]) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	d.connection = connectionOf(req.ProviderData, &resp.Diagnostics)
}

func (d *dataPlan[M, T, L]) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	var config types.Object
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	asked, diags := d.kind.decodeObject(ctx, withoutTimeouts(ctx, config, d.kind.timeoutsAttribute(ctx).GetType()))
	resp.Diagnostics.Append(diags...)
	t := task[M, T, L]{kind: d.kind, connection: d.connection, verb: "plan", key: asked.key, diags: &resp.Diagnostics}
	client, ok := t.client(ctx)
	if !ok || resp.Diagnostics.HasError() {
		return
	}
	object, ok := t.dryRun(ctx, client, asked)
	if !ok {
		return
	}
	answer, diags := d.kind.Planned.read(ctx, object)
	resp.Diagnostics.Append(diags...)
	// 所问的原样留在状态里，其余由答案填上。
	resp.State.Raw = req.Config.Raw
	for name, value := range answer {
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(name), value)...)
	}
}

// dryRun 试写一次：已有的按它现在的主人试，只问会怎样，谁也没接管。没有主人的，平台不许工具链写，也就试不了。
func (t task[M, T, L]) dryRun(ctx context.Context, client *external.Client[T, L], asked decoded[M]) (T, bool) {
	stands, err := client.Read(ctx, t.key)
	owner, observed := newOwner(), (*T)(nil)
	switch {
	case err == nil:
		owner, observed = meta.Holder(stands), &stands
	case external.ClassOf(err) != external.ClassNotFound:
		t.fail(ctx, err)
		return stands, false
	}
	if owner == "" {
		t.diags.AddError(t.summary(), fmt.Sprintf("The %s exists already and neither Terraform nor Crossplane manages it, so nothing can be planned for it. "+
			"Import it first, or ask about another name.", t.kind.Title))
		return stands, false
	}
	want := t.kind.desired(asked, owner)
	annotations := map[string]string{}
	maps.Copy(annotations, asked.annotations)
	maps.Copy(annotations, t.kind.Asking)
	want.Object.SetAnnotations(annotations)
	object, err := client.DryRun(ctx, want, observed)
	if observed != nil && t.kind.replaces(err) {
		t.diags.AddWarning(fmt.Sprintf("The platform's plan of the %s %q is not known", t.kind.Title, t.id()),
			fmt.Sprintf("It would be replaced, and the old one still stands: %s The platform can say what it would do with the new one when the old one is gone.", sentence(err)))
		return t.kind.located(t.key), true
	}
	if err != nil {
		t.fail(ctx, err)
	}
	return object, err == nil
}

// withoutTimeouts 补上没写的时限，问的与写的便能同样拆开。
func withoutTimeouts(ctx context.Context, config types.Object, timeouts attr.Type) types.Object {
	of, values := config.AttributeTypes(ctx), config.Attributes()
	of[attrTimeouts], values[attrTimeouts] = timeouts, null(ctx, timeouts)
	return types.ObjectValueMust(of, values)
}

// asked 把资源属性翻成可以问的：必填与可填照旧，校验也照旧，没有默认值与换一个对象之说。
func asked(in map[string]resourceschema.Attribute) map[string]schema.Attribute {
	out := computed(in)
	for name, attribute := range in {
		switch a := attribute.(type) {
		case resourceschema.StringAttribute:
			out[name] = schema.StringAttribute{CustomType: a.CustomType, Required: a.Required, Optional: a.Optional, Validators: a.Validators, MarkdownDescription: reading(a.MarkdownDescription)}
		case resourceschema.BoolAttribute:
			out[name] = schema.BoolAttribute{Required: a.Required, Optional: a.Optional, Validators: a.Validators, MarkdownDescription: reading(a.MarkdownDescription)}
		case resourceschema.Int64Attribute:
			out[name] = schema.Int64Attribute{Required: a.Required, Optional: a.Optional, Validators: a.Validators, MarkdownDescription: reading(a.MarkdownDescription)}
		case resourceschema.ListAttribute:
			out[name] = schema.ListAttribute{ElementType: a.ElementType, Required: a.Required, Optional: a.Optional, Validators: a.Validators, MarkdownDescription: reading(a.MarkdownDescription)}
		case resourceschema.MapAttribute:
			out[name] = schema.MapAttribute{ElementType: a.ElementType, Required: a.Required, Optional: a.Optional, Validators: a.Validators, MarkdownDescription: reading(a.MarkdownDescription)}
		case resourceschema.SingleNestedAttribute:
			out[name] = schema.SingleNestedAttribute{Attributes: asked(a.Attributes), Required: a.Required, Optional: a.Optional, Validators: a.Validators, MarkdownDescription: reading(a.MarkdownDescription)}
		case resourceschema.ListNestedAttribute:
			out[name] = schema.ListNestedAttribute{
				NestedObject: schema.NestedAttributeObject{Attributes: asked(a.NestedObject.Attributes), Validators: a.NestedObject.Validators},
				Required:     a.Required, Optional: a.Optional, Validators: a.Validators, MarkdownDescription: reading(a.MarkdownDescription),
			}
		}
	}
	return out
}
