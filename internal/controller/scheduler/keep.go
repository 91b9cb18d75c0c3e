package scheduler

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	cluster "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	model "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// standing 是从前的一处放置如今怎样。
type standing struct {
	site      *site
	placement model.ModelPlacement
	// objection 是留着、但要的没法照办。
	objection *objection
}

// review 把从前的放置分成留下的与该换的；不在其中的必须离开。
func (t *task) review(selected []*site) (kept, movable []standing) {
	old := slices.Clone(t.model.Status.Placements)
	slices.SortFunc(old, byCluster)
	for _, p := range old {
		i := slices.IndexFunc(selected, func(at *site) bool { return at.Name == p.Cluster })
		if i < 0 || t.mustLeave(selected[i], p) {
			continue
		}
		st := standing{site: selected[i], placement: p}
		if t.shouldMove(&st) {
			t.wait(&st.placement)
			movable = append(movable, st)
			continue
		}
		kept = append(kept, st)
	}
	return kept, movable
}

// wait 是该换而没有去处时留在原地的样子：要的答应不了，那里跑着的就原样留着；什么也不再跑，总答应得起。
func (t *task) wait(p *model.ModelPlacement) {
	if t.replicas == 0 {
		p.ResourceName, p.AcceleratorCount = t.resource, int32(t.count)
	}
	if Granted(t.model, *p) {
		p.Replicas = min(p.Replicas, t.replicas)
	}
}

// mustLeave 是有没有去处都得离开的缘由：集群换了、在删、或用户用 NoExecute 赶人。
func (t *task) mustLeave(at *site, p model.ModelPlacement) bool {
	return !sameCluster(at, p.ClusterUID) || !at.DeletionTimestamp.IsZero() ||
		untolerated(at, t.model.Spec.Placement, cluster.TaintNoExecute) != nil
}

// shouldMove 是有去处才离开的缘由：失联过了期限、要的产品变了、或者那里本来什么也没跑而如今放不下。
func (t *task) shouldMove(st *standing) bool {
	if since, lost := lostSince(st.site); lost {
		if due, wanted := t.failoverDue(since); wanted {
			if wait := due.Sub(t.now); wait <= 0 {
				return true
			} else if t.requeue == 0 || wait < t.requeue {
				t.requeue = wait
			}
		}
	}
	p := &st.placement
	switch {
	case t.count == 0:
		p.Product, p.ResourceName, p.ObservedReplicas = "", "", 0
	case p.Product == "" || !t.accepts(p.Product) || p.ResourceName != t.resource:
		return true
	}
	empty := p.ObservedReplicas == 0 && p.ReadyReplicas == 0 && (p.Replicas == 0 || t.enlarged(p))
	t.resize(st)
	return empty && st.objection != nil
}

func (t *task) poolOf(st *standing) *pool {
	for i := range st.site.pools {
		if p := &st.site.pools[i]; p.ResourceName == t.resource && p.Product == st.placement.Product {
			return p
		}
	}
	return nil
}

// enlarged 报告每个副本要的比答应过的多。
func (t *task) enlarged(p *model.ModelPlacement) bool { return t.count > int64(p.AcceleratorCount) }

// lacking 说成员缺什么；看不到成员时不下这个结论。
func (t *task) lacking(at *site) *objection {
	if observable(at) != nil {
		return nil
	}
	return t.capable(at)
}

// resize 按要的改副本数与每个副本的卡数：少的总行；多的要放得下，放不下就照旧留着并说明。
func (t *task) resize(st *standing) {
	p := &st.placement
	was := *p
	if t.enlarged(p) && t.replicas > 0 {
		if st.objection = t.enlargement(st); st.objection == nil {
			t.grant(p, p.Product)
		}
		return
	}
	if o := t.lacking(st.site); o != nil {
		st.objection = o
		// 停下来总会照做，别的什么也不放：预留的就还是那里真有的。
		if t.replicas == 0 {
			p.AcceleratorCount, p.Replicas = int32(t.count), 0
		}
		return
	}
	p.AcceleratorCount = int32(t.count)
	if t.replicas > p.Replicas {
		if st.objection = t.growth(st); st.objection != nil {
			if t.autoscaled {
				*p = was
			}
			return
		}
	}
	p.Replicas = t.replicas
}

// enlargement 说每个副本要得更多时放不放得下。成员会让新旧副本并存，谁先谁后、落在哪个节点都由它定，
// 直方图又说不出旧的腾出来的块在哪个节点上；所以新的要在旧的之外全都放得下，才答应。
func (t *task) enlargement(st *standing) *objection {
	if o := cmp.Or(observable(st.site), t.capable(st.site)); o != nil {
		return o
	}
	pool := t.poolOf(st)
	if pool == nil {
		return t.noProduct(st.site, st.placement.Product)
	}
	_, short := t.inPool(st.site, pool, int64(t.replicas))
	if short == nil {
		return nil
	}
	o := short.objection(t.count, int64(t.replicas), fmt.Sprintf("replicas of %d", t.count))
	o.message += fmt.Sprintf(" beside those of %d, which stay; suspend the Model first to free what they hold", st.placement.AcceleratorCount)
	return o
}

// growth 说添的副本放不放得下；自己占着的和答应过的不必再找地方。
func (t *task) growth(st *standing) *objection {
	p := st.placement
	if o := observable(st.site); o != nil {
		return o
	}
	pending := int64(t.replicas) - int64(p.ObservedReplicas)
	if t.count == 0 || pending <= 0 {
		return nil
	}
	pool := t.poolOf(st)
	if pool == nil {
		return t.noProduct(st.site, st.placement.Product)
	}
	_, short := t.inPool(st.site, pool, pending)
	if short == nil {
		return nil
	}
	promisedBefore := max(int64(p.Replicas)-int64(p.ObservedReplicas), 0)
	more := int64(t.replicas) - int64(p.Replicas)
	short.room = max(short.room-promisedBefore, 0)
	return short.objection(t.count, more, "additional replicas")
}

// lostSince 说集群从何时起联系不上；凭据失效、暂停不算，那里的副本多半还好好服务着。
func lostSince(at *site) (time.Time, bool) {
	ready := meta.FindStatusCondition(at.Status.Conditions, cluster.ConditionReady)
	if ready == nil || ready.Status == metav1.ConditionTrue || ptr.Deref(at.Spec.Suspended, false) {
		return time.Time{}, false
	}
	if reachable := meta.FindStatusCondition(at.Status.Conditions, cluster.ConditionReachable); reachable != nil {
		return reachable.LastTransitionTime.Time, reachable.Status == metav1.ConditionFalse
	}
	lost := ready.Reason == cluster.ReasonHeartbeatFailed || ready.Reason == cluster.ReasonMemberNotReady
	return ready.LastTransitionTime.Time, lost
}

// failoverDue 是该换地方的时刻；没有声明 failover 的一直等。
func (t *task) failoverDue(since time.Time) (time.Time, bool) {
	p := t.model.Spec.Placement
	if p == nil || p.Failover == nil {
		return time.Time{}, false
	}
	return since.Add(time.Duration(p.Failover.AfterSeconds) * time.Second), true
}
