package validation

import (
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubellm/kubellm/apis/iam"
)

// ValidateRole 校验一个角色。
func ValidateRole(role *iam.Role) field.ErrorList {
	errs := validateObjectName(role.Name, field.NewPath("metadata", "name"))
	spec := field.NewPath("spec")
	errs = append(errs, validateLength(role.Spec.Description, maxDescription, spec.Child("description"))...)
	for i, rule := range role.Spec.Rules {
		errs = append(errs, validateRule(rule, spec.Child("rules").Index(i))...)
	}
	return errs
}

func validateRule(rule iam.PolicyRule, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	errs = append(errs, validateRuleList(rule.Verbs, path.Child("verbs"), false)...)
	// 核心组的名字就是空串，所以 apiGroups 的元素可以为空，其余不可以。
	errs = append(errs, validateRuleList(rule.APIGroups, path.Child("apiGroups"), true)...)
	errs = append(errs, validateRuleList(rule.Resources, path.Child("resources"), false)...)
	if slices.Contains(rule.ResourceNames, "") {
		errs = append(errs, field.Invalid(path.Child("resourceNames"), "", "must not contain an empty name"))
	}
	return errs
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
