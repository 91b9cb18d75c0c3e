package provider

import (
	"strings"
	"testing"
)

// TestModelPlan 计划里看得到平台的打算；写入之后照原样留着，直到模型再变；平台不收的内容在计划时就是错误。
func TestModelPlan(t *testing.T) {
	name := unique("planned")
	block := func(body string) string {
		return lives["kubellm_model"].config("kubellm_model", name, lives["kubellm_model"].bare+body)
	}
	w := newWorkspace(t)
	w.write(t, "main.tf", block("")+"output \"plan\" {\n  value = kubellm_model.it.plan\n}\n")
	contains(t, "the plan tells what would be done", w.succeed(t, "plan"), "What the platform would do", "default/"+name, "As of ")
	w.apply(t)
	said := w.succeed(t, "output", "-raw", "plan")
	if !strings.HasPrefix(said, "As of ") {
		t.Errorf("the state keeps %q instead of what the platform said", said)
	}
	w.emptyPlan(t, "what the platform would do does not keep a second plan from being empty")
	w.write(t, "main.tf", block("\n  timeouts = { delete = \"5m\" }")+"output \"plan\" {\n  value = kubellm_model.it.plan\n}\n")
	w.apply(t)
	if again := w.succeed(t, "output", "-raw", "plan"); again != said {
		t.Errorf("nothing of the model changed, but the plan kept became %q, was %q", again, said)
	}
	w.write(t, "main.tf", block("\n  cache = { size = \"1Gi\", access_mode = \"ReadWriteOnce\" }\n  scaling = { replicas = 2 }"))
	w.refuse(t, "what the platform refuses is refused at plan", []string{"plan"}, "ReadWriteOnce", "Nothing was changed")
	w.write(t, "main.tf", block(""))
	w.destroy(t)
	absent(t, "after destroy it is gone", "models", name)
}
