package cluster

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/wording"
	"github.com/kubellm/kubellm/internal/member"
)

// capacityKnown 说状态里的节点与加速器是不是成员此刻的样子。
func capacityKnown(v view) metav1.Condition {
	const kind = v1alpha1.ConditionCapacityKnown
	switch {
	case v.suspended():
		return v.condition(kind, metav1.ConditionUnknown, v1alpha1.ReasonSuspended, suspendedMessage)
	case !v.usable():
		return unfollowed(v, "the platform has no credentials for the member that can be used")
	}
	failure, concluded := v.answer()
	switch {
	case !concluded:
		if old, ok := v.standing(kind); ok && v.waiting() {
			return old
		}
		return unfollowed(v, "the member has not answered yet")
	case v.stranger():
		return unfollowed(v, "the credentials lead to another member")
	case failure != "" && failure != member.NotReady:
		return unfollowed(v, "the member does not answer, or not to these credentials")
	}
	return watched(v)
}

// watched 是成员好好答着时，监视给出的结论。
func watched(v view) metav1.Condition {
	const kind = v1alpha1.ConditionCapacityKnown
	capacity := v.evidence.Capacity
	switch {
	case capacity.Err != nil && member.ReasonOf(capacity.Err) == member.Forbidden:
		return v.condition(kind, metav1.ConditionFalse, v1alpha1.ReasonForbidden,
			fmt.Sprintf("The credentials lack a right on the member: %s.", wording.Brief(capacity.Err)))
	case capacity.Known, !capacity.LastSeen.IsZero() && v.now.Before(capacity.LastSeen.Add(v.tolerance())):
		// 断开的监视在心跳容得下的时间里接回来，不算抖动。
		return v.condition(kind, metav1.ConditionTrue, v1alpha1.ReasonWatching, "Nodes and pods of the member are followed by watch.")
	}
	if old, ok := v.standing(kind); ok && capacity.LastSeen.IsZero() && v.now.Before(v.asked.Add(v.tolerance())) {
		// 重启之后成员已经应答、节点还没读完：旧的话仍然作数。
		return old
	}
	if capacity.Err != nil {
		return unfollowed(v, wording.Brief(capacity.Err))
	}
	return unfollowed(v, "nodes and pods are being read")
}

// unfollowed 是没有在监视的样子：有过数字就说它们是何时的，没有就说还没看到。
func unfollowed(v view, why string) metav1.Condition {
	const kind = v1alpha1.ConditionCapacityKnown
	seen := time.Time{}
	if v.evidence != nil && v.own() {
		seen = v.evidence.Capacity.LastSeen
	}
	if v.Status.Nodes == nil && seen.IsZero() {
		return v.condition(kind, metav1.ConditionUnknown, v1alpha1.ReasonNotObserved,
			fmt.Sprintf("Nodes and pods of the member have not been seen: %s.", why))
	}
	c := v.condition(kind, metav1.ConditionUnknown, v1alpha1.ReasonStale, "")
	if old := meta.FindStatusCondition(v.Status.Conditions, kind); seen.IsZero() && old != nil && old.Reason == v1alpha1.ReasonStale {
		// 重启之后只有旧的条件还记得数字是何时的。
		c.Message = old.Message
		return c
	}
	if seen.IsZero() {
		seen = lastAnswer(v)
	}
	c.Message = fmt.Sprintf("The numbers are those of %s: %s.", wording.Stamp(seen), why)
	return c
}
