package scheduler

import (
	"cmp"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	cluster "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	model "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// Input 是一次决定所依据的全部。
type Input struct {
	Model    *model.Model
	Clusters []cluster.Cluster
	// Models 是所有模型，它们的 status.placements 是预留；模型自己在不在其中都一样。
	Models []model.Model
	Now    time.Time
}

// Result 是决定。
type Result struct {
	// Placements 按集群名排好；留下的带着从前的字段。
	Placements []model.ModelPlacement
	// Rejected 是点中而不合用的，以及留着、但要的没法照办的。
	Rejected []model.RejectedCluster
	// Condition 是 Scheduled，时间与 generation 由写的人填。
	Condition metav1.Condition
	// RequeueAfter 是最近一次失联到期还有多久；零是不必再看。
	RequeueAfter time.Duration
}

// Schedule 决定一个模型放在哪里。
func Schedule(in Input) Result {
	return NewSnapshot(in.Clusters, in.Models).Schedule(in.Model, in.Now)
}

// task 是一个模型的一次决定。
type task struct {
	demand
	model   *model.Model
	needs   []need
	own     []reservation
	pack    bool
	now     time.Time
	requeue time.Duration
}

// Schedule 决定一个模型放在哪里，不改快照；要把决定记成预留用 Assume。
func (s *Snapshot) Schedule(m *model.Model, now time.Time) Result {
	t := &task{
		demand: demandOf(m), model: m, needs: needsOf(m), now: now,
		own: s.held[types.NamespacedName{Namespace: m.Namespace, Name: m.Name}],
	}
	wanted := 1
	if p := m.Spec.Placement; p != nil {
		wanted = int(ptr.Deref(p.Clusters, 1))
		t.pack = ptr.Deref(p.Strategy, model.PlacementSpread) == model.PlacementPack
	}
	selected := s.choose(m.Spec.Placement)
	kept, movable := t.review(selected.sites)
	if len(kept) >= wanted {
		kept, movable = strongest(kept, wanted), nil
	}
	out := t.fill(selected, kept, movable, wanted)
	out.RequeueAfter = t.requeue
	return out
}

// strongest 在要的集群变少时留下最不该动的：联系得上的、就绪副本多的、名字靠前的。
func strongest(kept []standing, wanted int) []standing {
	slices.SortFunc(kept, func(a, b standing) int {
		return cmp.Or(
			cmp.Compare(trouble(a), trouble(b)),
			cmp.Compare(b.placement.ReadyReplicas, a.placement.ReadyReplicas),
			byCluster(a.placement, b.placement),
		)
	})
	return kept[:wanted]
}

// trouble 是一处放置有多不合用。
func trouble(st standing) int {
	switch {
	case observable(st.site) != nil:
		return 2
	case st.objection != nil:
		return 1
	}
	return 0
}

// fill 在留下的之外补足集群；没有去处的留在原地，总比没有好。
func (t *task) fill(selected selection, kept, movable []standing, wanted int) Result {
	v := verdict{wanted: wanted, selected: selected}
	for _, st := range kept {
		v.place(st.placement, st.site, t.model)
		if st.objection != nil {
			v.reject(st.site.Name, *st.objection)
		} else {
			v.fit++
			v.satisfied++
		}
	}
	for _, name := range selected.missing {
		v.reject(name, objection{model.RejectedNotFound, "not found"})
	}
	offers := t.offers(&v, selected.sites, kept, movable)
	for _, o := range offers[:min(len(offers), wanted-len(kept))] {
		p := model.ModelPlacement{Phase: model.PlacementPending}
		if i := slices.IndexFunc(movable, func(st standing) bool { return st.site == o.site }); i >= 0 {
			p = movable[i].placement
			movable = slices.Delete(movable, i, i+1)
		}
		t.grant(&p, o.product)
		v.place(p, o.site, t.model)
		v.satisfied++
	}
	for _, st := range movable[:max(min(len(movable), wanted-len(v.placements)), 0)] {
		v.place(st.placement, st.site, t.model)
	}
	return v.result()
}

// offers 问过点中而没有留在其上的每一个集群，合用的按先后排好，不合用的记下理由。
func (t *task) offers(v *verdict, sites []*site, kept, movable []standing) []offer {
	on := func(at *site) func(standing) bool { return func(st standing) bool { return st.site == at } }
	var out []offer
	for _, at := range sites {
		if slices.ContainsFunc(kept, on(at)) {
			continue
		}
		o, problem := t.offerOf(at)
		if problem != nil {
			v.reject(at.Name, *problem)
			continue
		}
		v.fit++
		o.home = slices.ContainsFunc(movable, on(at))
		out = append(out, o)
	}
	slices.SortFunc(out, t.compare)
	return out
}

func byCluster(a, b model.ModelPlacement) int { return cmp.Compare(a.Cluster, b.Cluster) }
