package kind

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubellm/kubellm/internal/external"
)

// hiddenAnnotations 是平台与客户端记账用的注解前缀，不属于使用者，任何地方都不显示。
var hiddenAnnotations = []string{reservedPrefix, "kubectl.kubernetes.io/last-applied-configuration"}

// decoded 是计划或状态里的一个资源。
type decoded[M any] struct {
	// values 是全部属性，未写的为 null；渲染新状态时以它为准。
	values      map[string]attr.Value
	name        string
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
	d := decoded[M]{values: object.Attributes()}
	common := struct {
		Name        string            `tfsdk:"name"`
		Labels      map[string]string `tfsdk:"labels"`
		Annotations map[string]string `tfsdk:"annotations"`
		Timeouts    timeouts.Value    `tfsdk:"timeouts"`
	}{}
	commonTypes := object.AttributeTypes(ctx)
	for name := range k.Attributes {
		delete(commonTypes, name)
	}
	diags.Append(part(ctx, d.values, commonTypes, &common)...)
	diags.Append(part(ctx, d.values, k.specTypes(), &d.model)...)
	d.name, d.labels, d.annotations, d.timeouts = common.Name, common.Labels, common.Annotations, common.Timeouts
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
	object := k.External.New()
	object.SetName(d.name)
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

// whole 是对象的一切：数据源、列表用它。没有元素的列表是空的而不是 null，读它的人不必先判断。
func (k *Kind[M, T, L]) whole(ctx context.Context, object T) (map[string]attr.Value, diag.Diagnostics) {
	values, diags := k.spec(ctx, k.FromAPI(object))
	values = maps.Clone(values)
	for name, value := range values {
		if list, ok := value.(types.List); ok && list.IsNull() {
			values[name] = types.ListValueMust(list.ElementType(ctx), nil)
		}
	}
	values[attrName] = types.StringValue(object.GetName())
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
	applied := appliedFields(object)
	for name, value := range values {
		unchosen := value.Equal(defaults[name]) && (k.facet(name) || !applied[name])
		if unchosen || empty(value) {
			values[name] = null(ctx, value.Type(ctx))
		}
	}
	values[attrTimeouts] = null(ctx, k.timeoutsAttribute(ctx).GetType())
	return values, diags
}

// refreshed 是写入或读取之后的状态：以 prior（计划或旧状态）为准，没写的保持没写。
// 唯独外部层说有差异的（changed）例外：会授权的字段没写也要是空的，仍归我们管的字段没写就该去掉，计划必须看见。
func (k *Kind[M, T, L]) refreshed(ctx context.Context, object T, prior decoded[M], changed external.Differences) (map[string]attr.Value, diag.Diagnostics) {
	spec, diags := k.spec(ctx, k.FromAPI(object))
	differs := changedAttributes(changed)
	values := maps.Clone(prior.values)
	for name, now := range spec {
		was := prior.values[name]
		switch {
		case empty(now) && empty(was):
			// 平台不区分没有与空的，配置怎么写就怎么留。
		case empty(now):
			values[name] = null(ctx, now.Type(ctx))
		case was.IsNull() && !differs[name]:
			// 没写的字段归别人管。
		default:
			values[name] = now
		}
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

// empty 说一个值是没有还是空集合；平台不区分这两者。
func empty(value attr.Value) bool {
	switch v := value.(type) {
	case types.List:
		return len(v.Elements()) == 0
	case types.Map:
		return len(v.Elements()) == 0
	default:
		return value.IsNull()
	}
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
func (k *Kind[M, T, L]) facet(attribute string) bool {
	return slices.ContainsFunc(k.External.Facets, func(f external.Facet) bool {
		return len(f.Path) == 2 && attributeName(f.Path[1]) == attribute
	})
}

// changedAttributes 是有差异的 spec 属性。
func changedAttributes(changed external.Differences) map[string]bool {
	out := map[string]bool{}
	for _, difference := range changed {
		if steps := steps(difference.Path); len(steps) > 1 && steps[0].name == "spec" {
			out[attributeName(steps[1].name)] = true
		}
	}
	return out
}

// appliedFields 是有人用服务端应用明确写过的 spec 属性。
func appliedFields(object metav1.Object) map[string]bool {
	out := map[string]bool{}
	for _, entry := range object.GetManagedFields() {
		if entry.Operation != metav1.ManagedFieldsOperationApply || entry.Subresource != "" || entry.FieldsV1 == nil {
			continue
		}
		var set fieldpath.Set
		if set.FromJSON(bytes.NewReader(entry.FieldsV1.GetRawBytes())) != nil {
			continue
		}
		set.Iterate(func(path fieldpath.Path) {
			if len(path) > 1 && path[0].FieldName != nil && *path[0].FieldName == "spec" && path[1].FieldName != nil {
				out[attributeName(*path[1].FieldName)] = true
			}
		})
	}
	return out
}
