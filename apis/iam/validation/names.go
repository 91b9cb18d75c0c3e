// Package validation 校验 iam 组的内部对象：坏输入在这里得到指名字段、说明原因与改法的回答。
package validation

import (
	"fmt"
	"strings"

	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

const (
	// reservedPrefix 开头的用户与组由平台自己使用，允许使用者取用就等于允许冒充。
	reservedPrefix = "system:"

	maxDisplayName = 256
	maxDescription = 1024
	maxGroupName   = 256
	maxEmail       = 254
	maxPermissions = 2_000

	// 列表都有上限：逐个校验与越权比较都要时间，没有上限一个请求就能占住一个核。
	maxGroups     = 256
	maxNamespaces = 1024
	maxSubjects   = 1024
	maxRules      = 256
	maxRuleItems  = 256
)

// validateObjectName 拒绝保留名；形状（DNS 子域名）由通用策略检查，
// 但保留名先给出更明白的原因。
func validateObjectName(name string, path *field.Path) field.ErrorList {
	if strings.HasPrefix(name, reservedPrefix) {
		return field.ErrorList{field.Invalid(path, name, fmt.Sprintf("names starting with %q are reserved for the platform", reservedPrefix))}
	}
	return nil
}

func validateGroupName(name string, path *field.Path) field.ErrorList {
	switch {
	case strings.TrimSpace(name) == "":
		return field.ErrorList{field.Required(path, "a group needs a name")}
	case strings.HasPrefix(name, reservedPrefix):
		return field.ErrorList{field.Invalid(path, name, fmt.Sprintf("groups starting with %q are reserved for the platform", reservedPrefix))}
	case strings.TrimSpace(name) != name:
		return field.ErrorList{field.Invalid(path, name, "must not start or end with white space")}
	case len(name) > maxGroupName:
		return field.ErrorList{field.TooLong(path, name, maxGroupName)}
	}
	return nil
}

func validateLength(value *string, limit int, path *field.Path) field.ErrorList {
	if value != nil && len([]rune(*value)) > limit {
		return field.ErrorList{field.TooLong(path, *value, limit)}
	}
	return nil
}

func validateReferenceName(name string, path *field.Path) field.ErrorList {
	if name == "" {
		return field.ErrorList{field.Required(path, "")}
	}
	var errs field.ErrorList
	for _, message := range apivalidation.NameIsDNSSubdomain(name, false) {
		errs = append(errs, field.Invalid(path, name, message))
	}
	return errs
}

// validateDistinct 报告列表里重复的值：重复多半是笔误，而且会让工具链的比较失去意义。
func validateDistinct(values []string, path *field.Path) field.ErrorList {
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

// validateCount 先数个数；超了就不再逐个看。
func validateCount(count, limit int, path *field.Path) field.ErrorList {
	if count <= limit {
		return nil
	}
	return field.ErrorList{field.TooMany(path, count, limit)}
}
