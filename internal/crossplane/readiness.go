package crossplane

import (
	"cmp"

	xpv2 "github.com/crossplane/crossplane/apis/v2/core/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/crossplane/crossplane-runtime/v2/pkg/resource"

	"github.com/kubellm/kubellm/internal/external"
)

// reasonNotObserved 表示平台没有给出新近的证据，就绪与否不得而知。
const reasonNotObserved xpv2.ConditionReason = "NotObserved"

// readyCondition 照搬平台对象的就绪状况与理由。
func readyCondition(r external.Readiness) xpv2.Condition {
	reason := xpv2.ReasonUnavailable
	if r.Status == metav1.ConditionTrue {
		reason = xpv2.ReasonAvailable
	}
	return condition(corev1.ConditionStatus(r.Status), cmp.Or(xpv2.ConditionReason(r.Reason), reason), r.Message)
}

// unready 让就绪状况与没能看到平台对象的错误一致，再把错误交回。沿用上次的就绪等于替一个没人看着的对象担保，
// 所以每一条到不了观察的路（引用解不开、连不上、看不了）都经过这里。
func unready(mg resource.Managed, err error) error {
	setReady(mg, unreadyAfter(err))
	return err
}

// unreadyAfter 是没能观察之后的就绪状况：对象归了别人就不是我们的就绪，其余都是不知道。
func unreadyAfter(err error) xpv2.Condition {
	if external.ClassOf(err) == external.ClassOwnedByAnother {
		return condition(corev1.ConditionFalse, xpv2.ReasonUnavailable, "the platform object is not managed by this resource; the condition Synced says by whom it is")
	}
	return condition(corev1.ConditionUnknown, reasonNotObserved, "how the platform object is cannot be seen now; the condition Synced says why")
}

func condition(status corev1.ConditionStatus, reason xpv2.ConditionReason, message string) xpv2.Condition {
	return xpv2.Condition{Type: xpv2.TypeReady, Status: status, LastTransitionTime: metav1.Now(), Reason: reason, Message: message}
}

// leaver 由删除可能要等的托管资源实现。
type leaver interface {
	resource.Managed
	// DeletionWaitsFor 是平台说删除在等什么，没说的为空。
	DeletionWaitsFor() string
}

// explainDeletion 在"正在删除"里补上平台说的原因：协调器自己写的那一条什么也没说，而人要知道在等什么、怎么放行。
// before 是上次写下的样子，可为 nil；说法没变时连时间也照旧，免得每次重试都写一遍。
func explainDeletion(o, before any) {
	mg, ok := o.(leaver)
	if !ok {
		return
	}
	ready := mg.GetCondition(xpv2.TypeReady)
	waits := mg.DeletionWaitsFor()
	if ready.Reason != xpv2.ReasonDeleting || waits == "" {
		return
	}
	ready = ready.WithMessage(waits)
	if old, ok := before.(leaver); ok {
		if was := old.GetCondition(xpv2.TypeReady); was.Equal(ready) {
			ready.LastTransitionTime = was.LastTransitionTime
		}
	}
	mg.SetConditions(ready)
}

func setReady(mg resource.Managed, c xpv2.Condition) {
	mg.SetConditions(c.WithObservedGeneration(mg.GetGeneration()))
}
