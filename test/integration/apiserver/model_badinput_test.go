package apiserver

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// modelYAML 是一份模型的清单，spec 写成一行。
func modelYAML(name, spec string) string {
	return fmt.Sprintf("apiVersion: model.kubellm.io/v1alpha1\nkind: Model\nmetadata: {name: %s, namespace: default}\nspec: {%s}\n", name, spec)
}

const goodSpec = "source: {huggingFace: {repo: a/b}}, engine: {type: VLLM}"

// TestBadModelsByKubectl 保证用 kubectl 的人看得懂自己错在哪个字段、怎么改，而且什么也没存下；三种写法都一样。
func TestBadModelsByKubectl(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		reason, name, spec string
		says               []string
	}{
		"two-sources":    {"which of them?", "", "source: {huggingFace: {repo: a/b}, pvc: {claimName: a}}, engine: {type: VLLM}", []string{"spec.source", "exactly one of huggingFace, oci, s3 and pvc"}},
		"no-source":      {"from where?", "", "engine: {type: VLLM}", []string{"spec.source", "exactly one of huggingFace, oci, s3 and pvc"}},
		"rwo-spread":     {"the second replica would wait for good", "", goodSpec + ", cache: {size: 1Gi, accessMode: ReadWriteOnce}, scaling: {replicas: 2}", []string{"spec.cache.accessMode", "spec.scaling.replicas is 2", "ReadWriteMany"}},
		"rwo-surge":      {"so would one more during a rollout", "", goodSpec + ", cache: {size: 1Gi, accessMode: ReadWriteOnce}, rollout: {maxSurge: 1}", []string{"spec.cache.accessMode", "spec.rollout.maxSurge is 1"}},
		"kserve":         {"KServe does not run it", "", "source: {huggingFace: {repo: a/b, file: a.gguf}}, engine: {type: LlamaCpp, delivery: KServe}", []string{"spec.engine.delivery", "Deployment"}},
		"long-name":      {"names on the members are made from it", strings.Repeat("a", 41), goodSpec, []string{"metadata.name", "at most 40 characters", "it has 41"}},
		"dotted-name":    {"a Service bears it", "a.b", goodSpec, []string{"metadata.name", "a.b"}},
		"argument":       {"the platform would look elsewhere", "", "source: {huggingFace: {repo: a/b}}, engine: {type: VLLM, args: ['--seed=1', '--port=9000']}", []string{"spec.engine.args[1]", "--port"}},
		"abbreviated":    {"argparse takes it for --port", "", "source: {huggingFace: {repo: a/b}}, engine: {type: VLLM, args: ['--por=9000']}", []string{"spec.engine.args[0]", "--port"}},
		"negative":       {"less than none", "", goodSpec + ", scaling: {replicas: -1}", []string{"spec.scaling.replicas", "between 0 and 1000"}},
		"beyond-int32":   {"no such number of replicas", "", goodSpec + ", scaling: {replicas: 4294967297}", []string{"replicas", "4294967297"}},
		"not-a-quantity": {"an amount is a number with a unit", "", goodSpec + ", resources: {memory: much}", []string{"quantities must match"}},
		"unknown-field":  {"a slip would be lost unseen", "", goodSpec + ", scalling: {replicas: 2}", []string{"spec.scalling"}},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.name == "" {
				tc.name = unique("bad")
			}
			manifest := modelYAML(tc.name, tc.spec)
			for _, args := range [][]string{{"create"}, {"apply"}, {"apply", "--server-side"}, {"apply", "--dry-run=server"}} {
				_, err := harness.Kubectl(t.Context(), shared.Kubeconfig, manifest, append(args, "-f", "-")...)
				if err == nil {
					t.Fatalf("%s: kubectl %v accepted it", tc.reason, args)
				}
				contains(t, strings.Join(args, " "), err.Error(), tc.says...)
			}
			absent(t, shared, models, tc.name)
		})
	}
}

// TestFixedFieldsByKubectl 保证换不得的字段，kubectl 说得出原来是什么、该怎么办；存着的一点没变。
func TestFixedFieldsByKubectl(t *testing.T) {
	t.Parallel()
	name := unique("fixed")
	spec := "source: {huggingFace: {repo: a/b}}, engine: {type: VLLM, delivery: Deployment}, servedName: a, cache: {size: 2Gi, storageClassName: fast}"
	kubectl(t, modelYAML(name, spec), "apply", "--server-side", "-f", "-")
	before := models.get(t, shared, name)
	for field, tc := range map[string]struct{ was, is, instead string }{
		"spec.engine.type":            {"type: VLLM", "type: SGLang", "delete the model and create another"},
		"spec.engine.delivery":        {"delivery: Deployment", "delivery: KServe", "delete the model and create another"},
		"spec.servedName":             {"servedName: a", "servedName: b", "delete the model and create another"},
		"spec.cache.storageClassName": {"storageClassName: fast", "storageClassName: slow", "remove spec.cache first"},
		"spec.cache.size":             {"size: 2Gi", "size: 1Gi", "remove spec.cache first"},
	} {
		_, err := harness.Kubectl(t.Context(), shared.Kubeconfig, modelYAML(name, strings.Replace(spec, tc.was, tc.is, 1)), "apply", "--server-side", "-f", "-")
		if err == nil {
			t.Errorf("changing %s was accepted", field)
			continue
		}
		contains(t, field, err.Error(), field, tc.instead)
		unchanged(t, shared, models, before)
	}
}

// TestAcceptedModelsSayWhatIsMissing 保证此刻还满足不了的模型收得下，条件与 kubectl describe 说得出缺什么；
// 缺的一有，不用再动模型就放得下。
func TestAcceptedModelsSayWhatIsMissing(t *testing.T) {
	t.Parallel()
	p := start(t, harness.PlatformOptions{})
	harness.NewController(t, harness.ManagerOptions{Kubeconfig: p.ControllerKubeconfig})
	member := harness.NewMember(t, harness.MemberOptions{ControlPlaneOnly: true})
	gpus := harness.GPUNodes{Prefix: "h100", Count: 1, Product: "NVIDIA-H100", MemoryMiB: 81559, GPUs: 8}
	must(t, member.AddGPUNodes(t.Context(), gpus))
	_, err := p.admin.clusters.Create(t.Context(), &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "gpu-a"}}, metav1.CreateOptions{})
	must(t, err)
	p.handIn(t, "gpu-a", harness.MemberKubeconfig(t, member, harness.Identity{User: "kubellm", Groups: []string{masters}}, time.Hour))

	cases := map[string]struct {
		reason, spec, condition string
		facts                   []string
	}{
		"product":  {"no cluster has such accelerators", "resources: {accelerator: {products: [NVIDIA-X9000]}}", modelv1alpha1.ReasonNoClusterFits, []string{"0 of 1 clusters fit", "gpu-a", "NVIDIA-X9000"}},
		"selector": {"the selector matches nothing", "placement: {clusterSelector: {matchLabels: {region: mars}}}", modelv1alpha1.ReasonNoClusterSelected, []string{"clusterSelector", "region=mars"}},
		"names":    {"the named cluster does not exist", "placement: {clusterNames: [gpu-b]}", modelv1alpha1.ReasonNoClusterSelected, []string{"clusterNames", "gpu-b"}},
	}
	for name, tc := range cases {
		out := harness.MustKubectl(t, p.Kubeconfig, modelYAML(name, goodSpec+", "+tc.spec), "apply", "-f", "-")
		contains(t, tc.reason, out, "created")
	}
	for name, tc := range cases {
		harness.Eventually(t, tc.reason, patience, func(ctx context.Context) error {
			return p.says(ctx, name, metav1.ConditionFalse, tc.condition, tc.facts...)
		})
		described := harness.MustKubectl(t, p.Kubeconfig, "", "describe", "model", name)
		contains(t, tc.reason, described, append([]string{tc.condition}, tc.facts...)...)
	}

	harness.MustKubectl(t, p.Kubeconfig, "", "label", "cluster", "gpu-a", "region=mars")
	gpus.Prefix, gpus.Product = "x9000", "NVIDIA-X9000"
	must(t, member.AddGPUNodes(t.Context(), gpus))
	for _, name := range []string{"selector", "product"} {
		harness.Eventually(t, name+" to be placed", patience, func(ctx context.Context) error {
			return p.says(ctx, name, metav1.ConditionTrue, modelv1alpha1.ReasonScheduled)
		})
	}
}

// says 看模型的 Scheduled 条件说的是不是这些，而 Ready 跟着它。
func (p *platform) says(ctx context.Context, name string, status metav1.ConditionStatus, reason string, facts ...string) error {
	m, err := p.admin.models.Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	scheduled, ready := meta.FindStatusCondition(m.Status.Conditions, modelv1alpha1.ConditionScheduled), meta.FindStatusCondition(m.Status.Conditions, modelv1alpha1.ConditionReady)
	switch {
	case scheduled == nil || ready == nil:
		return fmt.Errorf("the conditions are %+v", m.Status.Conditions)
	case scheduled.Status != status || scheduled.Reason != reason || scheduled.ObservedGeneration != m.Generation:
		return fmt.Errorf("Scheduled is %+v", *scheduled)
	case status == metav1.ConditionFalse && (ready.Status != status || ready.Reason != reason):
		return fmt.Errorf("Ready is %+v", *ready)
	}
	for _, fact := range facts {
		if !strings.Contains(scheduled.Message, fact) {
			return fmt.Errorf("the message lacks %q: %s", fact, scheduled.Message)
		}
	}
	return nil
}
