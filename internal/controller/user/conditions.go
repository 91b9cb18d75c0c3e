package user

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/iam/v1alpha1"
)

// setConditions 从 spec 得出条件。
func setConditions(user *v1alpha1.User) {
	suspended := ptr.Deref(user.Spec.Suspended, false)
	for _, condition := range []metav1.Condition{ready(suspended), suspension(suspended)} {
		condition.ObservedGeneration = user.Generation
		meta.SetStatusCondition(&user.Status.Conditions, condition)
	}
}

// ready 说平台是否已按 spec 行事。被停用的用户也是 Ready：停用正是写下的愿望，
// 否则声明了停用的工具链会永远等下去。
func ready(suspended bool) metav1.Condition {
	c := metav1.Condition{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue,
		Reason: v1alpha1.ReasonActive, Message: "The user may authenticate and holds the roles in status.roles.",
	}
	if suspended {
		c.Reason, c.Message = v1alpha1.ReasonSuspended, "The user is known and kept from authenticating, as spec.suspended asks for."
	}
	return c
}

// suspension 说用户是否被拒绝登录。
func suspension(suspended bool) metav1.Condition {
	if suspended {
		return metav1.Condition{
			Type: v1alpha1.ConditionSuspended, Status: metav1.ConditionTrue,
			Reason: v1alpha1.ReasonSuspended, Message: "The user may not authenticate until spec.suspended is false.",
		}
	}
	return metav1.Condition{
		Type: v1alpha1.ConditionSuspended, Status: metav1.ConditionFalse,
		Reason: v1alpha1.ReasonNotSuspended, Message: "The user may authenticate.",
	}
}
