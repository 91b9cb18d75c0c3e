package model

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	cluster "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/scheduler"
	"github.com/kubellm/kubellm/internal/member"
)

// rounds 是建或改多少次模型，每次都先问计划、再真做。
const rounds = 60

// foretold 是一个真的平台服务器与照着它做决定的控制器，加上随手乱来的人。
type foretold struct {
	*platform
	*Reconciler
	*rand.Rand
	models []*v1alpha1.Model
	// placed、rejected 与 moved 数计划里出现过的，免得什么也没试到。
	placed, rejected, moved int
}

// TestPlanIsWhatIsDecided 干跑答的计划，就是控制器随后对同样的对象做的决定：放在哪、为什么不在别处、怎么说。
func TestPlanIsWhatIsDecided(t *testing.T) {
	p := newPlatform(t)
	f := &foretold{platform: p, Rand: rand.New(rand.NewPCG(1, 2)),
		Reconciler: &Reconciler{Client: p.Client, Live: p.Live, Members: member.New(member.Options{}), Clock: clock.RealClock{}, Metrics: NewMetrics(nil)}}
	for _, name := range []string{"c0", "c1", "c2"} {
		f.refill(t, p.create(t, name))
	}
	for i := range rounds {
		if f.IntN(4) == 0 {
			c := &cluster.Cluster{}
			if err := p.Live.Get(t.Context(), client.ObjectKey{Name: fmt.Sprintf("c%d", f.IntN(3))}, c); err != nil {
				t.Fatal(err)
			}
			f.refill(t, c)
		}
		if len(f.models) < 8 && f.IntN(2) == 0 {
			f.models = append(f.models, f.wish(fmt.Sprintf("m%d", i)))
			f.round(t, f.models[len(f.models)-1])
		} else if len(f.models) > 0 {
			m := f.models[f.IntN(len(f.models))]
			f.change(m)
			f.round(t, m)
		}
	}
	if f.placed < rounds/3 || f.rejected < rounds/4 || f.moved < 5 {
		t.Errorf("only %d placements, %d rejections and %d moves in all plans: hardly anything is compared", f.placed, f.rejected, f.moved)
	}
}

// refill 让一个成员说它空着别的样子。
func (f *foretold) refill(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	c.Status.Accelerators = nil
	for _, product := range []string{"A100", "H100"}[:1+f.IntN(2)] {
		block := cluster.FreeBlock{Size: 1 + int32(f.IntN(8)), Nodes: 1 + int32(f.IntN(3))}
		n := block.Size * block.Nodes
		c.Status.Accelerators = append(c.Status.Accelerators, cluster.Accelerator{Product: product, ResourceName: v1alpha1.DefaultAcceleratorResource, Nodes: block.Nodes,
			Capacity: n, Allocatable: n, Free: n, LargestFreeBlock: block.Size, FreeBlocks: []cluster.FreeBlock{block}})
	}
	if err := f.platform.Live.Status().Update(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	f.await(t, c)
}

func (f *foretold) wish(name string) *v1alpha1.Model {
	m := &v1alpha1.Model{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default", Annotations: map[string]string{v1alpha1.AnnotationPlan: v1alpha1.PlanAlways}}, Spec: v1alpha1.ModelSpec{
		Source:    v1alpha1.ModelSource{HuggingFace: &v1alpha1.HuggingFaceSource{Repo: "Qwen/Qwen3-8B"}},
		Engine:    v1alpha1.Engine{Type: v1alpha1.EngineVLLM},
		Placement: &v1alpha1.Placement{Strategy: ptr.To([]v1alpha1.PlacementStrategy{v1alpha1.PlacementSpread, v1alpha1.PlacementPack}[f.IntN(2)])},
	}}
	f.change(m)
	return m
}

// change 改一个模型要的：卡数、副本数、产品、集群、停与不停；有时什么也不改。
func (f *foretold) change(m *v1alpha1.Model) {
	if f.IntN(5) == 0 && m.UID != "" {
		return
	}
	m.Spec.Resources = &v1alpha1.Resources{Accelerator: &v1alpha1.AcceleratorRequest{
		Count: ptr.To(1 + int32(f.IntN(4))), Products: [][]string{nil, {"H100"}, {"A100", "H100"}}[f.IntN(3)],
	}}
	m.Spec.Scaling = &v1alpha1.Scaling{Replicas: ptr.To(int32(f.IntN(4)))}
	m.Spec.Suspended = ptr.To(f.IntN(6) == 0)
	m.Spec.Placement.Clusters = ptr.To(1 + int32(f.IntN(2)))
	m.Spec.Placement.ClusterNames = [][]string{nil, nil, {"c0", "c2"}, {"c1", "missing"}}[f.IntN(4)]
}

// round 先问计划，再真的存下、做决定，两者要一样；随后成员绑上几个副本，控制器写下结论。
func (f *foretold) round(t *testing.T, m *v1alpha1.Model) {
	t.Helper()
	live, dry := f.platform.Live, m.DeepCopy()
	store := func(m *v1alpha1.Model, dry ...client.CreateOption) error { return live.Create(t.Context(), m, dry...) }
	plan := func() error { return store(dry, client.DryRunAll) }
	if m.UID != "" {
		store = func(m *v1alpha1.Model, _ ...client.CreateOption) error { return live.Update(t.Context(), m) }
		plan = func() error { return live.Update(t.Context(), dry, client.DryRunAll) }
	}
	if err := plan(); err != nil || dry.Status.Plan == nil {
		t.Fatalf("the dry run has no plan: %v", err)
	}
	if err := store(m); err != nil {
		t.Fatal(err)
	}
	f.await(t, m)
	before := m.Status.DeepCopy()
	result, reserved, err := f.decide(t.Context(), m)
	if err != nil || !reserved {
		t.Fatalf("nothing is decided: %v", err)
	}
	f.compare(t, m, dry.Status.Plan, result, scheduler.Moves(before.Placements, result.Placements) != "")
	for i := range m.Status.Placements {
		p := &m.Status.Placements[i]
		p.ObservedReplicas = int32(f.IntN(int(p.Replicas) + 1))
	}
	m.Status.RejectedClusters = result.Rejected
	result.Condition.ObservedGeneration = m.Generation
	meta.SetStatusCondition(&m.Status.Conditions, result.Condition)
	if err := live.Status().Update(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	f.await(t, m)
}

// compare 只比决定：绑上了几个、走到了哪一步不是计划。
func (f *foretold) compare(t *testing.T, m *v1alpha1.Model, plan *v1alpha1.Plan, result scheduler.Result, moves bool) {
	t.Helper()
	f.placed, f.rejected = f.placed+len(plan.Placements), f.rejected+len(plan.RejectedClusters)
	if moves {
		f.moved++
	}
	now := cmpopts.IgnoreFields(v1alpha1.ModelPlacement{}, "Phase", "Reason", "Message", "ReadyReplicas", "ObservedReplicas", "ManifestHash", "Endpoint", "LastTransitionTime")
	if diff := cmp.Diff(plan.Placements, result.Placements, now, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s: the plan is not what is decided:\n%s", m.Name, diff)
	}
	if diff := cmp.Diff(lasting(plan.RejectedClusters), lasting(result.Rejected), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s: the plan gives other reasons:\n%s", m.Name, diff)
	}
	if result.Condition.Status != metav1.ConditionTrue && (!strings.HasPrefix(plan.Message, result.Condition.Message) ||
		cmp.Diff(plan.RejectedClusters, result.Rejected, cmpopts.EquateEmpty()) != "") {
		t.Errorf("%s: the plan says %q with %+v, the decision %q with %+v", m.Name, plan.Message, plan.RejectedClusters, result.Condition.Message, result.Rejected)
	}
}
