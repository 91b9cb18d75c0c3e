package cluster

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/wording"
)

const (
	// reasonIdentified 是第一次认出成员时的事件。
	reasonIdentified = "MemberIdentified"
	// action 是事件所说的动作：控制器在看成员。
	action = "Observe"
	// maxNote 是事件说明的上限，API 允许 1024 个字节。
	maxNote = 1000
)

// calm 是虽不就绪却如人所愿、或者只是刚开始的理由，不值得警告。
var calm = sets.New(v1alpha1.ReasonReady, v1alpha1.ReasonSuspended, v1alpha1.ReasonDeleting,
	v1alpha1.ReasonNotObserved, v1alpha1.ReasonDraining, v1alpha1.ReasonDrained)

// announce 把要紧的变化各记一个事件。同一个原因常常牵动几个条件，所以只看 Ready、
// 它看不出来的凭据将要到期，以及删除时的 Drained。
func (r *Reconciler) announce(before, after *v1alpha1.Cluster) {
	if before.Status.ID == "" && after.Status.ID != "" {
		r.Recorder.Eventf(after, nil, corev1.EventTypeNormal, reasonIdentified, action, "The member is %s.", after.Status.ID)
	}
	for _, kind := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionDrained} {
		if c, changed := turned(before, after, kind); changed {
			r.record(after, c)
		}
	}
	if c, changed := turned(before, after, v1alpha1.ConditionCredentialsValid); changed && c.Reason == v1alpha1.ReasonExpiresSoon {
		r.record(after, c)
	}
}

// turned 返回条件，并说它的状态或理由变了没有；措辞变了不算。
func turned(before, after *v1alpha1.Cluster, kind string) (metav1.Condition, bool) {
	then := meta.FindStatusCondition(before.Status.Conditions, kind)
	now := meta.FindStatusCondition(after.Status.Conditions, kind)
	if now == nil {
		return metav1.Condition{}, false
	}
	return *now, then == nil || then.Status != now.Status || then.Reason != now.Reason
}

func (r *Reconciler) record(cluster *v1alpha1.Cluster, c metav1.Condition) {
	severity := corev1.EventTypeWarning
	if calm.Has(c.Reason) {
		severity = corev1.EventTypeNormal
	}
	r.Recorder.Eventf(cluster, nil, severity, c.Reason, action, "%s", wording.Shorten(c.Message, maxNote))
}
