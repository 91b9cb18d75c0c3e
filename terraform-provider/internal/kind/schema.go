package kind

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	datasource "github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	list "github.com/hashicorp/terraform-plugin-framework/list/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

const (
	attrName        = "name"
	attrNamespace   = "namespace"
	attrPlan        = "plan"
	attrLabels      = "labels"
	attrAnnotations = "annotations"
	attrTimeouts    = "timeouts"
	attrSelector    = "label_selector"
)

// resourceSchema 是资源的 schema：各种类共有的属性加上 spec 的属性。
// 会随时间变的东西（resourceVersion、generation、时间戳）不进 schema，否则计划永远不空。
func (k *Kind[M, T, L]) resourceSchema(ctx context.Context) schema.Schema {
	attributes := map[string]schema.Attribute{
		attrName: k.nameAttribute(),
		attrLabels: schema.MapAttribute{
			ElementType: types.StringType,
			Optional:    true,
			MarkdownDescription: "Labels to set. Labels that others set on the object are neither shown nor touched, " +
				"except right after an import.",
			Validators: []validator.Map{mapvalidator.NoNullValues(), unreservedKeys()},
		},
		attrAnnotations: schema.MapAttribute{
			ElementType: types.StringType,
			Optional:    true,
			MarkdownDescription: "Annotations to set. Annotations that others set on the object are neither shown nor touched, " +
				"except right after an import.",
			Validators: []validator.Map{mapvalidator.NoNullValues(), unreservedKeys()},
		},
		attrTimeouts: k.timeoutsAttribute(ctx),
	}
	if k.External.Namespaced {
		attributes[attrNamespace] = schema.StringAttribute{
			Required:            true,
			MarkdownDescription: Replacing(k.Title, fmt.Sprintf("Namespace of the platform that the %s is in; it must exist.", k.Title)),
			PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
			Validators:          []validator.String{ObjectName()},
		}
	}
	if k.Preview != nil {
		attributes[attrPlan] = k.previewAttribute()
	}
	maps.Copy(attributes, k.Attributes)
	maps.Copy(attributes, k.Secret.attributes())
	return schema.Schema{MarkdownDescription: k.Description, Attributes: attributes}
}

// nameAttribute 的规则与平台的一致，写错的名字在计划时就拒绝。
func (k *Kind[M, T, L]) nameAttribute() schema.Attribute {
	allowed, unique := "lower case letters, digits, `-` and `.`", "on the platform"
	if k.Names.Description != "" {
		allowed = k.Names.Description
	}
	if k.External.Namespaced {
		unique = "in its namespace"
	}
	return schema.StringAttribute{
		Required:            true,
		MarkdownDescription: Replacing(k.Title, fmt.Sprintf("Name of the %s: %s, unique %s.", k.Title, allowed, unique)),
		PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
		Validators:          []validator.String{objectName{problems: k.Names.Problems}},
	}
}

func (k *Kind[M, T, L]) timeoutsAttribute(ctx context.Context) schema.Attribute {
	ready := func(what string) string {
		return fmt.Sprintf("How long to wait until %s %s is ready. Reaching it is a warning and not an error. Defaults to `%dm`.",
			what, k.Title, int(k.readyTimeout().Minutes()))
	}
	attribute := timeouts.Attributes(ctx, timeouts.Opts{
		Create:            k.Waits != nil,
		CreateDescription: ready("a new"),
		Update:            k.Waits != nil,
		UpdateDescription: ready("a changed"),
		Delete:            true,
		DeleteDescription: fmt.Sprintf("How long to wait until a deleted %s is really gone, for example `30s` or `15m`. Defaults to `%dm`.",
			k.Title, int(defaultDeleteTimeout.Minutes())),
	}).(schema.SingleNestedAttribute)
	attribute.MarkdownDescription = "How long Terraform waits. Other ways to write the same time, such as `90m` and `1h30m`, are no difference."
	for name, one := range attribute.Attributes {
		duration := one.(schema.StringAttribute)
		duration.PlanModifiers = append(duration.PlanModifiers, sameDuration{})
		attribute.Attributes[name] = duration
	}
	return attribute
}

// readyTimeout 是等就绪的默认时限。
func (k *Kind[M, T, L]) readyTimeout() time.Duration {
	if k.ReadyTimeout > 0 {
		return k.ReadyTimeout
	}
	return defaultReadyTimeout
}

// identitySchema 里只有位置：它就是平台上找到对象所需的一切，而且永不改变。
func (k *Kind[M, T, L]) identitySchema() identityschema.Schema {
	attributes := map[string]identityschema.Attribute{
		attrName: identityschema.StringAttribute{RequiredForImport: true, Description: "Name of the " + k.Title + "."},
	}
	if k.External.Namespaced {
		attributes[attrNamespace] = identityschema.StringAttribute{RequiredForImport: true, Description: "Namespace of the " + k.Title + "."}
	}
	return identityschema.Schema{Attributes: attributes}
}

// filterDescription 说明一个过滤属性。
func (k *Kind[M, T, L]) filterDescription(name string) string {
	switch name {
	case attrNamespace:
		return fmt.Sprintf("Only the %s of this namespace; without it those of all namespaces.", k.Plural)
	case attrSelector:
		return "Label selector as kubectl takes it, for example `team=search,tier!=test`."
	}
	return fmt.Sprintf("Only the %s whose %s is exactly this.", k.Plural, k.Filters[name])
}

func (k *Kind[M, T, L]) filterNames() []string {
	names := []string{attrSelector}
	if k.External.Namespaced {
		names = append(names, attrNamespace)
	}
	for name := range k.Filters {
		names = append(names, name)
	}
	return names
}

func (k *Kind[M, T, L]) listSchema() list.Schema {
	attributes := map[string]list.Attribute{}
	for _, name := range k.filterNames() {
		attributes[name] = list.StringAttribute{Optional: true, MarkdownDescription: k.filterDescription(name)}
	}
	return list.Schema{MarkdownDescription: "Lists " + k.Plural + " of the platform.", Attributes: attributes}
}

// dataSchema 是读一个的数据源：名字必填，其余都由平台给出。
func (k *Kind[M, T, L]) dataSchema() datasource.Schema {
	attributes := k.dataAttributes()
	attributes[attrName] = datasource.StringAttribute{Required: true, MarkdownDescription: "Name of the " + k.Title + "."}
	if k.External.Namespaced {
		attributes[attrNamespace] = datasource.StringAttribute{Required: true, MarkdownDescription: "Namespace of the " + k.Title + "."}
	}
	return datasource.Schema{
		MarkdownDescription: fmt.Sprintf("Reads one %s of the platform, whoever manages it.", k.Title),
		Attributes:          attributes,
	}
}

// dataManySchema 是读多个的数据源：过滤条件，以及同名的结果列表。
func (k *Kind[M, T, L]) dataManySchema() datasource.Schema {
	attributes := map[string]datasource.Attribute{
		k.Plural: datasource.ListNestedAttribute{
			Computed:            true,
			MarkdownDescription: fmt.Sprintf("The %s found, in alphabetical order of their %s.", k.Plural, k.ordering()),
			NestedObject:        datasource.NestedAttributeObject{Attributes: k.dataAttributes()},
		},
	}
	for _, name := range k.filterNames() {
		attributes[name] = datasource.StringAttribute{Optional: true, MarkdownDescription: k.filterDescription(name)}
	}
	return datasource.Schema{
		MarkdownDescription: fmt.Sprintf("Reads the %s of the platform that match, whoever manages them.", k.Plural),
		Attributes:          attributes,
	}
}

// ordering 说结果按什么排序。
func (k *Kind[M, T, L]) ordering() string {
	if k.External.Namespaced {
		return "namespaces and names"
	}
	return "names"
}

// dataAttributes 由 spec 的属性得出只读的属性，种类不必写第二遍。
func (k *Kind[M, T, L]) dataAttributes() map[string]datasource.Attribute {
	attributes := computed(k.Attributes)
	attributes[attrName] = datasource.StringAttribute{Computed: true, MarkdownDescription: "Name of the " + k.Title + "."}
	if k.External.Namespaced {
		attributes[attrNamespace] = datasource.StringAttribute{Computed: true, MarkdownDescription: "Namespace of the " + k.Title + "."}
	}
	attributes[attrLabels] = datasource.MapAttribute{
		ElementType: types.StringType, Computed: true, MarkdownDescription: "All labels of the object.",
	}
	attributes[attrAnnotations] = datasource.MapAttribute{
		ElementType: types.StringType, Computed: true, MarkdownDescription: "All annotations of the object, without those that the platform and its clients keep their books in.",
	}
	if k.Facts != nil {
		maps.Copy(attributes, k.Facts.attributes)
	}
	return attributes
}

// computed 把资源属性翻成只读的数据源属性；遇到没见过的属性类型就停下，由 schema 的测试发现。
func computed(in map[string]schema.Attribute) map[string]datasource.Attribute {
	out := make(map[string]datasource.Attribute, len(in))
	for name, attribute := range in {
		switch a := attribute.(type) {
		case schema.StringAttribute:
			out[name] = datasource.StringAttribute{CustomType: a.CustomType, Computed: true, MarkdownDescription: reading(a.MarkdownDescription)}
		case schema.BoolAttribute:
			out[name] = datasource.BoolAttribute{Computed: true, MarkdownDescription: reading(a.MarkdownDescription)}
		case schema.Int64Attribute:
			out[name] = datasource.Int64Attribute{Computed: true, MarkdownDescription: reading(a.MarkdownDescription)}
		case schema.ListAttribute:
			out[name] = datasource.ListAttribute{ElementType: a.ElementType, Computed: true, MarkdownDescription: reading(a.MarkdownDescription)}
		case schema.MapAttribute:
			out[name] = datasource.MapAttribute{ElementType: a.ElementType, Computed: true, MarkdownDescription: reading(a.MarkdownDescription)}
		case schema.SingleNestedAttribute:
			out[name] = datasource.SingleNestedAttribute{Attributes: computed(a.Attributes), Computed: true, MarkdownDescription: reading(a.MarkdownDescription)}
		case schema.ListNestedAttribute:
			out[name] = datasource.ListNestedAttribute{
				NestedObject: datasource.NestedAttributeObject{Attributes: computed(a.NestedObject.Attributes)},
				Computed:     true, MarkdownDescription: reading(a.MarkdownDescription),
			}
		default:
			panic(fmt.Sprintf("attribute %s: there is no data source counterpart of %T yet", name, attribute))
		}
	}
	return out
}

// specTypes 是 spec 属性的类型。
func (k *Kind[M, T, L]) specTypes() map[string]attr.Type {
	out := make(map[string]attr.Type, len(k.Attributes))
	for name, attribute := range k.Attributes {
		out[name] = attribute.GetType()
	}
	return out
}

// dataTypes 是数据源里一个对象的属性类型：共有的属性、spec 与观察到的事实。
func (k *Kind[M, T, L]) dataTypes() map[string]attr.Type {
	out := k.specTypes()
	out[attrName] = types.StringType
	if k.External.Namespaced {
		out[attrNamespace] = types.StringType
	}
	out[attrLabels] = types.MapType{ElemType: types.StringType}
	out[attrAnnotations] = types.MapType{ElemType: types.StringType}
	if k.Facts != nil {
		for name, attribute := range k.Facts.attributes {
			out[name] = attribute.GetType()
		}
	}
	return out
}
