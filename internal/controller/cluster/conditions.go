package cluster

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/wording"
	"github.com/kubellm/kubellm/internal/member"
)

// maxLeft 放得下二十个最长的真名字；名字由成员说了算，而条件的消息过长就写不进状态。
const maxLeft = 8 << 10

const suspendedMessage = "spec.suspended is true: the member is not looked at, and what runs there is left alone."

// evidenced 是由成员的回答得出的理由；只有它们在等新证据时仍然作数。
var evidenced = sets.New(
	v1alpha1.ReasonAccepted, v1alpha1.ReasonExpiresSoon, v1alpha1.ReasonUnproven,
	v1alpha1.ReasonUnauthorized, v1alpha1.ReasonForbidden, v1alpha1.ReasonMemberChanged,
	v1alpha1.ReasonHeartbeatSucceeded, v1alpha1.ReasonHeartbeatFailed, v1alpha1.ReasonMemberNotReady,
	v1alpha1.ReasonWatching, v1alpha1.ReasonStale,
)

// condition 是依据当前 generation 得出的条件。
func (v view) condition(kind string, status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{
		Type: kind, Status: status, Reason: reason, Message: message,
		ObservedGeneration: v.Generation, LastTransitionTime: metav1.NewTime(v.now),
	}
}

// standing 返回等证据期间仍然作数的旧条件，连同它的 generation：它不是从新的 spec 得出的。
func (v view) standing(kind string) (metav1.Condition, bool) {
	old := meta.FindStatusCondition(v.Status.Conditions, kind)
	if old == nil || !evidenced.Has(old.Reason) {
		return metav1.Condition{}, false
	}
	return *old, true
}

// stands 报告 c 是等证据期间留下的旧条件。
func (v view) stands(c metav1.Condition) bool {
	old, ok := v.standing(c.Type)
	return ok && v.waiting() && old == c
}

// credentialsValid 说凭据合不合规矩、成员认不认。
func credentialsValid(v view) metav1.Condition {
	const kind = v1alpha1.ConditionCredentialsValid
	switch {
	case v.credentials.problem != nil:
		return v.condition(kind, metav1.ConditionFalse, v.credentials.problem.reason, v.credentials.problem.message)
	case v.expired():
		return v.condition(kind, metav1.ConditionFalse, v1alpha1.ReasonExpired,
			fmt.Sprintf("The credentials expired at %s. Hand in new ones.", wording.Stamp(*v.credentials.access.ExpiresAt)))
	case v.suspended():
		return v.condition(kind, metav1.ConditionUnknown, v1alpha1.ReasonSuspended,
			"The credentials are acceptable; the member is not asked, because spec.suspended is true.")
	}
	failure, concluded := v.answer()
	if !concluded {
		if old, ok := v.standing(kind); ok && v.waiting() {
			return old
		}
		return v.condition(kind, metav1.ConditionUnknown, v1alpha1.ReasonUnproven,
			"The credentials are acceptable; the member has not answered to them yet.")
	}
	return proven(v, failure)
}

// proven 是成员对凭据的回答。
func proven(v view, failure member.Failure) metav1.Condition {
	const kind = v1alpha1.ConditionCredentialsValid
	switch {
	case v.stranger():
		return v.condition(kind, metav1.ConditionFalse, v1alpha1.ReasonMemberChanged, fmt.Sprintf(
			"The credentials lead to the member %s, but this Cluster stands for %s. "+
				"Hand in credentials of that member, or register the other one as a Cluster of its own.", v.evidence.ID, v.Status.ID))
	case failure == member.Unauthorized:
		return v.condition(kind, metav1.ConditionFalse, v1alpha1.ReasonUnauthorized,
			fmt.Sprintf("The member does not accept the credentials: %s. Hand in new ones.", wording.Brief(v.evidence.Probe.Err)))
	case failure == member.Forbidden:
		return v.condition(kind, metav1.ConditionFalse, v1alpha1.ReasonForbidden,
			fmt.Sprintf("The credentials lack a right on the member: %s.", wording.Brief(v.evidence.Probe.Err)))
	case failure == member.Unreachable:
		return v.condition(kind, metav1.ConditionUnknown, v1alpha1.ReasonUnproven,
			"The credentials are acceptable; the member does not answer, so whether it accepts them is not known.")
	case v.expiresSoon():
		return v.condition(kind, metav1.ConditionTrue, v1alpha1.ReasonExpiresSoon,
			fmt.Sprintf("The member accepts the credentials, which expire at %s. Hand in new ones before.", wording.Stamp(*v.credentials.access.ExpiresAt)))
	}
	return v.condition(kind, metav1.ConditionTrue, v1alpha1.ReasonAccepted, "The member accepts the credentials.")
}

func (v view) expiresSoon() bool {
	access := v.credentials.access
	return access != nil && access.ExpiresAt != nil && !v.now.Before(access.ExpiresAt.Add(-soon))
}

// reachable 说成员的 API 服务器答不答。
func reachable(v view) metav1.Condition {
	const kind = v1alpha1.ConditionReachable
	switch {
	case v.suspended():
		return v.condition(kind, metav1.ConditionUnknown, v1alpha1.ReasonSuspended, suspendedMessage)
	case !v.usable():
		return v.condition(kind, metav1.ConditionUnknown, v1alpha1.ReasonNotObserved,
			"The member is not probed: the platform has no credentials for it that can be used.")
	}
	failure, concluded := v.answer()
	if !concluded {
		if old, ok := v.standing(kind); ok && v.waiting() {
			return old
		}
		return v.condition(kind, metav1.ConditionUnknown, v1alpha1.ReasonNotObserved, notAnswered(v))
	}
	switch {
	case v.stranger():
		return v.condition(kind, metav1.ConditionUnknown, v1alpha1.ReasonUnproven,
			"The credentials lead to another member, so nothing is known of this one.")
	case failure == member.Unreachable:
		return v.condition(kind, metav1.ConditionFalse, v1alpha1.ReasonHeartbeatFailed, heartbeatFailed(v))
	case failure == member.NotReady:
		return v.condition(kind, metav1.ConditionFalse, v1alpha1.ReasonMemberNotReady,
			fmt.Sprintf("The member answers that it is not ready: %s.", wording.Brief(v.evidence.Probe.Err)))
	case failure != "":
		return v.condition(kind, metav1.ConditionUnknown, v1alpha1.ReasonUnproven,
			"The member answers but refuses the credentials, so whether it is ready is not known.")
	}
	return v.condition(kind, metav1.ConditionTrue, v1alpha1.ReasonHeartbeatSucceeded, "The member's API server answers probes.")
}

// notAnswered 给正在登记的人看第一次为什么不成，不必等到门限。
func notAnswered(v view) string {
	if v.evidence == nil || v.evidence.Probe.Err == nil {
		return "The member has not answered a probe yet."
	}
	return fmt.Sprintf("The member has not answered a probe yet: %s.", wording.Brief(v.evidence.Probe.Err))
}

// heartbeatFailed 说什么失败、失败了多少次、从何时起。次数只说到门限：逐次递增会让一个死掉的成员每次探测都写一次状态。
func heartbeatFailed(v view) string {
	since := "the member has never answered"
	if last := lastAnswer(v); !last.IsZero() {
		since = "the last answer was at " + wording.Stamp(last)
	}
	return fmt.Sprintf("%d probes in a row or more have failed; %s: %s.", beat(v.Cluster).threshold, since, wording.Brief(v.evidence.Probe.Err))
}

// lastAnswer 是成员最后一次回答的时间，重启之前的也算。
func lastAnswer(v view) time.Time {
	if v.evidence != nil && !v.stranger() && !v.evidence.Probe.LastSuccess.IsZero() {
		return v.evidence.Probe.LastSuccess
	}
	if v.Status.LastHeartbeatTime != nil {
		return v.Status.LastHeartbeatTime.Time
	}
	return time.Time{}
}

// ready 是总和：能不能把模型放上去并照看它们。
// 成员失去联系、自己说没有就绪时是 Unknown 而不是 False：那里跑着什么，没有人知道；
// 一个死而复生的成员先连不上、再没就绪、再就绪，也就不会来回翻。
func ready(v view, credentials, reachable, capacity metav1.Condition) metav1.Condition {
	const kind = v1alpha1.ConditionReady
	switch {
	case v.deleting():
		return v.condition(kind, metav1.ConditionFalse, v1alpha1.ReasonDeleting, "The Cluster is being deleted; nothing is placed on the member any more.")
	case v.older != "":
		return v.condition(kind, metav1.ConditionFalse, v1alpha1.ReasonDuplicateMember, fmt.Sprintf(
			"The Cluster %q, which came first, stands for the same member %s. Delete one of the two.", v.older, v.Status.ID))
	case v.suspended():
		return v.condition(kind, metav1.ConditionFalse, v1alpha1.ReasonSuspended, suspendedMessage)
	case v.Status.ID == "" && v.evidence != nil && v.evidence.ID != "":
		// 先把身份写下来：下一次看索引时，同一成员的别的 Cluster 才一定看得见。
		return v.condition(kind, metav1.ConditionUnknown, v1alpha1.ReasonNotObserved, "Whether another Cluster stands for the member is being checked.")
	}
	c := v.condition(kind, metav1.ConditionTrue, v1alpha1.ReasonReady, "Models can be placed on the member.")
	if unmet, found := worst(credentials, reachable, capacity); found {
		c.Status, c.Reason, c.Message = unmet.Status, unmet.Reason, unmet.Message
		if unmet.Reason == v1alpha1.ReasonHeartbeatFailed || unmet.Reason == v1alpha1.ReasonMemberNotReady {
			c.Status = metav1.ConditionUnknown
		}
	}
	c.ObservedGeneration = oldest(credentials, reachable, capacity)
	return c
}

// worst 挑出让 Ready 不为真的那一个：先是明确不行的，再是不知道的，其中联系不上最根本。
func worst(credentials, reachable, capacity metav1.Condition) (metav1.Condition, bool) {
	for _, c := range []metav1.Condition{credentials, reachable, capacity} {
		if c.Status == metav1.ConditionFalse {
			return c, true
		}
	}
	for _, c := range []metav1.Condition{reachable, credentials, capacity} {
		if c.Status != metav1.ConditionTrue {
			return c, true
		}
	}
	return metav1.Condition{}, false
}

// drained 说删除在等什么，以及怎样放行。
func drained(v view) metav1.Condition {
	const kind = v1alpha1.ConditionDrained
	switch {
	case v.drain.done:
		return v.condition(kind, metav1.ConditionTrue, v1alpha1.ReasonDrained, "Nothing that KubeLLM placed is left on the member, except for the namespaces that it made.")
	case v.drain.unavailable != "":
		return v.condition(kind, metav1.ConditionFalse, v1alpha1.ReasonMemberUnavailable, fmt.Sprintf(
			"The member must be drained but cannot be: %s The deletion goes on by itself as soon as that is mended; "+
				"to leave there what KubeLLM placed, set spec.deletionPolicy to Orphan.", v.drain.unavailable))
	case v.waiting():
		if old := meta.FindStatusCondition(v.Status.Conditions, kind); old != nil {
			return *old
		}
		return v.condition(kind, metav1.ConditionFalse, v1alpha1.ReasonDraining, "The member's answer is awaited.")
	}
	return v.condition(kind, metav1.ConditionFalse, v1alpha1.ReasonDraining,
		fmt.Sprintf("What KubeLLM placed on the member is being removed: %s.", wording.Shorten(v.drain.left.String(), maxLeft)))
}
