package kind

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/kubellm/kubellm/internal/external"
)

// hiddenAnnotations 是平台与客户端记账用的注解前缀，不属于使用者，任何地方都不显示。
var hiddenAnnotations = []string{reservedPrefix, "kubectl.kubernetes.io/last-applied-configuration"}

// decoded 是计划或状态里的一个资源。
type decoded[M any] struct {
	// values 是全部属性，未写的为 null；渲染新状态时以它为准。
	values      map[string]attr.Value
	key         external.Key
	labels      map[string]string
	annotations map[string]string
	timeouts    timeouts.Value
	model       M
}

// getter 是计划与状态共有的读取方法。
type getter interface {
	Get(ctx context.Context, target any) diag.Diagnostics
}

// decode 拆开计划或状态：共有的属性归这里，spec 的属性装进种类的模型。
func (k *Kind[M, T, L]) decode(ctx context.Context, from getter) (decoded[M], diag.Diagnostics) {
	var object types.Object
	diags := from.Get(ctx, &object)
	if diags.HasError() {
		return decoded[M]{}, diags
	}
	d, more := k.decodeObject(ctx, object)
	return d, append(diags, more...)
}

func (k *Kind[M, T, L]) decodeObject(ctx context.Context, object types.Object) (decoded[M], diag.Diagnostics) {
	d := decoded[M]{values: object.Attributes()}
	common := struct {
		Labels      map[string]string `tfsdk:"labels"`
		Annotations map[string]string `tfsdk:"annotations"`
		Timeouts    timeouts.Value    `tfsdk:"timeouts"`
	}{}
	all := object.AttributeTypes(ctx)
	commonTypes := map[string]attr.Type{}
	for _, name := range []string{attrLabels, attrAnnotations, attrTimeouts} {
		commonTypes[name] = all[name]
	}
	key, diags := k.configuredKey(ctx, attributesOf(d.values))
	diags.Append(wellFormed(ctx, path.Empty(), object)...)
	diags.Append(part(ctx, d.values, commonTypes, &common)...)
	diags.Append(part(ctx, d.values, k.specTypes(), &d.model)...)
	d.key, d.labels, d.annotations, d.timeouts = key, common.Labels, common.Annotations, common.Timeouts
	return d, diags
}

// part 把一部分属性装进结构体。
func part(ctx context.Context, values map[string]attr.Value, of map[string]attr.Type, target any) diag.Diagnostics {
	chosen := make(map[string]attr.Value, len(of))
	for name := range of {
		chosen[name] = values[name]
	}
	object, diags := types.ObjectValue(of, chosen)
	if diags.HasError() {
		return diags
	}
	return object.As(ctx, target, basetypes.ObjectAsOptions{})
}

// desired 是交给外部层的样子。
func (k *Kind[M, T, L]) desired(d decoded[M], owner string) external.Desired[T] {
	object := k.located(d.key)
	object.SetLabels(d.labels)
	object.SetAnnotations(d.annotations)
	k.ToAPI(d.model, object)
	return external.Desired[T]{Object: object, Owner: owner}
}

// spec 把对象的 spec 全部翻成属性值，不管配置写了什么。
func (k *Kind[M, T, L]) spec(ctx context.Context, model M) (map[string]attr.Value, diag.Diagnostics) {
	object, diags := types.ObjectValueFrom(ctx, k.specTypes(), model)
	return object.Attributes(), diags
}

// shown 是数据源里的一个对象：由配置决定的一切，加上观察到的事实。
func (k *Kind[M, T, L]) shown(ctx context.Context, object T) (map[string]attr.Value, diag.Diagnostics) {
	values, diags := k.whole(ctx, object)
	if k.Facts != nil {
		observed, more := k.Facts.read(ctx, object)
		diags.Append(more...)
		maps.Copy(values, observed)
	}
	return values, diags
}

// whole 是由配置决定的一切。没有元素的列表是空的而不是 null，读它的人不必先判断。
func (k *Kind[M, T, L]) whole(ctx context.Context, object T) (map[string]attr.Value, diag.Diagnostics) {
	values, diags := k.spec(ctx, k.FromAPI(object))
	values = maps.Clone(values)
	for name, value := range values {
		if list, ok := value.(types.List); ok && list.IsNull() {
			values[name] = types.ListValueMust(list.ElementType(ctx), nil)
		}
	}
	values[attrName] = types.StringValue(object.GetName())
	if k.External.Namespaced {
		values[attrNamespace] = types.StringValue(object.GetNamespace())
	}
	values[attrLabels] = stringMap(visible(object.GetLabels(), []string{reservedPrefix}))
	values[attrAnnotations] = stringMap(visible(object.GetAnnotations(), hiddenAnnotations))
	return values, diags
}

// imported 是导入时的状态：读到的都算数，唯独服务端自己填的默认值不算，
// 除非有人明确应用过它：配置里没写的字段才不会一导入就显得要被去掉。
func (k *Kind[M, T, L]) imported(ctx context.Context, object T) (map[string]attr.Value, diag.Diagnostics) {
	values, diags := k.whole(ctx, object)
	defaults, more := k.spec(ctx, k.Defaults)
	diags.Append(more...)
	applied := appliedAttributes(object)
	kept := func(at []string) bool { return !k.facet(at) && applied.name(at) }
	for name, value := range values {
		byDefault, ok := defaults[name]
		if !ok {
			byDefault = null(ctx, value.Type(ctx))
		}
		values[name] = chosen(ctx, []string{name}, value, byDefault, kept)
	}
	values[attrTimeouts] = null(ctx, k.timeoutsAttribute(ctx).GetType())
	if k.Preview != nil {
		values[attrPlan] = types.StringNull()
	}
	for name, of := range k.Secret.types() {
		values[name] = null(ctx, of)
	}
	return values, diags
}

// refreshed 是写入或读取之后的状态：以 prior（计划或旧状态）为准，没写的保持没写。
// 唯独外部层说有差异的（changed）例外：会授权的字段没写也要是空的，仍归我们管的字段没写就该去掉，计划必须看见。
func (k *Kind[M, T, L]) refreshed(ctx context.Context, object T, prior decoded[M], changed external.Differences) (map[string]attr.Value, diag.Diagnostics) {
	spec, diags := k.spec(ctx, k.FromAPI(object))
	differs := changedAttributes(changed)
	values := maps.Clone(prior.values)
	for name, now := range spec {
		values[name] = merged(ctx, []string{name}, prior.values[name], now, differs)
	}
	values[attrLabels] = keys(attrLabels, prior.values[attrLabels], prior.labels, object.GetLabels(), changed)
	values[attrAnnotations] = keys(attrAnnotations, prior.values[attrAnnotations], prior.annotations, object.GetAnnotations(), changed)
	return values, diags
}

// keys 只留下配置写了的键和仍归我们管的键；was 区分"没写"与"写了空的"。
func keys(attribute string, was attr.Value, wanted, now map[string]string, changed external.Differences) attr.Value {
	shown := map[string]string{}
	for key, value := range now {
		if _, configured := wanted[key]; configured {
			shown[key] = value
		}
	}
	for _, difference := range changed {
		parts := steps(difference.Path)
		if len(parts) != 3 || parts[1].name != attribute {
			continue
		}
		key := parts[2].name + parts[2].key
		if value, exists := now[key]; exists {
			shown[key] = value
		}
	}
	if len(shown) == 0 && was.IsNull() {
		return types.MapNull(types.StringType)
	}
	return stringMap(shown)
}

func stringMap(in map[string]string) attr.Value {
	elements := make(map[string]attr.Value, len(in))
	for key, value := range in {
		elements[key] = types.StringValue(value)
	}
	return types.MapValueMust(types.StringType, elements)
}

// visible 去掉有这些前缀的键。
func visible(in map[string]string, hidden []string) map[string]string {
	out := maps.Clone(in)
	maps.DeleteFunc(out, func(key, _ string) bool {
		return slices.ContainsFunc(hidden, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
	})
	return out
}

// null 是一个类型的 null；任何类型都造得出它，所以没有错误可言。
func null(ctx context.Context, of attr.Type) attr.Value {
	value, err := of.ValueFromTerraform(ctx, tftypes.NewValue(of.TerraformType(ctx), nil))
	if err != nil {
		panic(fmt.Sprintf("make a null %s: %v", of, err))
	}
	return value
}

// facet 说一个属性是否对应会授权的字段。
func (k *Kind[M, T, L]) facet(at []string) bool {
	return slices.ContainsFunc(k.External.Facets, func(f external.Facet) bool {
		return slices.EqualFunc(f.Path[1:], at, func(field, attribute string) bool { return attributeName(field) == attribute })
	})
}
