package provider

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// askedModel 是只问不写的数据源，输出它的答案；时刻每次都变，不输出。
func askedModel(name string, rest ...string) string {
	return fmt.Sprintf("data \"kubellm_model_plan\" \"it\" {\n  namespace = \"default\"\n  name = %q\n%s\n}\n", name, strings.Join(rest, "\n")) + `
output "placements" {
  value = data.kubellm_model_plan.it.placements
}
output "rejected" {
  value = data.kubellm_model_plan.it.rejected_clusters
}
output "manifests" {
  value = data.kubellm_model_plan.it.manifests
}
`
}

// plannedOutputs 是计划文件里的输出：策略看到的就是它。
type plannedOutputs struct {
	Planned struct {
		Outputs struct {
			Placements struct {
				Value []struct {
					Cluster, Product string
					Replicas         int
				}
			}
			Rejected struct {
				Value []struct{ Cluster, Reason, Message string }
			}
			Manifests struct{ Value map[string]string }
		}
	} `json:"planned_values"`
}

func (w *workspace) plannedOutputs(t *testing.T) plannedOutputs {
	t.Helper()
	w.succeed(t, "plan", "-out=saved")
	var out plannedOutputs
	if err := json.Unmarshal([]byte(w.succeed(t, "show", "-json", "saved")), &out); err != nil {
		t.Fatalf("read the saved plan: %v", err)
	}
	return out
}

// modelAsked 只问不写：放在哪里、放不下的理由与清单都在计划文件里，平台上什么也没多；
// 问一个已有的，说的是它改了会怎样，而它没有变，也没有换主人；平台不收的内容指到写它的那一行。
func (f *fleet) modelAsked(t *testing.T) {
	const product, two = `resources = { accelerator = { count = 2, products = ["NVIDIA-H100-80GB-HBM3"] } }`, "scaling = { replicas = 2 }"
	name := unique("asked")
	w := newUserWorkspace(t, f.platform.Kubeconfig)
	w.write(t, "main.tf", askedModel(name, aSource, anEngine, product, two))
	answer := w.plannedOutputs(t).Planned.Outputs
	if p := answer.Placements.Value; len(p) != 1 || p[0].Cluster != "gpu-east" || p[0].Product != "NVIDIA-H100-80GB-HBM3" || p[0].Replicas != 2 {
		t.Errorf("the plan file has the placements %+v, want 2 replicas on gpu-east", p)
	}
	if yaml := answer.Manifests.Value["gpu-east"]; !strings.Contains(yaml, "kind: Deployment") || !strings.Contains(yaml, "name: "+name) {
		t.Errorf("the plan file has the manifests %q, want the Deployment of %s", yaml, name)
	}
	w.write(t, "main.tf", askedModel(name, aSource, anEngine, `resources = { accelerator = { count = 64 } }`))
	answer = w.plannedOutputs(t).Planned.Outputs
	if r := answer.Rejected.Value; len(answer.Placements.Value) != 0 || len(r) != 1 || r[0].Cluster != "gpu-east" || r[0].Reason == "" || r[0].Message == "" {
		t.Errorf("the plan file says %+v of a model that fits nowhere, want gpu-east with a reason", answer)
	}
	if out := f.kubectl(t, "", "get", "models", name, "--ignore-not-found", "-o", "name"); out != "" {
		t.Fatalf("asking made %s", out)
	}

	made := newUserWorkspace(t, f.platform.Kubeconfig)
	made.write(t, "main.tf", modelBlock(name, aSource, anEngine, product))
	made.apply(t)
	before := f.model(t, name)
	w.write(t, "main.tf", askedModel(name, aSource, anEngine, product))
	answer = w.plannedOutputs(t).Planned.Outputs
	if p := answer.Placements.Value; len(p) != 1 || p[0].Cluster != "gpu-east" || p[0].Replicas != 1 || !strings.Contains(answer.Manifests.Value["gpu-east"], "name: "+name) {
		t.Errorf("asked about a model as it stands, the answer is %+v, want where it is, with what stands there", answer)
	}
	w.write(t, "main.tf", askedModel(name, aSource, anEngine, product, two))
	answer = w.plannedOutputs(t).Planned.Outputs
	if p := answer.Placements.Value; len(p) != 1 || p[0].Replicas != 2 {
		t.Errorf("asked about a model that stands, the answer is %+v, want 2 replicas", p)
	}
	w.write(t, "main.tf", askedModel(name, aSource, `engine = { type = "SGLang" }`, product))
	contains(t, "another engine replaces the model, and asking does not stand in the way", w.succeed(t, "plan"), "is not known", "would be replaced", "spec.engine.type")
	after := f.model(t, name)
	if after.Generation != before.Generation || after.Annotations["kubellm.io/owner"] != before.Annotations["kubellm.io/owner"] {
		t.Error("asking changed the model or its holder")
	}
	made.emptyPlan(t, "asking changes nothing for who manages it")
	made.destroy(t)

	f.kubectl(t, fmt.Sprintf(`{"apiVersion": "model.kubellm.io/v1alpha1", "kind": "Model", "metadata": {"name": %q},
"spec": {"source": {"pvc": {"claimName": "a"}}, "engine": {"type": "VLLM"}, "suspended": true}}`, name), "apply", "-f", "-")
	w.refuse(t, "nobody holds it", []string{"plan"}, "Cannot plan the model", "Import it first")
	f.kubectl(t, "", "delete", "models", name)
	w.write(t, "main.tf", askedModel(name, aSource, anEngine, "cache = { size = \"1Gi\", access_mode = \"ReadWriteOnce\" }", two))
	w.refuse(t, "what the platform refuses is refused here too", []string{"plan"}, "cache = {", "ReadWriteOnce")
}
