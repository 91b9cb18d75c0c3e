package provider

import (
	"fmt"
	"strings"
	"testing"
)

// TestModelPlan 计划里看得到平台的打算；写入之后照原样留着，直到模型再变；平台不收的内容在计划时就是错误。
func TestModelPlan(t *testing.T) {
	name := unique("planned")
	block := func(body string) string {
		return lives["kubellm_model"].config("kubellm_model", name, lives["kubellm_model"].bare+body)
	}
	const output = "output \"plan\" {\n  value = kubellm_model.it.plan\n}\n"
	w := newWorkspace(t)
	w.write(t, "main.tf", block("")+output)
	contains(t, "the plan tells what would be done", w.succeed(t, "plan"), "What the platform would do", "default/"+name, "As of ")
	w.apply(t)
	said := w.succeed(t, "output", "-raw", "plan")
	if !strings.HasPrefix(said, "As of ") {
		t.Errorf("the state keeps %q instead of what the platform said", said)
	}
	w.emptyPlan(t, "what the platform would do does not keep a second plan from being empty")
	w.write(t, "main.tf", block("\n  timeouts = { delete = \"5m\" }")+output)
	w.apply(t)
	if again := w.succeed(t, "output", "-raw", "plan"); again != said {
		t.Errorf("nothing of the model changed, but the plan kept became %q, was %q", again, said)
	}
	w.write(t, "main.tf", block("\n  timeouts = { delete = \"300s\" }")+output)
	w.emptyPlan(t, "as long, written in another way")
	w.write(t, "main.tf", block("\n  labels = { team = \"search\" }")+output)
	w.apply(t)
	if again := w.succeed(t, "output", "-raw", "plan"); again != said {
		t.Errorf("a label moves nothing, but the plan kept became %q, was %q", again, said)
	}
	w.write(t, "main.tf", block("\n  cache = { size = \"1Gi\", access_mode = \"ReadWriteOnce\" }\n  scaling = { replicas = 2 }"))
	w.refuse(t, "what the platform refuses is refused at plan", []string{"plan"}, "ReadWriteOnce", "Nothing was changed")
	w.write(t, "main.tf", block(""))
	w.destroy(t)
	absent(t, "after destroy it is gone", "models", name)
}

// TestModelPlanTakenName 名字被占着的，计划就说归谁、怎么接管，而不是哪个字段管理者；apply 照样拒绝。
func TestModelPlanTakenName(t *testing.T) {
	cases := map[string]struct{ reason, annotations, holder string }{
		"Marked":   {"another toolchain manages it", `{"kubellm.io/owner": "crossplane/somebody"}`, "crossplane/somebody"},
		"Unmarked": {"somebody made it with kubectl", `{}`, "kubectl"},
	}
	for label, c := range cases {
		t.Run(label, func(t *testing.T) {
			name := unique("taken")
			kubectl(t, "apply", "--server-side", "--field-manager=kubectl", "-f", tempFile(t, "model.json", fmt.Sprintf(
				`{"apiVersion": "model.kubellm.io/v1alpha1", "kind": "Model", "metadata": {"name": %q, "namespace": "default", "annotations": %s},
"spec": {"source": {"pvc": {"claimName": "a"}}, "engine": {"type": "SGLang"}, "suspended": true}}`, name, c.annotations)))
			t.Cleanup(func() { cleanup(t, "models", name) })
			w := newUserWorkspace(t, platform.Kubeconfig)
			w.write(t, "main.tf", modelBlock(name, aSource, anEngine, "suspended = true"))
			facts := []string{"is held by", c.holder, "import {", "default/" + name}
			contains(t, c.reason+", the plan says so", w.succeed(t, "plan"), append([]string{"exists already", "1 to add"}, facts...)...)
			w.refuse(t, c.reason, []string{"apply", "-auto-approve"}, append([]string{"Cannot create the model"}, facts...)...)
		})
	}
}
