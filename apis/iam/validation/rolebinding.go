package validation

import (
	"fmt"
	"strings"

	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/fieldcheck"
	"github.com/kubellm/kubellm/apis/iam"
)

// ValidateRoleBinding 校验一个角色绑定；角色不必已经存在，那由条件说明。
func ValidateRoleBinding(binding *iam.RoleBinding) field.ErrorList {
	errs := fieldcheck.NotReserved(binding.Name, field.NewPath("metadata", "name"))
	spec := field.NewPath("spec")
	errs = append(errs, fieldcheck.ObjectName(binding.Spec.RoleRef.Name, spec.Child("roleRef", "name"))...)
	errs = append(errs, validateReach(&binding.Spec, spec)...)
	if tooMany := fieldcheck.Count(len(binding.Spec.Subjects), maxSubjects, spec.Child("subjects")); len(tooMany) > 0 {
		return append(errs, tooMany...)
	}
	for i, subject := range binding.Spec.Subjects {
		errs = append(errs, validateSubject(subject, spec.Child("subjects").Index(i))...)
	}
	return errs
}

// ValidateRoleBindingUpdate 保证 roleRef 不变：换角色等于换一次授权，应当删除重建，审计才看得清。
func ValidateRoleBindingUpdate(binding, old *iam.RoleBinding) field.ErrorList {
	if binding.Spec.RoleRef == old.Spec.RoleRef {
		return nil
	}
	return field.ErrorList{field.Invalid(field.NewPath("spec", "roleRef"), binding.Spec.RoleRef.Name,
		fmt.Sprintf("is immutable (it is %q): delete the role binding and create another", old.Spec.RoleRef.Name))}
}

// validateReach 要求范围写明白：漏写不能被当成全部。
func validateReach(spec *iam.RoleBindingSpec, path *field.Path) field.ErrorList {
	namespaces, all := path.Child("namespaces"), ptr.Deref(spec.AllNamespaces, false)
	switch {
	case all && len(spec.Namespaces) > 0:
		return field.ErrorList{field.Forbidden(namespaces, "must be empty when allNamespaces is true")}
	case !all && len(spec.Namespaces) == 0:
		return field.ErrorList{field.Required(namespaces, "list the namespaces, or set allNamespaces to true")}
	}
	errs := fieldcheck.Count(len(spec.Namespaces), maxNamespaces, namespaces)
	if len(errs) > 0 {
		return errs
	}
	for i, namespace := range spec.Namespaces {
		errs = append(errs, fieldcheck.Messages(namespace, namespaces.Index(i), apivalidation.ValidateNamespaceName(namespace, false))...)
	}
	return append(errs, fieldcheck.Distinct(spec.Namespaces, namespaces)...)
}

func validateSubject(subject iam.Subject, path *field.Path) field.ErrorList {
	switch subject.Kind {
	case iam.SubjectUser, iam.SubjectGroup:
		return append(validateSubjectName(subject, path), forbidNamespace(subject, path)...)
	case iam.SubjectServiceAccount:
		return validateServiceAccount(subject, path)
	case "":
		return field.ErrorList{field.Required(path.Child("kind"), "")}
	default:
		return field.ErrorList{field.NotSupported(path.Child("kind"), subject.Kind,
			[]iam.SubjectKind{iam.SubjectUser, iam.SubjectGroup, iam.SubjectServiceAccount})}
	}
}

// validateSubjectName 不限制 DNS 形状：证书与外部身份的名字（如邮箱）也可以被授权，
// 但不许给平台自己的身份授权。
func validateSubjectName(subject iam.Subject, path *field.Path) field.ErrorList {
	name := path.Child("name")
	if strings.TrimSpace(subject.Name) == "" {
		return field.ErrorList{field.Required(name, "")}
	}
	if strings.HasPrefix(subject.Name, fieldcheck.ReservedPrefix) && !allowedSystemSubject(subject) {
		return field.ErrorList{field.Invalid(name, subject.Name, fmt.Sprintf("names starting with %q are reserved for the platform", fieldcheck.ReservedPrefix))}
	}
	return nil
}

// allowedSystemSubject 放行两个人人都有的组：平台要能给"所有登录者"授权。
func allowedSystemSubject(subject iam.Subject) bool {
	return subject.Kind == iam.SubjectGroup && (subject.Name == "system:authenticated" ||
		subject.Name == "system:serviceaccounts" || strings.HasPrefix(subject.Name, "system:serviceaccounts:"))
}

func forbidNamespace(subject iam.Subject, path *field.Path) field.ErrorList {
	if subject.Namespace == "" {
		return nil
	}
	return field.ErrorList{field.Forbidden(path.Child("namespace"), fmt.Sprintf("a %s has no namespace", subject.Kind))}
}

func validateServiceAccount(subject iam.Subject, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if subject.Name == "" {
		errs = append(errs, field.Required(path.Child("name"), ""))
	} else {
		errs = append(errs, fieldcheck.Messages(subject.Name, path.Child("name"), apivalidation.ValidateServiceAccountName(subject.Name, false))...)
	}
	if subject.Namespace == "" {
		return append(errs, field.Required(path.Child("namespace"), "a ServiceAccount has a namespace"))
	}
	return append(errs, fieldcheck.NamespaceName(subject.Namespace, path.Child("namespace"))...)
}
