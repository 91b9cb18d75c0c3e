package model

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubellm/kubellm/apis/model/v1alpha1"
)

const suspendedMessage = "spec.suspended is true: nothing runs, the placement is kept."

// accepted 说 spec 与它指的东西合不合得起来。
func accepted(v view) metav1.Condition {
	const kind = v1alpha1.ConditionAccepted
	if p := v.credentials.problem; p != nil {
		return v.condition(kind, metav1.ConditionFalse, p.reason, p.message)
	}
	return v.condition(kind, metav1.ConditionTrue, v1alpha1.ReasonAccepted, "The spec and what it refers to make sense together.")
}

// scheduled 是调度器的话，补上它不知道的 generation 与时间。
func scheduled(v view) metav1.Condition {
	c := v.scheduled
	if c.Reason == "" {
		return v.condition(v1alpha1.ConditionScheduled, metav1.ConditionUnknown, v1alpha1.ReasonNotObserved, "No Cluster has been chosen yet.")
	}
	return v.condition(v1alpha1.ConditionScheduled, c.Status, c.Reason, c.Message)
}

// applied 说选中的集群上是不是都放着要的东西。
func applied(v view, placements []v1alpha1.ModelPlacement) metav1.Condition {
	const kind = v1alpha1.ConditionApplied
	if p, found := first(placements, v1alpha1.ReasonApplyFailed); found {
		return v.condition(kind, metav1.ConditionFalse, p.Reason, said(p))
	}
	if p, found := first(placements, v1alpha1.ReasonClusterUnreachable, v1alpha1.ReasonNotObserved); found {
		return v.condition(kind, metav1.ConditionUnknown, p.Reason, said(p))
	}
	if v.credentials.problem != nil {
		return v.condition(kind, metav1.ConditionFalse, v.credentials.problem.reason, "Nothing is applied: "+v.credentials.problem.message)
	}
	if on := keptOn(v); len(on) > 0 {
		return v.condition(kind, metav1.ConditionFalse, scheduled(v).Reason,
			fmt.Sprintf("What runs on %s stays as it is: what the spec asks for now is not possible there. See Scheduled.", strings.Join(on, ", ")))
	}
	if p, found := first(placements, v1alpha1.ReasonApplying); found {
		return v.condition(kind, metav1.ConditionFalse, p.Reason, said(p))
	}
	if len(placements) == 0 {
		return unplaced(v, kind)
	}
	holds := fmt.Sprintf("%s %s what is wanted", names(placements), plural(int32(len(placements)), "holds", "hold"))
	return v.condition(kind, metav1.ConditionTrue, v1alpha1.ReasonApplied, sentence(holds, leavings(v)))
}

// available 说要的副本是不是都就绪，照成员关于当前 generation 的话。
func available(v view, placements []v1alpha1.ModelPlacement) metav1.Condition {
	const kind = v1alpha1.ConditionAvailable
	if v.suspended() {
		return v.condition(kind, metav1.ConditionFalse, v1alpha1.ReasonSuspended, suspendedMessage)
	}
	if p, found := inPhase(placements, v1alpha1.PlacementFailed); found {
		return v.condition(kind, metav1.ConditionFalse, p.Reason, said(p))
	}
	if p, found := first(placements, v1alpha1.ReasonClusterUnreachable, v1alpha1.ReasonNotObserved); found {
		return v.condition(kind, metav1.ConditionUnknown, p.Reason, said(p))
	}
	for _, p := range placements {
		if p.Phase != v1alpha1.PlacementReady {
			return v.condition(kind, metav1.ConditionFalse, p.Reason, said(p))
		}
	}
	if len(placements) == 0 {
		return unplaced(v, kind)
	}
	return v.condition(kind, metav1.ConditionTrue, v1alpha1.ReasonReplicasReady,
		fmt.Sprintf("%s ready on %s.", counted(total(placements).ready), names(placements)))
}

// progressing 说是不是还有副本在路上；失败了的、在等别人动手的不在路上，看不到的不知道。
func progressing(v view, placements []v1alpha1.ModelPlacement) metav1.Condition {
	const kind = v1alpha1.ConditionProgressing
	if v.suspended() {
		return v.condition(kind, metav1.ConditionFalse, v1alpha1.ReasonSuspended, suspendedMessage)
	}
	if p, found := first(placements, v1alpha1.ReasonRollingOut, v1alpha1.ReasonLoading, v1alpha1.ReasonApplying); found {
		return v.condition(kind, metav1.ConditionTrue, p.Reason, said(p))
	}
	if p, found := stuck(placements); found {
		return v.condition(kind, metav1.ConditionFalse, p.Reason, said(p))
	}
	if problem := v.credentials.problem; problem != nil {
		return v.condition(kind, metav1.ConditionFalse, problem.reason, problem.message)
	}
	if p, found := first(placements, v1alpha1.ReasonClusterUnreachable, v1alpha1.ReasonNotObserved); found {
		return v.condition(kind, metav1.ConditionUnknown, p.Reason, said(p))
	}
	if len(placements) == 0 {
		return unplaced(v, kind)
	}
	return v.condition(kind, metav1.ConditionFalse, v1alpha1.ReasonComplete, "Nothing is on its way.")
}

// summary 是总和：要的副本都在服务。看不到的地方是 Unknown，从不是旧的 True。
func summary(v view, conditions ...metav1.Condition) metav1.Condition {
	const kind = v1alpha1.ConditionReady
	switch {
	case v.deleting():
		return v.condition(kind, metav1.ConditionFalse, v1alpha1.ReasonDeleting, deletingMessage(v))
	case v.suspended():
		return v.condition(kind, metav1.ConditionFalse, v1alpha1.ReasonSuspended, suspendedMessage)
	}
	for _, status := range []metav1.ConditionStatus{metav1.ConditionFalse, metav1.ConditionUnknown} {
		for _, c := range conditions {
			if c.Status == status {
				return v.condition(kind, c.Status, c.Reason, c.Message)
			}
		}
	}
	return v.condition(kind, metav1.ConditionTrue, v1alpha1.ReasonReady, "All wanted replicas are ready.")
}

// removalCondition 在删除期间说成员上的东西收走了没有，以及怎样放行。
func removalCondition(v view) metav1.Condition {
	const kind = v1alpha1.ConditionApplied
	if v.removal.unreachable {
		return v.condition(kind, metav1.ConditionUnknown, v1alpha1.ReasonClusterUnreachable, deletingMessage(v))
	}
	if v.removal.refused {
		return v.condition(kind, metav1.ConditionFalse, v1alpha1.ReasonRemovalRefused, deletingMessage(v))
	}
	return v.condition(kind, metav1.ConditionFalse, v1alpha1.ReasonDeleting, deletingMessage(v))
}

func deletingMessage(v view) string {
	if len(v.removal.waits) == 0 {
		return "The Model is being deleted."
	}
	text := "What runs on the members must be removed first: " + strings.Join(v.removal.waits, " ")
	if v.removal.unreachable || v.removal.refused {
		text += " The deletion goes on by itself as soon as that is mended; to leave there what runs there, set spec.deletionPolicy to Orphan."
	}
	return text
}

// gone 在删除期间收回那一种条件的旧话：没有什么还该跑着；联系不上的，不知道。
func gone(v view, kind string) metav1.Condition {
	status := metav1.ConditionFalse
	if v.removal.unreachable {
		status = metav1.ConditionUnknown
	}
	return v.condition(kind, status, v1alpha1.ReasonDeleting, deletingMessage(v))
}

// stuck 是第一处自己走不下去的：失败了，成员排不上它的副本，或者还没有放上去的理由。
func stuck(placements []v1alpha1.ModelPlacement) (v1alpha1.ModelPlacement, bool) {
	for _, p := range placements {
		waits := p.Phase == v1alpha1.PlacementPending && p.Reason != v1alpha1.ReasonNotObserved
		if p.Phase == v1alpha1.PlacementFailed || p.Reason == v1alpha1.ReasonUnschedulable || waits {
			return p, true
		}
	}
	return v1alpha1.ModelPlacement{}, false
}

// keptOn 是没有答应、原样留着的集群。
func keptOn(v view) []string {
	var on []string
	for _, s := range v.sites {
		if s.kept {
			on = append(on, s.placement.Cluster)
		}
	}
	return on
}

// leavings 说各处不再要而收不走的。
func leavings(v view) string {
	var said []string
	for _, s := range v.sites {
		if text := s.leavings(); text != "" {
			said = append(said, "Cluster "+s.placement.Cluster+": "+text)
		}
	}
	return strings.Join(said, "; ")
}

func unplaced(v view, kind string) metav1.Condition {
	return v.condition(kind, metav1.ConditionFalse, scheduled(v).Reason, "The model is placed nowhere.")
}

// first 是第一个有其中一个理由的，依理由的次序。
func first(placements []v1alpha1.ModelPlacement, reasons ...string) (v1alpha1.ModelPlacement, bool) {
	for _, reason := range reasons {
		for _, p := range placements {
			if p.Reason == reason {
				return p, true
			}
		}
	}
	return v1alpha1.ModelPlacement{}, false
}

func inPhase(placements []v1alpha1.ModelPlacement, phase v1alpha1.PlacementPhase) (v1alpha1.ModelPlacement, bool) {
	for _, p := range placements {
		if p.Phase == phase {
			return p, true
		}
	}
	return v1alpha1.ModelPlacement{}, false
}

func plural(n int32, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}

// counted 是"1 replica is""2 replicas are"。
func counted(n int32) string {
	return fmt.Sprintf("%d %s", n, plural(n, "replica is", "replicas are"))
}

// readyOf 是"1 of 2 replicas are ready"，只要一个的说"0 of 1 replica is ready"。
func readyOf(ready, want int32) string {
	return fmt.Sprintf("%d of %s ready", ready, counted(want))
}

func said(p v1alpha1.ModelPlacement) string { return "Cluster " + p.Cluster + ": " + p.Message }

func names(placements []v1alpha1.ModelPlacement) string {
	var all []string
	for _, p := range placements {
		all = append(all, p.Cluster)
	}
	return strings.Join(all, ", ")
}
