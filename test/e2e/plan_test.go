package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// TestModelPlanIsApplied 干跑给人看的清单，就是接着放到成员上的；它什么也不存、不占，里面没有凭据，说得出是哪一刻的。
func TestModelPlanIsApplied(t *testing.T) {
	register(t, "planned", env.beta, clusterv1alpha1.DeletionOrphan)
	p := &planned{t: t, name: "shown", spec: `"source":{"huggingFace":{"repo":"meta/gated"}},"engine":{"type":"VLLM","image":"example.org/vllm:1"%s},
"resources":{"accelerator":{"count":3}},"placement":{"clusterNames":["planned"]}`}
	first, again := p.dryRun(""), p.dryRun("")
	if len(first.Placements) != 1 || len(again.Placements) != 1 {
		t.Fatalf("three of four accelerators are planned twice, which a dry run that reserves could not: %s; %s", first.Message, again.Message)
	}
	if age := time.Since(first.Time.Time); age < -time.Minute || age > time.Minute {
		t.Errorf("the plan is as of %s", first.Time)
	}
	if _, err := models(t).ModelV1alpha1().Models(team).Get(t.Context(), p.name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("a dry run was stored: %v", err)
	}
	deploySpec(t, p.name, fmt.Sprintf(p.spec, ""))
	m := awaitModel(t, p.name, "serving", promptly, serves("planned"))
	p.isThere(first, m)

	const token = "hf_not_in_a_plan_0123456789"
	(&carrying{name: p.name}).handIn(t, token)
	change := `,"args":["--seed=1"],"env":[{"name":"COLOUR","value":"blue"}]`
	plan := p.dryRun(change)
	if text := plan.Manifests[0].YAML; !strings.Contains(text, "--seed=1") || !strings.Contains(text, "kind: Secret") || strings.Contains(text, "\ndata:") || strings.Contains(text, token) {
		t.Errorf("the plan must show what is changed, and that there is a Secret, but not what it holds:\n%s", text)
	}
	harness.MustKubectl(t, env.platform.Kubeconfig, specManifest(p.name, fmt.Sprintf(p.spec, change)), "apply", "--server-side", "-f", "-")
	p.isThere(plan, awaitModel(t, p.name, "serving as changed", promptly, serves("planned")))

	harness.MustKubectl(t, env.platform.Kubeconfig, "", "wait", "--for=condition=Ready", "--timeout=2m", "model/"+p.name, "-n", team)
	explained := harness.MustKubectl(t, env.platform.Kubeconfig, "", "explain", "model.spec", "--recursive")
	for _, field := range []string{"clusterSelector", "tokenSecretRef", "maxUnavailable", "targetRequestsPerReplica"} {
		if !strings.Contains(explained, field) {
			t.Errorf("kubectl explain does not know %s:\n%s", field, explained)
		}
	}
}

// planned 是要与成员相比的计划。
type planned struct {
	t    *testing.T
	name string
	// spec 里的 %s 是引擎的另外几个字段。
	spec string
}

func (p *planned) dryRun(engine string) *v1alpha1.Plan {
	p.t.Helper()
	out := harness.MustKubectl(p.t, env.platform.Kubeconfig, specManifest(p.name, fmt.Sprintf(p.spec, engine)), "apply", "--server-side", "--dry-run=server", "-o", "json", "-f", "-")
	answer := &v1alpha1.Model{}
	if err := json.Unmarshal([]byte(out), answer); err != nil || answer.Status.Plan == nil {
		p.t.Fatalf("the answer to the dry run has no plan: %v", err)
	}
	return answer.Status.Plan
}

// isThere 要求成员上有计划里的每一个对象，写着的字段一个不差；成员自己补的与凭据的内容不算。
func (p *planned) isThere(plan *v1alpha1.Plan, m *v1alpha1.Model) {
	p.t.Helper()
	client, err := dynamic.NewForConfig(env.beta.Config())
	if err != nil {
		p.t.Fatal(err)
	}
	documents := strings.Split(plan.Manifests[0].YAML, "---\n")
	if len(documents) < 3 {
		p.t.Errorf("a Namespace, a Deployment and a Service are wanted:\n%s", plan.Manifests[0].YAML)
	}
	for _, document := range documents {
		want := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(document), &want.Object); err != nil {
			p.t.Fatal(err)
		}
		resource := schema.GroupVersionResource{Group: want.GroupVersionKind().Group, Version: want.GroupVersionKind().Version, Resource: strings.ToLower(want.GetKind()) + "s"}
		var objects dynamic.ResourceInterface = client.Resource(resource)
		if want.GetNamespace() != "" {
			objects = client.Resource(resource).Namespace(want.GetNamespace())
		}
		there, err := objects.Get(p.t.Context(), want.GetName(), metav1.GetOptions{})
		if err != nil {
			p.t.Errorf("planned, but not on the member: %v", err)
			continue
		}
		if want.GetKind() == "Namespace" {
			continue // 已经有了的不动：别的测试可能早就让平台造了它。
		}
		if path := differs(p.known(want.Object, m), there.Object, ""); path != "" {
			p.t.Errorf("%s %s on the member is not as planned at %s", want.GetKind(), want.GetName(), path)
		}
	}
}

// known 换上计划那时还不知道的：建起来之前没有 UID。
func (p *planned) known(object map[string]any, m *v1alpha1.Model) map[string]any {
	for key, value := range object {
		switch value := value.(type) {
		case map[string]any:
			object[key] = p.known(value, m)
		case string:
			if key == v1alpha1.LabelModelUID {
				object[key] = string(m.UID)
			}
		}
	}
	return object
}

// differs 是 there 里第一处与 want 写着的不同的地方；空表示都一样。
func differs(want, there any, path string) string {
	switch want := want.(type) {
	case map[string]any:
		for key, value := range want {
			in, ok := there.(map[string]any)
			if !ok {
				return path
			}
			if at := differs(value, in[key], path+"."+key); at != "" {
				return at
			}
		}
		return ""
	case []any:
		in, ok := there.([]any)
		if !ok || len(in) != len(want) {
			return path
		}
		for i := range want {
			if at := differs(want[i], in[i], fmt.Sprintf("%s[%d]", path, i)); at != "" {
				return at
			}
		}
		return ""
	}
	if fmt.Sprint(want) != fmt.Sprint(there) {
		return fmt.Sprintf("%s: %v, want %v", path, there, want)
	}
	return ""
}
