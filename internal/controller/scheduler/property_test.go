package scheduler_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/ptr"

	cluster "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	model "github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/scheduler"
)

// world 是随机的一批集群与模型，nodes 是每个集群每种产品各节点真正空着的。
type world struct {
	*rand.Rand
	clusters []cluster.Cluster
	models   []model.Model
	nodes    map[string][]int32
	// bound 是绑上了的副本：谁在哪个集群上；收走了才还。
	bound map[tenancy][]block
}

// tenancy 是一个模型在一个集群上的，block 是一个副本占着的卡。
type tenancy struct {
	model   int
	cluster string
}

type block struct {
	of    []int32
	node  int
	count int32
}

func newWorld(seed uint64) *world {
	w := &world{Rand: rand.New(rand.NewPCG(seed, 7)), nodes: map[string][]int32{}, bound: map[tenancy][]block{}}
	for i := range 1 + w.IntN(5) {
		c := site(fmt.Sprintf("c%d", i))
		for _, product := range []string{a100, h100}[:w.IntN(3)] {
			for range 1 + w.IntN(4) {
				w.nodes[c.Name+product] = append(w.nodes[c.Name+product], int32(w.IntN(9)))
			}
		}
		w.disturb(&c)
		w.clusters = append(w.clusters, c)
	}
	for i := range 1 + w.IntN(6) {
		w.models = append(w.models, *w.model(i))
	}
	w.observe()
	return w
}

// disturb 让一些集群失联、带污点、被暂停或正在删。
func (w *world) disturb(c *cluster.Cluster) {
	switch w.IntN(10) {
	case 0:
		lost(time.Duration(w.IntN(120)) * time.Second)(c)
	case 1:
		tainted("k", "v", []cluster.TaintEffect{cluster.TaintNoSchedule, cluster.TaintNoExecute}[w.IntN(2)])(c)
	case 2:
		suspended(c)
	case 3:
		deleting(c)
	}
	if w.IntN(2) == 0 {
		can(cluster.CapabilityKEDA)(c)
	}
}

func (w *world) model(i int) *model.Model {
	m := llm(fmt.Sprintf("m%d", i), int32(w.IntN(5)), int32(w.IntN(4)), wanting(int32(1+w.IntN(3))))
	change := func(odds int, o modelOption) {
		if w.IntN(odds) == 0 {
			o(m)
		}
	}
	change(2, packed)
	change(4, failover(60))
	change(6, autoscaled)
	change(8, paused)
	change(5, tolerating(model.Toleration{Key: "k", Operator: ptr.To(model.TolerationExists)}))
	change(6, named("c0", "c2", "none"))
	if m.Spec.Resources != nil {
		change(4, products(a100))
	}
	return m
}

// observe 把节点上真正空着的写进集群的状态。
func (w *world) observe() {
	for i := range w.clusters {
		c := &w.clusters[i]
		c.Status.Accelerators = nil
		for _, product := range []string{a100, h100} {
			if blocks := w.nodes[c.Name+product]; blocks != nil {
				c.Status.Accelerators = append(c.Status.Accelerators, row(product, blocks...))
			}
		}
	}
}

func (w *world) schedule(i int) scheduler.Result {
	return scheduler.Schedule(scheduler.Input{Model: &w.models[i], Clusters: w.clusters, Models: w.models, Now: now})
}

// place 把一个模型的决定写进它的状态；离开了的记下，收走之前那里的副本照样绑得上。
func (w *world) place(i int) scheduler.Result {
	r := w.schedule(i)
	st := &w.models[i].Status
	for _, p := range st.Placements {
		st.RemovedPlacements = append(st.RemovedPlacements, model.RemovedPlacement{
			Cluster: p.Cluster, ClusterUID: p.ClusterUID, Product: p.Product, ResourceName: p.ResourceName,
			AcceleratorCount: p.AcceleratorCount, Replicas: p.Replicas, ObservedReplicas: p.ObservedReplicas,
		})
	}
	st.RemovedPlacements = slices.DeleteFunc(st.RemovedPlacements, func(g model.RemovedPlacement) bool {
		return slices.ContainsFunc(r.Placements, func(p model.ModelPlacement) bool { return p.Cluster == g.Cluster })
	})
	st.Placements = r.Placements
	return r
}

// clear 收走随便哪个离开了的：那里的副本都没了，占着的卡空出来。
func (w *world) clear() {
	i := w.IntN(len(w.models))
	gone := w.models[i].Status.RemovedPlacements
	if len(gone) == 0 {
		return
	}
	at := w.IntN(len(gone))
	from := tenancy{i, gone[at].Cluster}
	for _, b := range w.bound[from] {
		b.of[b.node] += b.count
	}
	delete(w.bound, from)
	w.models[i].Status.RemovedPlacements = slices.Delete(gone, at, at+1)
	w.observe()
}

// promise 是答应了一个模型的：还没绑上的副本迟早要来。
type promise struct {
	tenancy
	product         string
	count, replicas int32
	observed        *int32
	// ready 为空的是离开了的。
	ready *int32
}

// pending 是答应了还没绑上副本的，离开了还没收走的也在内。
func (w *world) pending() (all []promise) {
	for i := range w.models {
		st := &w.models[i].Status
		for j := range st.Placements {
			p := &st.Placements[j]
			all = append(all, promise{tenancy{i, p.Cluster}, p.Product, p.AcceleratorCount, p.Replicas, &p.ObservedReplicas, &p.ReadyReplicas})
		}
		for j := range st.RemovedPlacements {
			p := &st.RemovedPlacements[j]
			all = append(all, promise{tenancy{i, p.Cluster}, p.Product, p.AcceleratorCount, p.Replicas, &p.ObservedReplicas, nil})
		}
	}
	return slices.DeleteFunc(all, func(p promise) bool { return p.count == 0 || *p.observed >= p.replicas })
}

// bind 像不怀好意的成员调度器那样，随便挑一个副本放到随便一个放得下的节点上；没有一个节点放得下就是多答应了。
// 返回绑上了的里有几个是离开了的。
func (w *world) bind(t *testing.T, seed uint64, steps int) (late int) {
	for ; steps > 0; steps-- {
		all := w.pending()
		if len(all) == 0 {
			break
		}
		p := all[w.IntN(len(all))]
		blocks := w.nodes[p.cluster+p.product]
		var fits []int
		for i, b := range blocks {
			if b >= p.count {
				fits = append(fits, i)
			}
		}
		if len(fits) == 0 {
			t.Fatalf("seed %d: a replica of %s on %s (left: %t) needs %d %s, free are %v", seed, w.models[p.model].Name, p.cluster, p.ready == nil, p.count, p.product, blocks)
		}
		node := fits[w.IntN(len(fits))]
		blocks[node] -= p.count
		w.bound[p.tenancy] = append(w.bound[p.tenancy], block{blocks, node, p.count})
		*p.observed++
		if p.ready == nil {
			late++
			continue
		}
		*p.ready++
	}
	w.observe()
	return late
}

// change 改一个模型的 spec：副本数、每个副本的卡数、产品、停与不停。
func (w *world) change(m *model.Model) {
	if m.Spec.Scaling.Replicas != nil && w.IntN(2) == 0 {
		m.Spec.Scaling.Replicas = ptr.To(max(*m.Spec.Scaling.Replicas+int32(w.IntN(3))-1, 0))
	}
	if w.IntN(4) == 0 {
		m.Spec.Suspended = ptr.To(w.IntN(2) == 0)
	}
	if m.Spec.Resources == nil {
		return
	}
	wanted := m.Spec.Resources.Accelerator.DeepCopy()
	if w.IntN(2) == 0 {
		wanted.Count = ptr.To(1 + int32(w.IntN(6)))
	}
	if w.IntN(3) == 0 {
		wanted.Products = [][]string{nil, {a100}, {h100}, {"none"}}[w.IntN(4)]
	}
	m.Spec.Resources = &model.Resources{Accelerator: wanted}
}

// depart 让一个模型点别的名，或者让一个集群赶人：它上面的都要离开。
func (w *world) depart() {
	if w.IntN(2) == 0 {
		m := &w.models[w.IntN(len(w.models))]
		m.Spec.Placement = m.Spec.Placement.DeepCopy()
		m.Spec.Placement.ClusterNames = [][]string{nil, {"c0"}, {"c1", "c2"}, {"c0", "c3", "none"}}[w.IntN(4)]
		return
	}
	c := &w.clusters[w.IntN(len(w.clusters))]
	if c.Spec.Taints = nil; w.IntN(2) == 0 {
		tainted("k", "v", cluster.TaintNoExecute)(c)
	}
}

// TestNeverOvercommits 模型接连放置、改动、离开，离开了的迟早收走，成员在其间胡乱绑定；答应过的每一个副本最后都绑得上，
// 离开了还没收走的也在内，哪怕要被换下的旧副本一个也还没有走。
func TestNeverOvercommits(t *testing.T) {
	placed, late := 0, 0
	for seed := range uint64(4000) {
		w := newWorld(seed)
		for range 4 {
			for i := range w.models {
				w.place(i)
				late += w.bind(t, seed, w.IntN(2))
			}
			w.change(&w.models[w.IntN(len(w.models))])
			w.depart()
			w.clear()
		}
		late += w.bind(t, seed, 1<<20)
		for _, m := range w.models {
			placed += len(m.Status.Placements)
		}
	}
	if placed < 4000 || late < 400 {
		t.Errorf("only %d placements in all rounds, and %d replicas bound where their model had left: the property is hardly exercised", placed, late)
	}
}

// TestChangesAreGrantedOrLeaveAllAsItIs spec 随便怎样改：照办了的，处处记着要的数，放不下就说没放好；
// 没照办的，那里跑着的一点没动，条件也不说放好了。
func TestChangesAreGrantedOrLeaveAllAsItIs(t *testing.T) {
	refused := 0
	for seed := range uint64(4000) {
		w := newWorld(seed)
		for i := range w.models {
			w.place(i)
		}
		w.bind(t, seed, w.IntN(12))
		for i := range w.models {
			m := &w.models[i]
			before := m.DeepCopy().Status.Placements
			w.change(m)
			r := w.place(i)
			for _, p := range r.Placements {
				if scheduler.Granted(m, p) {
					continue
				}
				refused++
				was := slices.IndexFunc(before, func(q model.ModelPlacement) bool { return q.Cluster == p.Cluster })
				if was < 0 || cmp.Diff(before[was], p) != "" {
					t.Fatalf("seed %d: %s is not granted what it asks for and changes on %s: %+v, then %+v", seed, m.Name, p.Cluster, before, p)
				}
				if r.Condition.Status == metav1.ConditionTrue || !slices.ContainsFunc(r.Rejected, func(x model.RejectedCluster) bool { return x.Cluster == p.Cluster }) {
					t.Fatalf("seed %d: %s is not granted what it asks for on %s and nothing says so: %+v", seed, m.Name, p.Cluster, r)
				}
			}
		}
	}
	if refused < 400 {
		t.Errorf("only %d changes were refused in all rounds: the property is hardly exercised", refused)
	}
}

// TestPure 次序无关，输入与快照不变，喂回结果什么也不变，快照与一次性的答案相同。
func TestPure(t *testing.T) {
	ignoreTime := cmpopts.IgnoreFields(scheduler.Result{}, "RequeueAfter")
	for seed := range uint64(1000) {
		w := newWorld(seed)
		for i := range w.models {
			input := fmt.Sprintf("%+v %+v", w.clusters, w.models)
			first := w.schedule(i)
			if fmt.Sprintf("%+v %+v", w.clusters, w.models) != input {
				t.Fatalf("seed %d: the decision changed its input", seed)
			}
			shuffled := scheduler.Input{Model: &w.models[i], Clusters: slices.Clone(w.clusters), Models: slices.Clone(w.models), Now: now}
			w.Shuffle(len(w.clusters), func(a, b int) {
				shuffled.Clusters[a], shuffled.Clusters[b] = shuffled.Clusters[b], shuffled.Clusters[a]
			})
			w.Shuffle(len(w.models), func(a, b int) {
				shuffled.Models[a], shuffled.Models[b] = shuffled.Models[b], shuffled.Models[a]
			})
			if diff := cmp.Diff(first, scheduler.Schedule(shuffled)); diff != "" {
				t.Fatalf("seed %d: another order, another answer:\n%s", seed, diff)
			}
			snapshot := scheduler.NewSnapshot(w.clusters, w.models)
			if diff := cmp.Diff(first, snapshot.Schedule(&w.models[i], now)); diff != "" {
				t.Fatalf("seed %d: plan and placement differ:\n%s", seed, diff)
			}
			w.models[i].Status.Placements = first.Placements
			if diff := cmp.Diff(first, w.schedule(i), ignoreTime, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("seed %d: the answer does not stand when it is fed back:\n%s", seed, diff)
			}
			again := scheduler.NewSnapshot(w.clusters, w.models)
			if diff := cmp.Diff(again.Schedule(&w.models[i], now), again.Schedule(&w.models[i], now)); diff != "" {
				t.Fatalf("seed %d: a decision changed the snapshot:\n%s", seed, diff)
			}
		}
	}
}

// need 改每个副本要的卡数。
func (w *world) need(m *model.Model) {
	if m.Spec.Resources != nil && w.IntN(3) == 0 {
		m.Spec.Resources = &model.Resources{Accelerator: m.Spec.Resources.Accelerator.DeepCopy()}
		m.Spec.Resources.Accelerator.Count = ptr.To(1 + int32(w.IntN(6)))
	}
}

// TestNeverMovesWithoutCause 容量怎样变、要的卡数怎样变、别的模型怎样来去，好好跑着的副本都不挪，也不少。
func TestNeverMovesWithoutCause(t *testing.T) {
	for seed := range uint64(3000) {
		w := newWorld(seed)
		for i := range w.models {
			w.place(i)
		}
		w.bind(t, seed, 1<<20)
		for _, blocks := range w.nodes {
			for i := range blocks {
				blocks[i] = int32(w.IntN(9))
			}
		}
		w.observe()
		for i := range w.models {
			w.need(&w.models[i])
		}
		w.models = append(w.models, *w.model(99))
		for i := range w.models {
			before := slices.Clone(w.models[i].Status.Placements)
			after := w.place(i).Placements
			for _, p := range before {
				if c := w.cluster(p.Cluster); lostOrLeaving(c) || p.ReadyReplicas == 0 {
					continue
				}
				if !slices.ContainsFunc(after, func(q model.ModelPlacement) bool { return q.Cluster == p.Cluster && q.Replicas >= p.Replicas }) {
					t.Fatalf("seed %d: %s left %s without cause: %+v, then %+v", seed, w.models[i].Name, p.Cluster, before, after)
				}
			}
		}
	}
}

func (w *world) cluster(name string) *cluster.Cluster {
	i := slices.IndexFunc(w.clusters, func(c cluster.Cluster) bool { return c.Name == name })
	return &w.clusters[i]
}

func lostOrLeaving(c *cluster.Cluster) bool {
	return c.DeletionTimestamp != nil || c.Status.Conditions[0].Status != metav1.ConditionTrue
}

// FuzzTolerations 任何容忍与污点：放上去的当且仅当某一个容忍按字面说得通；再加容忍不会更放不下。
func FuzzTolerations(f *testing.F) {
	f.Add("k", "v", "k", "v", "", false)
	f.Add("k", "", "", "", "NoExecute", true)
	f.Fuzz(func(t *testing.T, key, value, tolerated, with, effect string, exists bool) {
		operator := model.TolerationEqual
		if exists {
			operator = model.TolerationExists
		}
		in := scheduler.Input{Now: now, Clusters: all(site("a", h100s(1), tainted(key, value, cluster.TaintNoExecute)))}
		in.Model = llm("m", 1, 1, tolerating(model.Toleration{Key: tolerated, Value: with, Effect: effect, Operator: &operator}))
		want := (effect == "" || effect == "NoExecute") && (exists && tolerated == "" || tolerated != "" && tolerated == key && (exists || with == value))
		if got := len(scheduler.Schedule(in).Placements) == 1; got != want {
			t.Errorf("placed %v, want %v", got, want)
		}
		tolerating(model.Toleration{Operator: ptr.To(model.TolerationExists)})(in.Model)
		if len(scheduler.Schedule(in).Placements) != 1 {
			t.Error("not placed though every taint is tolerated")
		}
	})
}

// FuzzSelector 任何选择器都有回答：合法的照标签选，不合法的说明白，条件的长度有限。
func FuzzSelector(f *testing.F) {
	f.Add("name", "In", "a", "b")
	f.Add("", "Near", "\xff", strings.Repeat("x", 4096))
	f.Fuzz(func(t *testing.T, key, operator, first, second string) {
		by := &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
			{Key: key, Operator: metav1.LabelSelectorOperator(operator), Values: []string{first, second}}}}
		m := llm("m", 1, 1, func(m *model.Model) { m.Spec.Placement.ClusterSelector = by })
		r := scheduler.Schedule(scheduler.Input{Model: m, Now: now, Clusters: all(site("a", h100s(1)))})
		want := 0
		if selector, err := metav1.LabelSelectorAsSelector(by); err == nil && selector.Matches(labels.Set(site("a").Labels)) {
			want = 1
		}
		if len(r.Placements) != want || (want == 0) != (r.Condition.Reason == model.ReasonNoClusterSelected) {
			t.Errorf("%d placements with %s, want %d", len(r.Placements), r.Condition.Reason, want)
		}
		if r.Condition.Message == "" || len(r.Condition.Message) > 1024 {
			t.Errorf("a message of %d characters", len(r.Condition.Message))
		}
	})
}
