// Package fieldcheck 是各组校验共用的小检查：每个检查只看一个字段，回答都指名字段并说明怎样才对。
package fieldcheck

import (
	"fmt"
	"strings"

	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// ReservedPrefix 开头的名字由平台自己使用，允许使用者取用就等于允许冒充。
const ReservedPrefix = "system:"

// NotReserved 拒绝保留的对象名；形状（DNS 子域名）由通用策略检查，但保留名先给出更明白的原因。
func NotReserved(name string, path *field.Path) field.ErrorList {
	if strings.HasPrefix(name, ReservedPrefix) {
		return field.ErrorList{field.Invalid(path, name, fmt.Sprintf("names starting with %q are reserved for the platform", ReservedPrefix))}
	}
	return nil
}

// Length 限制文本的字符数；没写就不限。
func Length(value *string, limit int, path *field.Path) field.ErrorList {
	if value != nil && len([]rune(*value)) > limit {
		return field.ErrorList{field.TooLong(path, *value, limit)}
	}
	return nil
}

// Count 先数个数；超了就不再逐个看。
func Count(count, limit int, path *field.Path) field.ErrorList {
	if count <= limit {
		return nil
	}
	return field.ErrorList{field.TooMany(path, count, limit)}
}

// Range 限制整数的范围；没写就不限。
func Range(value *int32, least, most int32, path *field.Path) field.ErrorList {
	if value == nil || *value >= least && *value <= most {
		return nil
	}
	return field.ErrorList{field.Invalid(path, *value, fmt.Sprintf("must be between %d and %d", least, most))}
}

// Distinct 报告列表里重复的值：重复多半是笔误，而且会让工具链的比较失去意义。
func Distinct(values []string, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	seen := sets.New[string]()
	for i, value := range values {
		if seen.Has(value) {
			errs = append(errs, field.Duplicate(path.Index(i), value))
		}
		seen.Insert(value)
	}
	return errs
}

// ObjectName 校验对另一个对象的引用；对象不必存在，但名字要可能存在。
func ObjectName(name string, path *field.Path) field.ErrorList {
	return required(name, path, apivalidation.NameIsDNSSubdomain(name, false))
}

// NamespaceName 校验对命名空间的引用。
func NamespaceName(name string, path *field.Path) field.ErrorList {
	return required(name, path, apivalidation.ValidateNamespaceName(name, false))
}

// Messages 把上游按值给出的说明放到字段上。
func Messages(value any, path *field.Path, messages []string) field.ErrorList {
	errs := make(field.ErrorList, 0, len(messages))
	for _, message := range messages {
		errs = append(errs, field.Invalid(path, value, message))
	}
	return errs
}

func required(name string, path *field.Path, messages []string) field.ErrorList {
	if name == "" {
		return field.ErrorList{field.Required(path, "")}
	}
	return Messages(name, path, messages)
}
