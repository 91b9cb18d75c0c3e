package kind

import (
	"bytes"
	"context"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubellm/kubellm/internal/external"
)

// attributePaths 是一些 spec 属性的路径，例如 heartbeat、interval_seconds；到第一个列表为止，列表总是整个算。
type attributePaths [][]string

// changedAttributes 是有差异的 spec 属性。
func changedAttributes(changed external.Differences) attributePaths {
	var out attributePaths
	for _, difference := range changed {
		parts := steps(difference.Path)
		if len(parts) < 2 || parts[0].name != "spec" {
			continue
		}
		var path []string
		for _, part := range parts[1:] {
			if part.name == "" {
				break
			}
			path = append(path, attributeName(part.name))
		}
		out = append(out, path)
	}
	return out
}

// appliedAttributes 是有人用服务端应用明确写过的 spec 属性。
func appliedAttributes(object metav1.Object) attributePaths {
	var out attributePaths
	for _, entry := range object.GetManagedFields() {
		if entry.Operation != metav1.ManagedFieldsOperationApply || entry.Subresource != "" || entry.FieldsV1 == nil {
			continue
		}
		var set fieldpath.Set
		if set.FromJSON(bytes.NewReader(entry.FieldsV1.GetRawBytes())) != nil {
			continue
		}
		set.Leaves().Iterate(func(path fieldpath.Path) {
			if len(path) < 2 || path[0].FieldName == nil || *path[0].FieldName != "spec" {
				return
			}
			var names []string
			for _, element := range path[1:] {
				if element.FieldName == nil {
					break
				}
				names = append(names, attributeName(*element.FieldName))
			}
			out = append(out, names)
		})
	}
	return out
}

// cover 说其中有没有一个就是 at 或在它上面：整个 at 都算。
func (p attributePaths) cover(at []string) bool {
	return slices.ContainsFunc(p, func(one []string) bool { return len(one) <= len(at) && slices.Equal(one, at[:len(one)]) })
}

// name 说其中有没有一个就是 at。整个应用的对象不算点了里面每个字段的名：那里的默认值多半不是谁写的。
func (p attributePaths) name(at []string) bool {
	return slices.ContainsFunc(p, func(one []string) bool { return slices.Equal(one, at) })
}

// touch 说其中有没有一个是 at、在它上面或在它里面。
func (p attributePaths) touch(at []string) bool {
	return slices.ContainsFunc(p, func(one []string) bool {
		n := min(len(one), len(at))
		return slices.Equal(one[:n], at[:n])
	})
}

// merged 是写入或读取之后一个属性的值：was 是计划或旧状态里的，now 是平台上的。没写的与写了空的保持原样，
// 除非外部层说那里有差异；嵌套的对象逐个属性看，服务端替没写的那几个填的值才不算数。
func merged(ctx context.Context, at []string, was, now attr.Value, differs attributePaths) attr.Value {
	object, nested := now.(types.Object)
	switch {
	case empty(now) && empty(was):
		// 平台不区分没有与空的，配置怎么写就怎么留。
		return was
	case empty(now):
		return null(ctx, now.Type(ctx))
	case empty(was) && !differs.touch(at):
		// 没写的字段归别人管；不会授权的字段，空的等于没写。
		return was
	case nested && !differs.cover(at):
		return eachAttribute(ctx, at, object, func(at []string, now attr.Value) attr.Value {
			return merged(ctx, at, attributeOf(ctx, was, at, now), now, differs)
		})
	default:
		return now
	}
}

// chosen 是导入时一个属性的值：服务端自己填的默认值等于没写，除非有人明确应用过它，或者它会授权。
func chosen(ctx context.Context, at []string, now, byDefault attr.Value, kept func(at []string) bool) attr.Value {
	object, nested := now.(types.Object)
	switch {
	case empty(now), !nested && now.Equal(byDefault) && !kept(at):
		return null(ctx, now.Type(ctx))
	case !nested:
		return now
	}
	whole := eachAttribute(ctx, at, object, func(at []string, now attr.Value) attr.Value {
		return chosen(ctx, at, now, attributeOf(ctx, byDefault, at, now), kept)
	})
	if empty(whole) {
		return null(ctx, now.Type(ctx))
	}
	return whole
}

// eachAttribute 把对象的每个属性换成 of 给的值。
func eachAttribute(ctx context.Context, at []string, object types.Object, of func(at []string, now attr.Value) attr.Value) attr.Value {
	values := maps.Clone(object.Attributes())
	for name, now := range values {
		values[name] = of(append(slices.Clip(at), name), now)
	}
	return types.ObjectValueMust(object.AttributeTypes(ctx), values)
}

// attributeOf 取另一边同一个位置的属性；那边的对象没写时它也没写。
func attributeOf(ctx context.Context, object attr.Value, at []string, like attr.Value) attr.Value {
	if whole, ok := object.(types.Object); ok {
		if value, exists := whole.Attributes()[at[len(at)-1]]; exists {
			return value
		}
	}
	return null(ctx, like.Type(ctx))
}

// empty 说一个值是没有、空集合，还是什么也没写的对象；平台不区分这几种。
func empty(value attr.Value) bool {
	switch v := value.(type) {
	case types.List:
		return len(v.Elements()) == 0
	case types.Map:
		return len(v.Elements()) == 0
	case types.Object:
		for _, inner := range v.Attributes() {
			if !empty(inner) {
				return false
			}
		}
		return true
	default:
		return value.IsNull()
	}
}
