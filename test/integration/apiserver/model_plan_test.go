package apiserver

import (
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

var dryRunAll = []string{metav1.DryRunAll}

// fleet 建起两个看得清楚的集群，标着 fleet：big 空着一整块四张卡，small 只剩一张。返回它们的名字。
func (p *platform) fleet(t testing.TB, fleet string) (big, small string) {
	t.Helper()
	member := func(name string, free int32) string {
		created, err := p.admin.clusters.Create(t.Context(), &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"fleet": fleet}}}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		created.Status = clusterv1alpha1.ClusterStatus{
			ID: string(created.UID), Version: "v1.37.2", Nodes: &clusterv1alpha1.NodeSummary{Total: 1, Ready: 1},
			Accelerators: []clusterv1alpha1.Accelerator{{
				Product: "NVIDIA-H100", ResourceName: "nvidia.com/gpu", Capacity: 4, Allocatable: 4, Allocated: 4 - free, Free: free,
				LargestFreeBlock: free, FreeBlocks: []clusterv1alpha1.FreeBlock{{Size: free, Nodes: 1}},
			}},
		}
		for _, condition := range []string{"Ready", "Reachable", "CredentialsValid", "CapacityKnown"} {
			created.Status.Conditions = append(created.Status.Conditions, metav1.Condition{Type: condition, Status: metav1.ConditionTrue, Reason: "Ready", LastTransitionTime: metav1.Now(), ObservedGeneration: created.Generation})
		}
		created.Status.ObservedGeneration = created.Generation
		if _, err := p.admin.clusters.UpdateStatus(t.Context(), created, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		return name
	}
	return member(fleet+"-big", 4), member(fleet+"-small", 1)
}

// twoGPUs 是一份要两张卡、只看 fleet 的模型。
func twoGPUs(fleet string) *modelv1alpha1.Model {
	return newModel(func(s *modelv1alpha1.ModelSpec) {
		s.Resources = &modelv1alpha1.Resources{Accelerator: &modelv1alpha1.AcceleratorRequest{Count: ptr.To(int32(2))}}
		s.Placement = &modelv1alpha1.Placement{ClusterSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"fleet": fleet}}}
	})
}

// planned 断言一份计划放在 big 上、说得出为什么不放 small，并带着清单。
func planned(t *testing.T, what string, plan *modelv1alpha1.Plan, name, big, small string) {
	t.Helper()
	if plan == nil {
		t.Fatalf("%s: the answer has no plan", what)
	}
	if age := time.Since(plan.Time.Time); age < -time.Minute || age > 10*time.Minute {
		t.Errorf("%s: the plan is as of %s", what, plan.Time)
	}
	if len(plan.Placements) != 1 || plan.Placements[0].Cluster != big || plan.Placements[0].Product != "NVIDIA-H100" {
		t.Errorf("%s: placed on %+v, want %s (%s)", what, plan.Placements, big, plan.Message)
	}
	if len(plan.RejectedClusters) != 1 || plan.RejectedClusters[0].Cluster != small || plan.RejectedClusters[0].Reason != modelv1alpha1.RejectedFreeBlock {
		t.Errorf("%s: rejected %+v, want %s for its free blocks", what, plan.RejectedClusters, small)
	}
	if len(plan.Manifests) != 1 || plan.Manifests[0].Cluster != big {
		t.Fatalf("%s: manifests for %+v", what, plan.Manifests)
	}
	for _, fact := range []string{"kind: Deployment", "kind: Service", name, "nvidia.com/gpu"} {
		if !strings.Contains(plan.Manifests[0].YAML, fact) {
			t.Errorf("%s: the manifests lack %q:\n%s", what, fact, plan.Manifests[0].YAML)
		}
	}
}

// TestPlan 保证干跑说得出会放在哪里、别处为什么不行、会放上去什么，每种写法都说，而且什么也没存下。
func TestPlan(t *testing.T) {
	t.Parallel()
	fleet := unique("fleet")
	big, small := shared.fleet(t, fleet)
	wanted := twoGPUs(fleet)
	created, err := shared.admin.models.Create(t.Context(), wanted, metav1.CreateOptions{DryRun: dryRunAll})
	must(t, err)
	planned(t, "creating", created.Status.Plan, wanted.Name, big, small)
	again, err := shared.admin.models.Create(t.Context(), wanted, metav1.CreateOptions{DryRun: dryRunAll})
	must(t, err)
	if again.Status.Plan.Manifests[0].YAML != created.Status.Plan.Manifests[0].YAML {
		t.Error("two plans of the same model differ")
	}
	absent(t, shared, models, wanted.Name)

	stored, err := shared.admin.models.Create(t.Context(), wanted, metav1.CreateOptions{})
	must(t, err)
	if stored.Status.Plan != nil || len(stored.Status.Placements) > 0 {
		t.Errorf("a write that is no dry run answers with a plan: %+v", stored.Status)
	}
	patch := []byte(`{"spec":{"engine":{"image":"vllm/vllm-openai:another"}}}`)
	patched, err := shared.admin.models.Patch(t.Context(), wanted.Name, types.MergePatchType, patch, metav1.PatchOptions{DryRun: dryRunAll})
	must(t, err)
	planned(t, "patching", patched.Status.Plan, wanted.Name, big, small)
	if !strings.Contains(patched.Status.Plan.Manifests[0].YAML, "vllm/vllm-openai:another") || !strings.Contains(patched.Status.Plan.Manifests[0].YAML, string(stored.UID)) {
		t.Errorf("the plan is not of what was sent:\n%s", patched.Status.Plan.Manifests[0].YAML)
	}
	updated, err := shared.admin.models.Update(t.Context(), stored, metav1.UpdateOptions{DryRun: dryRunAll})
	must(t, err)
	planned(t, "updating", updated.Status.Plan, wanted.Name, big, small)
	found, err := shared.admin.models.Get(t.Context(), wanted.Name, metav1.GetOptions{})
	must(t, err)
	if found.ResourceVersion != stored.ResourceVersion || found.Status.Plan != nil {
		t.Error("a dry run was stored")
	}
}

// TestPlanByKubectl 保证 kubectl apply --dry-run=server 看得到计划，两种 apply 都一样。
func TestPlanByKubectl(t *testing.T) {
	t.Parallel()
	fleet, name := unique("fleet"), unique("planned")
	big, small := shared.fleet(t, fleet)
	manifest := "apiVersion: model.kubellm.io/v1alpha1\nkind: Model\nmetadata: {name: " + name + ", namespace: default}\nspec:\n  source: {huggingFace: {repo: a/b}}\n  engine: {type: VLLM}\n" +
		"  resources: {accelerator: {count: 2}}\n  placement: {clusterSelector: {matchLabels: {fleet: " + fleet + "}}}\n"
	for _, args := range [][]string{{"apply"}, {"apply", "--server-side"}} {
		out := kubectl(t, manifest, append(args, "--dry-run=server", "-o", "yaml", "-f", "-")...)
		contains(t, strings.Join(args, " "), out, "plan:", "time:", "cluster: "+big, "cluster: "+small, modelv1alpha1.RejectedFreeBlock, "kind: Deployment")
	}
	absent(t, shared, models, name)
}

// TestPlanIsSticky 保证已经放下的模型，干跑别的改动时还在原处；别的模型占着的预留不能再用。
func TestPlanIsSticky(t *testing.T) {
	t.Parallel()
	fleet := unique("fleet")
	big, _ := shared.fleet(t, fleet)
	m, err := shared.admin.models.Create(t.Context(), twoGPUs(fleet), metav1.CreateOptions{})
	must(t, err)
	plan := func(obj *modelv1alpha1.Model) *modelv1alpha1.Plan {
		t.Helper()
		got, err := shared.admin.models.Create(t.Context(), obj, metav1.CreateOptions{DryRun: dryRunAll})
		must(t, err)
		return got.Status.Plan
	}
	place := func(model *modelv1alpha1.Model) modelv1alpha1.ModelPlacement {
		t.Helper()
		found, err := shared.admin.models.Get(t.Context(), model.Name, metav1.GetOptions{})
		must(t, err)
		cluster, err := shared.admin.clusters.Get(t.Context(), big, metav1.GetOptions{})
		must(t, err)
		decided := modelv1alpha1.ModelPlacement{Cluster: big, ClusterUID: string(cluster.UID), Namespace: "kubellm-default", Product: "NVIDIA-H100", ResourceName: "nvidia.com/gpu", AcceleratorCount: 2, Replicas: 1}
		running := decided
		running.Phase, running.Reason, running.Message = modelv1alpha1.PlacementReady, modelv1alpha1.ReasonReplicasReady, "1 of 1 replicas are ready."
		running.ReadyReplicas, running.ManifestHash, running.Endpoint, running.LastTransitionTime = 1, "hash", "http://m", ptr.To(metav1.Now())
		found.Status.Placements = []modelv1alpha1.ModelPlacement{running}
		_, err = shared.controller(t).models.UpdateStatus(t.Context(), found, metav1.UpdateOptions{})
		must(t, err)
		return decided
	}
	decided := place(m)
	if second := plan(twoGPUs(fleet)); len(second.Placements) != 1 || second.Placements[0].Cluster != big {
		t.Errorf("two of four accelerators are reserved, but the plan is %+v: %s", second.Placements, second.Message)
	}
	other, err := shared.admin.models.Create(t.Context(), twoGPUs(fleet), metav1.CreateOptions{})
	must(t, err)
	place(other)
	if third := plan(twoGPUs(fleet)); len(third.Placements) != 0 || !strings.Contains(third.Message, big) {
		t.Errorf("all accelerators are reserved, but the plan is %+v: %s", third.Placements, third.Message)
	}
	for _, test := range []struct {
		why, patch string
		want       []modelv1alpha1.ModelPlacement
		says       string
	}{
		{"a placed model does not move, and how it runs now is no plan; its pods get another argument", `{"spec":{"engine":{"contextLength":65536}}}`, []modelv1alpha1.ModelPlacement{decided}, "the replicas on " + big + " are replaced, one after the other"},
		{"nothing that is to be replaced goes on meanwhile", `{"spec":{"engine":{"contextLength":65536},"rollout":{"type":"Recreate"}}}`, []modelv1alpha1.ModelPlacement{decided}, "the replicas on " + big + " are replaced, all at once"},
		{"what is done at the end replaces nothing now", `{"spec":{"deletionPolicy":"Orphan"}}`, []modelv1alpha1.ModelPlacement{decided}, "what runs stays, and no replica is replaced"},
		{"one more of the same", `{"spec":{"scaling":{"replicas":2}}}`, []modelv1alpha1.ModelPlacement{decided}, "room for 0 of 1 additional replicas"},
		{"a model that is suspended keeps its place", `{"spec":{"suspended":true}}`, []modelv1alpha1.ModelPlacement{resized(decided, 0)}, "is resized on " + big},
		{"a Cluster that is not selected any more is left", `{"spec":{"placement":{"clusterSelector":{"matchLabels":{"fleet":"none"}}}}}`, nil, "leaves " + big},
	} {
		patched, err := shared.admin.models.Patch(t.Context(), m.Name, types.MergePatchType, []byte(test.patch), metav1.PatchOptions{DryRun: dryRunAll})
		must(t, err)
		if got := patched.Status.Plan; !slices.Equal(got.Placements, test.want) || !strings.Contains(got.Message, test.says) {
			t.Errorf("%s: the plan is %+v, want %+v; it says %q, want %q", test.why, got.Placements, test.want, got.Message, test.says)
		}
	}
}

func resized(p modelv1alpha1.ModelPlacement, replicas int32) modelv1alpha1.ModelPlacement {
	p.Replicas = replicas
	return p
}

// TestPlanIsWithheld 保证看不到集群的人，不能靠干跑看到它们；他的干跑照样成功。
func TestPlanIsWithheld(t *testing.T) {
	t.Parallel()
	fleet := unique("fleet")
	big, _ := shared.fleet(t, fleet)
	author, _ := shared.limited(t, modelRule([]string{"models"}, []string{"get", "create", "update", "patch"}))
	got, err := author.models.Create(t.Context(), twoGPUs(fleet), metav1.CreateOptions{DryRun: dryRunAll})
	must(t, err)
	plan := got.Status.Plan
	if plan == nil || len(plan.Placements)+len(plan.RejectedClusters)+len(plan.Manifests) != 0 || strings.Contains(plan.Message, big) {
		t.Errorf("the plan is %+v", plan)
	}
	if plan != nil && !strings.Contains(plan.Message, "clusters.cluster.kubellm.io") {
		t.Errorf("the plan does not say which right is missing: %s", plan.Message)
	}
}

// TestPlanHoldsNoSecret 保证交来的令牌不出现在计划里。
func TestPlanHoldsNoSecret(t *testing.T) {
	t.Parallel()
	fleet := unique("fleet")
	shared.fleet(t, fleet)
	m, err := shared.admin.models.Create(t.Context(), twoGPUs(fleet), metav1.CreateOptions{})
	must(t, err)
	const token = "hf_t0ken-not-in-a-plan"
	_, err = shared.admin.models.CreateCredentials(t.Context(), m.Name, &modelv1alpha1.ModelCredentials{Spec: modelv1alpha1.ModelCredentialsSpec{Data: map[string][]byte{"token": []byte(token)}}}, metav1.CreateOptions{})
	must(t, err)
	out, err := harness.Kubectl(t.Context(), shared.Kubeconfig, `{"spec":{"engine":{"contextLength":4096}}}`, "patch", "model", m.Name, "--type=merge", "--patch-file=/dev/stdin", "--dry-run=server", "-o", "yaml")
	must(t, err)
	if !strings.Contains(out, "HF_TOKEN") || strings.Contains(out, token) || strings.Contains(out, "aGZfdDBrZW4") {
		t.Errorf("the plan shows the token, or does not show that there is one:\n%s", out)
	}
}
