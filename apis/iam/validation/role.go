package validation

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubellm/kubellm/apis/fieldcheck"
	"github.com/kubellm/kubellm/apis/iam"
)

// ValidateRole 校验一个角色。
func ValidateRole(role *iam.Role) field.ErrorList {
	errs := fieldcheck.NotReserved(role.Name, field.NewPath("metadata", "name"))
	spec := field.NewPath("spec")
	errs = append(errs, fieldcheck.Length(role.Spec.Description, maxDescription, spec.Child("description"))...)
	if tooMany := fieldcheck.Count(len(role.Spec.Rules), maxRules, spec.Child("rules")); len(tooMany) > 0 {
		return append(errs, tooMany...)
	}
	permissions := 0
	for i, rule := range role.Spec.Rules {
		errs = append(errs, validateRule(rule, spec.Child("rules").Index(i))...)
		permissions += permissionsOf(rule)
	}
	if permissions > maxPermissions {
		errs = append(errs, field.Invalid(spec.Child("rules"), len(role.Spec.Rules),
			fmt.Sprintf("the rules expand to more than %d single permissions (groups × resources × verbs × names): use \"*\" or several roles", maxPermissions)))
	}
	return errs
}

// permissionsOf 是一条规则展开成的单项权限数；越权比较逐项进行，不设上限就能用一个小请求耗尽内存。
func permissionsOf(rule iam.PolicyRule) int {
	product := 1
	for _, factor := range []int{len(rule.APIGroups), len(rule.Resources), len(rule.Verbs), len(rule.ResourceNames)} {
		product *= max(factor, 1)
		if product > maxPermissions {
			return maxPermissions + 1
		}
	}
	return product
}

func validateRule(rule iam.PolicyRule, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	errs = append(errs, fieldcheck.Count(len(rule.Verbs), maxRuleItems, path.Child("verbs"))...)
	errs = append(errs, fieldcheck.Count(len(rule.APIGroups), maxRuleItems, path.Child("apiGroups"))...)
	errs = append(errs, fieldcheck.Count(len(rule.Resources), maxRuleItems, path.Child("resources"))...)
	errs = append(errs, fieldcheck.Count(len(rule.ResourceNames), maxRuleItems, path.Child("resourceNames"))...)
	if len(errs) > 0 {
		return errs
	}
	errs = append(errs, validateRuleList(rule.Verbs, path.Child("verbs"), false)...)
	// 核心组的名字就是空串，所以 apiGroups 的元素可以为空，其余不可以。
	errs = append(errs, validateRuleList(rule.APIGroups, path.Child("apiGroups"), true)...)
	errs = append(errs, validateRuleList(rule.Resources, path.Child("resources"), false)...)
	for i, resource := range rule.Resources {
		errs = append(errs, validateResource(resource, path.Child("resources").Index(i))...)
	}
	if slices.Contains(rule.ResourceNames, "") {
		errs = append(errs, field.Invalid(path.Child("resourceNames"), "", "must not contain an empty name"))
	}
	return errs
}

// validateResource 只认 "*"、"资源"、"资源/子资源" 与 "*/子资源"：含糊的写法会让放行与越权比较各有各的理解。
func validateResource(resource string, path *field.Path) field.ErrorList {
	name, sub, divided := strings.Cut(resource, "/")
	if resource == "" || name != "" && (!divided || sub != "" && sub != "*" && !strings.Contains(sub, "/")) {
		return nil
	}
	return field.ErrorList{field.Invalid(path, resource, `must be "*", "resource", "resource/subresource" or "*/subresource"`)}
}

func validateRuleList(values []string, path *field.Path, allowEmpty bool) field.ErrorList {
	if len(values) == 0 {
		return field.ErrorList{field.Required(path, "a rule without it would permit nothing")}
	}
	if !allowEmpty && slices.Contains(values, "") {
		return field.ErrorList{field.Invalid(path, "", "must not contain an empty string")}
	}
	return nil
}
