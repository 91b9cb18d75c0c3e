package rolebinding

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubellm/kubellm/apis/iam/v1alpha1"
)

// maxNamed 限制消息里点名的用户数：一个绑定可以有成百上千个主体。
const maxNamed = 5

// setConditions 从核对结果得出条件；Ready 是另两个的总和。
func setConditions(binding *v1alpha1.RoleBinding, found references) {
	role := roleResolved(binding, found)
	subjects := subjectsResolved(binding, found)
	for _, condition := range []metav1.Condition{role, subjects, ready(binding, role, subjects)} {
		condition.ObservedGeneration = binding.Generation
		meta.SetStatusCondition(&binding.Status.Conditions, condition)
	}
}

func roleResolved(binding *v1alpha1.RoleBinding, found references) metav1.Condition {
	name := binding.Spec.RoleRef.Name
	if found.role {
		return metav1.Condition{
			Type: v1alpha1.ConditionRoleResolved, Status: metav1.ConditionTrue,
			Reason: v1alpha1.ReasonRoleFound, Message: fmt.Sprintf("Role %q exists.", name),
		}
	}
	return metav1.Condition{
		Type: v1alpha1.ConditionRoleResolved, Status: metav1.ConditionFalse,
		Reason:  v1alpha1.ReasonRoleNotFound,
		Message: fmt.Sprintf("Role %q does not exist, so nothing is granted. It is granted as soon as the role is created.", name),
	}
}

func subjectsResolved(binding *v1alpha1.RoleBinding, found references) metav1.Condition {
	c := metav1.Condition{Type: v1alpha1.ConditionSubjectsResolved, Status: metav1.ConditionTrue}
	switch {
	case len(binding.Spec.Subjects) == 0:
		c.Reason, c.Message = v1alpha1.ReasonNoSubjects, "The binding names no subjects, so nothing is granted."
	case len(found.missing) > 0:
		c.Status, c.Reason = metav1.ConditionFalse, v1alpha1.ReasonSubjectsNotFound
		c.Message = fmt.Sprintf("No such user: %s.", named(found.missing))
	default:
		c.Reason, c.Message = v1alpha1.ReasonSubjectsFound, "Every user named as a subject exists."
	}
	if found.unchecked {
		c.Message += " Groups and service accounts are not objects of the platform and cannot be checked."
	}
	return c
}

// ready 在都解决时为真；没有主体的绑定照 spec 的样子什么也不授予，那也是就绪。
func ready(binding *v1alpha1.RoleBinding, role, subjects metav1.Condition) metav1.Condition {
	for _, unmet := range []metav1.Condition{role, subjects} {
		if unmet.Status != metav1.ConditionTrue {
			return metav1.Condition{
				Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse,
				Reason: unmet.Reason, Message: unmet.Message,
			}
		}
	}
	c := metav1.Condition{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue,
		Reason: v1alpha1.ReasonGranting, Message: fmt.Sprintf("Role %q is granted to the subjects.", binding.Spec.RoleRef.Name),
	}
	if subjects.Reason == v1alpha1.ReasonNoSubjects {
		c.Reason, c.Message = subjects.Reason, subjects.Message
	}
	return c
}

// named 列出名字，多了只列前几个并说还有多少。
func named(names []string) string {
	if len(names) <= maxNamed {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNamed], ", "), len(names)-maxNamed)
}
