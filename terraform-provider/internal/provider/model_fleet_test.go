package provider

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// TestModels 的各段共用一个登记好的成员，逐段进行，每段收拾好自己的。
func TestModels(t *testing.T) {
	f := newFleet(t)
	f.kubectl(t, `{"apiVersion": "cluster.kubellm.io/v1alpha1", "kind": "Cluster", "metadata": {"name": "gpu-east"}, "spec": {"heartbeat": {"intervalSeconds": 1}}}`, "apply", "-f", "-")
	f.handIn(t, "gpu-east", f.kubeconfig(t, time.Hour))
	f.kubectl(t, "", "wait", "--for=condition=Ready", "clusters/gpu-east", "--timeout=60s")
	t.Run("Asked", f.modelAsked)
	t.Run("Life", f.modelLife)
	t.Run("AcceptedAndSaid", f.modelAccepted)
	t.Run("AwaitsKey", f.modelAwaitsKey)
}

// modelOutputs 是数据源看到的，与计划时平台说过的。
const modelOutputs = `
data "kubellm_model" "it" {
  namespace  = kubellm_model.it.namespace
  name       = kubellm_model.it.name
  depends_on = [kubellm_model.it]
}

output "one" {
  value = data.kubellm_model.it
}

output "plan" {
  value = kubellm_model.it.plan
}
`

// shown 是输出里要看的几样。
type shown struct {
	One struct {
		Value struct {
			Ready      bool
			Reason     string
			Endpoint   string
			In         string `json:"endpoint_cluster"`
			ServedAs   string `json:"served_as"`
			Placements []struct{ Cluster, Product string }
			Rejected   []struct{ Cluster, Reason, Message string } `json:"rejected_clusters"`
			Conditions []struct{ Type, Status, Reason, Message string }
		}
	}
	Plan struct{ Value string }
}

func (w *workspace) shownModel(t *testing.T) shown {
	t.Helper()
	var out shown
	if err := json.Unmarshal([]byte(w.succeed(t, "output", "-json")), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// model 读出平台上的模型。
func (f *fleet) model(t *testing.T, name string) *modelv1alpha1.Model {
	t.Helper()
	out := &modelv1alpha1.Model{}
	if err := json.Unmarshal([]byte(f.kubectl(t, "", "get", "models", name, "-o", "json")), out); err != nil {
		t.Fatalf("read model %s: %v", name, err)
	}
	return out
}

// modelLife 计划说出放在哪里；apply 等到它真的就绪；第二次计划是空的；改动、换令牌、销毁都等得到；令牌始终不露面。
func (f *fleet) modelLife(t *testing.T) {
	const token = "hf_t0ken-of-the-life"
	name, log := unique("life"), filepath.Join(t.TempDir(), "trace.log")
	w := newUserWorkspace(t, f.platform.Kubeconfig)
	w.env = append(w.env, "TF_VAR_token="+token, "TF_LOG=TRACE", "TF_LOG_PATH="+log)
	config := func(version, replicas int) string {
		return modelBlock(name, aSource, anEngine, `resources = { accelerator = { count = 2, products = ["NVIDIA-H100-80GB-HBM3"] } }`,
			fmt.Sprintf("scaling = { replicas = %d }", replicas),
			"credentials_wo = { token = var.token }", fmt.Sprintf("credentials_wo_version = %d", version)) +
			"variable \"token\" {\n  type      = string\n  ephemeral = true\n}\n" + modelOutputs
	}
	var said strings.Builder
	w.write(t, "main.tf", config(1, 1))
	planned := w.succeed(t, "plan", "-out=saved")
	contains(t, "the plan says where it goes", planned, "What the platform would do", "- gpu-east: 1 replica on NVIDIA-H100-80GB-HBM3, in the namespace kubellm-default: Namespace kubellm-default", "Deployment "+name, "Service "+name)
	said.WriteString(planned + w.succeed(t, "show", "-json", "saved") + w.succeed(t, "apply", "saved"))
	first := f.readyModel(t, "when apply returns, it is ready", name, 1)
	seen := w.shownModel(t)
	if one := seen.One.Value; !one.Ready || one.Endpoint != first.Status.Endpoint || one.Endpoint == "" || one.In != "gpu-east" || one.ServedAs != name ||
		len(one.Placements) != 1 || one.Placements[0].Cluster != "gpu-east" {
		t.Errorf("the data source shows %+v", one)
	}
	if kept := seen.Plan.Value; !strings.HasPrefix(kept, "As of ") || !strings.Contains(kept, "Deployment "+name) || strings.Contains(kept, "kind: Deployment") || strings.Contains(kept, token) {
		t.Errorf("the state keeps %q of the plan, want it with the names of the objects, without manifests and token", kept)
	}
	w.emptyPlan(t, "a second plan is empty")

	w.write(t, "main.tf", config(1, 2))
	planned = w.apply(t)
	contains(t, "a change says its plan first too", planned, "- gpu-east: 2 replicas")
	if strings.Contains(planned, "apiVersion: ") {
		t.Errorf("one changed number prints old manifests:\n%s", planned)
	}
	f.readyModel(t, "a change waits until all replicas are ready", name, 2)
	w.write(t, "main.tf", config(2, 2))
	said.WriteString(planned + w.apply(t))
	if second := f.readyModel(t, "another version hands the new token in", name, 2); second.Status.CredentialsVersion == first.Status.CredentialsVersion || second.UID != first.UID {
		t.Error("the token of the new version was not handed in to the same model")
	}
	w.emptyPlan(t, "after handing in, the plan is empty")
	said.WriteString(w.destroy(t))
	if out := f.kubectl(t, "", "get", "models", name, "--ignore-not-found", "-o", "name"); out != "" {
		t.Errorf("terraform destroy returned, but %s is still there", out)
	}
	for place, text := range map[string]string{
		"the output": said.String(), "the trace log": contentOf(t, log),
		"the state": contentOf(t, filepath.Join(w.dir, "terraform.tfstate.backup")),
	} {
		if text == "" || strings.Contains(text, token) {
			t.Errorf("%s is empty or shows the token", place)
		}
	}
}

// readyModel 要求模型以当前的 spec 与最后交入的令牌就绪，返回它。
func (f *fleet) readyModel(t *testing.T, reason, name string, replicas int32) *modelv1alpha1.Model {
	t.Helper()
	m := f.model(t, name)
	ready := meta.FindStatusCondition(m.Status.Conditions, modelv1alpha1.ConditionReady)
	if ready == nil || ready.Status != metav1.ConditionTrue || ready.ObservedGeneration != m.Generation || m.Status.ReadyReplicas != replicas ||
		m.Status.ObservedCredentialsVersion != m.Status.CredentialsVersion {
		t.Fatalf("%s: model %s is not ready with %d replicas: %+v", reason, name, replicas, m.Status)
	}
	return m
}

// modelAccepted 此刻还满足不了的照样收下：计划就说出为什么放不下，apply 等不到只是警告，条件与数据源说的一样；
// 警告过的不重建，集群合适了就不再放不下。
func (f *fleet) modelAccepted(t *testing.T) {
	const brief = `timeouts = { create = "20s", update = "20s" }`
	cases := map[string]struct {
		reason, body, condition, becomes string
		facts                            []string
	}{
		"UnknownProduct": {
			reason: "there is no such accelerator yet", body: `resources = { accelerator = { products = ["NVIDIA-X9000"] } }`,
			condition: modelv1alpha1.ReasonNoClusterFits, facts: []string{"gpu-east", "NVIDIA-X9000"},
			becomes: `resources = { accelerator = { products = ["NVIDIA-H100-80GB-HBM3"] } }`,
		},
		"SelectsNothing": {
			reason: "the selector matches no cluster yet", body: `placement = { cluster_selector = { match_labels = { no = "such" } } }`,
			condition: modelv1alpha1.ReasonNoClusterSelected, facts: []string{"clusterSelector", "no=such"},
			becomes: `placement = { cluster_names = ["gpu-east"] }`,
		},
	}
	for label, c := range cases {
		t.Run(label, func(t *testing.T) {
			name := unique("accepted")
			w := newUserWorkspace(t, f.platform.Kubeconfig)
			w.write(t, "main.tf", modelBlock(name, aSource, anEngine, c.body, brief)+modelOutputs)
			contains(t, c.reason+", the plan says so", w.succeed(t, "plan"), append([]string{"What the platform would do", "1 to add"}, c.facts...)...)
			contains(t, c.reason+", not ready in time is a warning", w.apply(t), append([]string{"is not ready yet", c.condition, "Apply complete! Resources: 1 added", "timeouts"}, c.facts...)...)
			m := f.model(t, name)
			for _, kind := range []string{modelv1alpha1.ConditionScheduled, modelv1alpha1.ConditionReady} {
				condition := meta.FindStatusCondition(m.Status.Conditions, kind)
				if condition == nil || condition.Status != metav1.ConditionFalse || condition.Reason != c.condition {
					t.Errorf("%s: %s is %+v, want False for %s", c.reason, kind, condition, c.condition)
				}
			}
			if one := w.shownModel(t).One.Value; one.Ready || one.Reason != c.condition {
				t.Errorf("%s: the data source shows %+v", c.reason, one)
			}
			w.emptyPlan(t, "what was warned about is not made anew")
			w.write(t, "main.tf", modelBlock(name, aSource, anEngine, c.becomes)+modelOutputs)
			contains(t, "changed to what fits, apply waits until it is ready", w.apply(t), "1 changed")
			if now := f.readyModel(t, "changed to what fits", name, 1); now.UID != m.UID {
				t.Error("the model was made anew")
			}
			w.destroy(t)
		})
	}
}

// modelAwaitsKey Secret 还缺那个键，与还没有 Secret 一样，可能马上就来：等不到只是警告，不重建；有了就好。
func (f *fleet) modelAwaitsKey(t *testing.T) {
	name, secret := unique("awaits"), unique("tokens")
	source := fmt.Sprintf(`source = { hugging_face = { repo = "a/b", token_secret_ref = { name = %q, key = "token" } } }`, secret)
	f.kubectl(t, "", "create", "secret", "generic", secret, "--from-literal=another=x")
	w := newUserWorkspace(t, f.platform.Kubeconfig)
	w.write(t, "main.tf", modelBlock(name, source, anEngine, `timeouts = { create = "20s" }`))
	contains(t, "the key may be on its way", w.apply(t), "is not ready yet", modelv1alpha1.ReasonSecretKeyMissing, secret, "Apply complete! Resources: 1 added")
	first := f.model(t, name)
	f.kubectl(t, "", "patch", "secret", secret, "--type=merge", "-p", `{"stringData": {"token": "hf_x"}}`)
	harness.MustKubectl(t, f.platform.Kubeconfig, "", "wait", "--for=condition=Ready", "models/"+name, "--timeout=60s")
	w.emptyPlan(t, "with the key there, what was written is good")
	if f.model(t, name).UID != first.UID {
		t.Error("the model was made anew")
	}
	w.destroy(t)
	f.kubectl(t, "", "delete", "secret", secret)
}
