package model

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	cluster "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/wording"
)

const (
	// reasonPlaced 与 reasonLeft 是放到一个集群、离开一个集群的事件。
	reasonPlaced = "Placed"
	reasonLeft   = "Left"
	action       = "Serve"
	// maxNote 是事件说明的上限，API 允许 1024 个字节。
	maxNote = 1000
)

// calm 是虽不就绪却如人所愿、或者正在路上的理由，不值得警告。
var calm = sets.New(v1alpha1.ReasonReady, v1alpha1.ReasonSuspended, v1alpha1.ReasonDeleting, v1alpha1.ReasonNotObserved,
	v1alpha1.ReasonApplying, v1alpha1.ReasonLoading, v1alpha1.ReasonRollingOut, v1alpha1.ReasonScheduled)

// announce 把要紧的变化各记一个事件：来去、总和变了、某一处开始失败。
func (r *Reconciler) announce(before, after *v1alpha1.Model) {
	was, is := byCluster(before), byCluster(after)
	for _, p := range after.Status.Placements {
		old, known := was[p.Cluster]
		if !known {
			r.Recorder.Eventf(after, at(p), corev1.EventTypeNormal, reasonPlaced, action, "Placed on Cluster %s.", p.Cluster)
		}
		if p.Phase == v1alpha1.PlacementFailed && (old.Phase != p.Phase || old.Reason != p.Reason) {
			r.Recorder.Eventf(after, at(p), corev1.EventTypeWarning, p.Reason, action, "%s", wording.Shorten(said(p), maxNote))
		}
	}
	for _, p := range before.Status.Placements {
		if _, stays := is[p.Cluster]; !stays {
			r.Recorder.Eventf(after, at(p), corev1.EventTypeNormal, reasonLeft, action, "Left Cluster %s.", p.Cluster)
		}
	}
	r.sum(before, after)
}

// sum 说总和变了；总和没变，放不下的理由却换了的，说放不下。
func (r *Reconciler) sum(before, after *v1alpha1.Model) {
	scheduled, turnedOut := turned(before, after, v1alpha1.ConditionScheduled)
	if turnedOut {
		r.Metrics.rejected(after.Status.RejectedClusters)
	}
	c, changed := turned(before, after, v1alpha1.ConditionReady)
	switch {
	case changed:
		if !justPlaced(before, after, c) && !told(after, c) {
			r.record(after, c)
		}
		r.Metrics.turned(before, after, c, r.Clock.Now())
	case !turnedOut && scheduled.Status == metav1.ConditionFalse && !grounds(before).Equal(grounds(after)):
		r.record(after, scheduled)
	}
}

// grounds 是哪些集群为什么不行。差多少不算，差的是整块还是总数也不算：那天天在变。
func grounds(model *v1alpha1.Model) sets.Set[[2]string] {
	all := sets.Set[[2]string]{}
	for _, c := range model.Status.RejectedClusters {
		why := c.Reason
		if why == v1alpha1.RejectedFreeBlock {
			why = v1alpha1.RejectedCapacity
		}
		all.Insert([2]string{c.Cluster, why})
	}
	return all
}

// at 是一处放置的集群。记事件的人把对象、理由都相同的并成一串，只留第一句话：不说是哪个集群，后来的就没有了。
func at(p v1alpha1.ModelPlacement) *cluster.Cluster {
	return &cluster.Cluster{ObjectMeta: metav1.ObjectMeta{Name: p.Cluster, UID: types.UID(p.ClusterUID)}}
}

// justPlaced 报告才开始、正照常进行：Placed 已经说了，不必再说它还没有就绪；还什么也没看到的，没有什么可说。
func justPlaced(before, after *v1alpha1.Model, c metav1.Condition) bool {
	if len(before.Status.Conditions) > 0 || c.Status == metav1.ConditionTrue {
		return false
	}
	return c.Reason == v1alpha1.ReasonNotObserved || len(after.Status.Placements) > 0 && calm.Has(c.Reason)
}

// told 报告失败的那一处已经说过了。
func told(model *v1alpha1.Model, c metav1.Condition) bool {
	_, failed := inPhase(model.Status.Placements, v1alpha1.PlacementFailed)
	return failed && c.Status == metav1.ConditionFalse
}

func (r *Reconciler) record(model *v1alpha1.Model, c metav1.Condition) {
	severity := corev1.EventTypeWarning
	if calm.Has(c.Reason) {
		severity = corev1.EventTypeNormal
	}
	r.Recorder.Eventf(model, nil, severity, c.Reason, action, "%s", wording.Shorten(c.Message, maxNote))
}

func byCluster(model *v1alpha1.Model) map[string]v1alpha1.ModelPlacement {
	placements := map[string]v1alpha1.ModelPlacement{}
	for _, p := range model.Status.Placements {
		placements[p.Cluster] = p
	}
	return placements
}

// turned 返回条件，并说它的状态或理由变了没有；措辞变了不算。
func turned(before, after *v1alpha1.Model, kind string) (metav1.Condition, bool) {
	then := meta.FindStatusCondition(before.Status.Conditions, kind)
	now := meta.FindStatusCondition(after.Status.Conditions, kind)
	if now == nil {
		return metav1.Condition{}, false
	}
	return *now, then == nil || then.Status != now.Status || then.Reason != now.Reason
}
