package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// foreseen 是一件事：世界变了，或者 spec 变了，放置随之怎样。
type foreseen struct {
	what, reason string
	// happens 改动集群；spec 是那时要的样子，空则照旧。
	happens func(t *testing.T)
	spec    string
	placed  []string
	// scheduled 是 Scheduled 的理由。
	scheduled string
	// still 表示要求与放置都不变：那就没有计划，kubectl diff 也就没有差别。
	still bool
}

// wanderer 是这个测试的 Model 的 spec：四块卡一个副本，按标签 zone=one 选集群。
func wanderer(accelerators, replicas int, placement string) string {
	return fmt.Sprintf(`"source":{"huggingFace":{"repo":"Qwen/Qwen3-8B"}},"engine":{"type":"VLLM","image":"example.org/vllm:1"},
"resources":{"accelerator":{"count":%d}},"scaling":{"replicas":%d},"placement":{"clusterSelector":{"matchLabels":{"zone":"one"}}%s}`,
		accelerators, replicas, placement)
}

// TestModelDryRunForesees 干跑说的，就是接着发生的：放在哪、哪种卡、几个副本、谁为什么不行，一字不差。
// 干跑时控制器停着，改动已经在那里而它还没看到：说得出来的只有计划。
func TestModelDryRunForesees(t *testing.T) {
	register(t, "plan-a", env.alpha, clusterv1alpha1.DeletionOrphan)
	register(t, "plan-b", env.beta, clusterv1alpha1.DeletionOrphan)
	steady(t, "plan-a")
	steady(t, "plan-b")
	taint := func(taints string) func(*testing.T) {
		return func(t *testing.T) {
			harness.MustKubectl(t, env.platform.Kubeconfig, "", "patch", "cluster", "plan-b", "--type=merge", `--patch={"spec":{"taints":`+taints+`}}`)
		}
	}
	const noSchedule, noExecute = `{"key":"upkeep","effect":"NoSchedule"}`, `{"key":"upkeep","effect":"NoExecute"}`
	const tolerates = `,"tolerations":[{"key":"upkeep","operator":"Exists"}]`
	w := &forecast{name: "wanderer"}
	for _, f := range []foreseen{
		{"created", "only one cluster has the label", func(t *testing.T) { label(t, "plan-a", "zone=one") },
			wanderer(4, 1, ""), []string{"plan-a"}, v1alpha1.ReasonScheduled, false},
		{"sticky", "another would be better now, which is no cause", func(t *testing.T) { label(t, "plan-b", "zone=one") },
			wanderer(4, 1, `,"strategy":"Pack"`), []string{"plan-a"}, v1alpha1.ReasonScheduled, false},
		{"beyond room", "two nodes of 8 hold 4 replicas of 4; the one that runs stays", nil,
			wanderer(4, 5, ""), []string{"plan-a"}, v1alpha1.ReasonNoClusterFits, false},
		{"relabelled", "its cluster is not selected any more", func(t *testing.T) { label(t, "plan-a", "zone=two") },
			wanderer(4, 1, ""), []string{"plan-b"}, v1alpha1.ReasonScheduled, false},
		{"NoSchedule", "what runs there stays", taint("[" + noSchedule + "]"), "", []string{"plan-b"}, v1alpha1.ReasonScheduled, true},
		{"NoExecute", "what runs there leaves, even for nowhere", taint("[" + noSchedule + "," + noExecute + "]"), "", nil, v1alpha1.ReasonNoClusterFits, false},
		{"tolerated", "the taints do not count any more", nil, wanderer(4, 1, tolerates), []string{"plan-b"}, v1alpha1.ReasonScheduled, false},
		{"no fit", "no node has 5; the replica of 4 stays", nil, wanderer(5, 1, tolerates), []string{"plan-b"}, v1alpha1.ReasonNoClusterFits, false},
	} {
		t.Logf("%s: %s", f.what, f.reason)
		w.comesTrue(t, f)
	}
	w.moves.through(t, "", "plan-a", "plan-b", "", "plan-b")
}

// forecast 拿同一个 Model 的计划与后来的放置相比。
type forecast struct {
	name, spec string
	moves      *trail
}

// comesTrue 让一件事发生，先问计划，再看真的放置。
func (w *forecast) comesTrue(t *testing.T, f foreseen) {
	t.Helper()
	if f.spec != "" {
		w.spec = f.spec
	}
	plan := w.whilePaused(t, f)
	m := awaitModel(t, w.name, "placed as planned when "+f.what, promptly, func(m *v1alpha1.Model) error {
		if len(m.Status.RemovedPlacements) > 0 {
			return errors.New("something of it is still to be removed")
		}
		return asPlanned(plan, m)
	})
	c := meta.FindStatusCondition(m.Status.Conditions, v1alpha1.ConditionScheduled)
	if c.Reason != f.scheduled || placedOn(m) != placedOn(&v1alpha1.Model{Status: v1alpha1.ModelStatus{Placements: plan.Placements}}) {
		t.Errorf("%s: Scheduled is %s, want %s (%s)", f.what, c.Reason, f.scheduled, c.Message)
	}
	var on []string
	for _, p := range m.Status.Placements {
		on = append(on, p.Cluster)
	}
	if !slices.Equal(on, f.placed) {
		t.Errorf("%s: it is placed on %v, want %v (%s)", f.what, on, f.placed, f.reason)
	}
	w.settle(t, m)
}

// settle 等集群的数字跟上放置：腾出来的卡数进去之前，下一个计划会说没有地方，那时也确实说得对。
func (w *forecast) settle(t *testing.T, m *v1alpha1.Model) {
	t.Helper()
	free := map[string]int32{"plan-a": 20, "plan-b": 4}
	for _, p := range m.Status.Placements {
		free[p.Cluster] -= p.Replicas * p.AcceleratorCount
	}
	for name, n := range free {
		await(t, name, "counting what the model holds", freeAccelerators(n))
	}
}

// whilePaused 在控制器停着的时候让事情发生，问计划，再照样写下。
func (w *forecast) whilePaused(t *testing.T, f foreseen) *v1alpha1.Plan {
	t.Helper()
	if err := env.controller.Halt(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := env.controller.Resume(); err != nil {
			t.Error(err)
		}
	}()
	if f.happens != nil {
		f.happens(t)
	}
	answer := &v1alpha1.Model{}
	out := harness.MustKubectl(t, env.platform.Kubeconfig, specManifest(w.name, w.spec), "apply", "--server-side", "--dry-run=server", "-o", "json", "-f", "-")
	if err := json.Unmarshal([]byte(out), answer); err != nil || (answer.Status.Plan == nil) != f.still {
		t.Fatalf("%s: nothing changes: %t; the plan in the answer to the dry run: %+v, %v", f.what, f.still, answer.Status.Plan, err)
	}
	if f.still {
		w.sameAgain(t, f)
		answer.Status.Plan = asItStands(answer)
	}
	if w.moves != nil {
		harness.MustKubectl(t, env.platform.Kubeconfig, specManifest(w.name, w.spec), "apply", "--server-side", "-f", "-")
		return answer.Status.Plan
	}
	deploySpec(t, w.name, w.spec)
	w.moves = trace(t, modelNow(t, w.name), placedOn)
	return answer.Status.Plan
}

// sameAgain 要求 kubectl diff 对没有变化的什么也不说：它以 1 退出就是有差别。
func (w *forecast) sameAgain(t *testing.T, f foreseen) {
	t.Helper()
	if out, err := harness.Kubectl(t.Context(), env.platform.Kubeconfig, specManifest(w.name, w.spec), "diff", "--server-side", "-f", "-"); err != nil {
		t.Errorf("%s: kubectl diff shows a difference: %v\n%s", f.what, err, out)
	}
	asked := strings.Replace(specManifest(w.name, w.spec), `"metadata":{`, `"metadata":{"annotations":{"`+v1alpha1.AnnotationPlan+`":"`+v1alpha1.PlanAlways+`"},`, 1)
	if out := harness.MustKubectl(t, env.platform.Kubeconfig, asked, "apply", "--server-side", "--dry-run=server", "-o", "json", "-f", "-"); !strings.Contains(out, `"plan":`) {
		t.Errorf("%s: the plan was asked for and is not in the answer", f.what)
	}
}

// asItStands 是没有计划时的计划：样子照旧。
func asItStands(m *v1alpha1.Model) *v1alpha1.Plan {
	plan := &v1alpha1.Plan{Placements: m.Status.Placements, RejectedClusters: m.Status.RejectedClusters,
		Message: meta.FindStatusCondition(m.Status.Conditions, v1alpha1.ConditionScheduled).Message}
	for _, p := range m.Status.Placements {
		plan.Manifests = append(plan.Manifests, v1alpha1.PlannedManifests{Cluster: p.Cluster})
	}
	return plan
}

// decided 是放置里由调度决定的部分；走到了哪一步不算。
type decided struct {
	cluster, uid, namespace, product, resource string
	replicas, accelerators                     int32
}

func decisions(placements []v1alpha1.ModelPlacement) []decided {
	var all []decided
	for _, p := range placements {
		all = append(all, decided{p.Cluster, p.ClusterUID, p.Namespace, p.Product, p.ResourceName, p.Replicas, p.AcceleratorCount})
	}
	return all
}

// asPlanned 要求 m 的放置就是 plan，而且成员上的已经数进 Cluster 的状态：下一个计划从安稳的样子算起。
func asPlanned(plan *v1alpha1.Plan, m *v1alpha1.Model) error {
	c := meta.FindStatusCondition(m.Status.Conditions, v1alpha1.ConditionScheduled)
	var planned []string
	for _, p := range plan.Manifests {
		planned = append(planned, p.Cluster)
	}
	var on []string
	for _, p := range m.Status.Placements {
		if p.ObservedReplicas != p.Replicas || p.ReadyReplicas != p.Replicas {
			return fmt.Errorf("%d of %d replicas are counted by %s", p.ObservedReplicas, p.Replicas, p.Cluster)
		}
		on = append(on, p.Cluster)
	}
	switch {
	case c == nil || c.ObservedGeneration != m.Generation:
		return errors.New("no decision has been made yet")
	case !slices.Equal(decisions(plan.Placements), decisions(m.Status.Placements)):
		return fmt.Errorf("planned was %+v", plan.Placements)
	case !slices.Equal(plan.RejectedClusters, m.Status.RejectedClusters):
		return fmt.Errorf("planned rejections were %+v, they are %+v", plan.RejectedClusters, m.Status.RejectedClusters)
	case !strings.HasPrefix(plan.Message, c.Message): // 计划在后面还说对跑着的有什么后果。
		return fmt.Errorf("the plan said %q", plan.Message)
	case !slices.Equal(planned, on):
		return fmt.Errorf("the plan had manifests for %v", planned)
	}
	return nil
}
