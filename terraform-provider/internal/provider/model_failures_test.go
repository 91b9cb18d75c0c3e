package provider

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kubellm/kubellm/test/harness"
)

const (
	aSource  = `source = { hugging_face = { repo = "Qwen/Qwen3-8B" } }`
	anEngine = `engine = { type = "VLLM" }`
)

// modelBlock 是一个模型；body 是除名字以外的属性。
func modelBlock(name string, body ...string) string {
	return fmt.Sprintf("resource \"kubellm_model\" \"it\" {\n  name      = %q\n  namespace = \"default\"\n  %s\n}\n", name, strings.Join(body, "\n  "))
}

// TestModelBadInput 写错的模型在计划时就被拒：指到属性，说出原因，什么也没存下。
func TestModelBadInput(t *testing.T) {
	long := strings.Repeat("a", 41)
	cases := map[string]struct {
		reason, name, body string
		facts              []string
	}{
		"TwoSources": {
			reason: "which of them?", body: `source = { hugging_face = { repo = "a/b" }, pvc = { claim_name = "models" } }` + "\n" + anEngine,
			facts: []string{"source = {", "source takes exactly one of hugging_face, oci, s3 and pvc, and has hugging_face and pvc."},
		},
		"NoSource": {
			reason: "from where?", body: "source = {}\n" + anEngine,
			facts: []string{"source = {", "source takes exactly one of hugging_face, oci, s3 and pvc, and has none of them."},
		},
		"NoAdapterSource": {
			reason: "from where?", body: aSource + "\n" + anEngine + "\n" + `adapters = [{ name = "a", source = {} }]`,
			facts: []string{"adapters[0].source takes exactly one of hugging_face, oci and pvc, and has none of them."},
		},
		"ReadWriteOnceSpread": {
			reason: "the second replica would wait for its volume for good", facts: []string{"cache = {", "ReadWriteMany", "spec.cache.accessMode", "Nothing was changed"},
			body: aSource + "\n" + anEngine + "\n" + `cache = { size = "1Gi", access_mode = "ReadWriteOnce" }` + "\nscaling = { replicas = 2 }",
		},
		"LlamaCppKServe": {
			reason: "KServe does not run it", facts: []string{"engine = {", "spec.engine.delivery", "Deployment", "Nothing was changed"},
			body: `source = { hugging_face = { repo = "a/b", file = "a.gguf" } }` + "\n" + `engine = { type = "LlamaCpp", delivery = "KServe" }`,
		},
		"NameTooLong": {
			reason: "the names on the members are made from it", name: long, body: aSource + "\n" + anEngine,
			facts: []string{long, "40 characters"},
		},
		"NameWithDot": {
			reason: "no Service may be called that", name: "qwen2.5", body: aSource + "\n" + anEngine,
			facts: []string{"name      = \"qwen2.5\"", "Malformed name", "DNS-1035"},
		},
		"NoQuantity": {
			reason: "nested values are named, because Terraform points at the resource", body: aSource + "\n" + anEngine + "\n" + `resources = { memory = "64GB" }`,
			facts: []string{"resources.memory", "64GB", "no quantity"},
		},
		"NamedTwice": {
			reason: "nested lists are named too", body: aSource + "\n" + anEngine + "\n" + `placement = { cluster_names = ["a", "a"] }`,
			facts: []string{"placement.cluster_names", "duplicate"},
		},
		"ScaledToNothing": {
			reason: "nothing would wake it", body: aSource + "\n" + anEngine + "\nscaling = { autoscaling = { min_replicas = 0, max_replicas = 2 } }",
			facts: []string{"scaling.autoscaling.min_replicas", "between 1 and 1000"},
		},
		"CollidingArgs": {
			reason: "the platform would look for it elsewhere", body: aSource + "\n" + `engine = { type = "VLLM", args = ["--seed=1", "--port=9000"] }`,
			facts: []string{"engine = {", "spec.engine.args[1]", "--port", "the Service and the probes need", "Nothing was changed"},
		},
		"NegativeReplicas": {
			reason: "there are no negative replicas", body: aSource + "\n" + anEngine + "\nscaling = { replicas = -1 }",
			facts: []string{"scaling", "replicas", "-1"},
		},
		"ShrinkingRange": {
			reason: "the lower bound is above the upper one", body: aSource + "\n" + anEngine + "\nscaling = { autoscaling = { min_replicas = 3, max_replicas = 2 } }",
			facts: []string{"scaling = {", "spec.scaling.autoscaling.minReplicas", "maxReplicas"},
		},
	}
	for label, c := range cases {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			name := c.name
			if name == "" {
				name = unique("bad")
			}
			w := newUserWorkspace(t, platform.Kubeconfig)
			w.write(t, "main.tf", modelBlock(name, c.body))
			w.refuse(t, c.reason, []string{"plan"}, c.facts...)
			w.refuse(t, c.reason, []string{"apply", "-auto-approve"}, c.facts...)
			absent(t, c.reason, "models", name)
			if got := w.addresses(t); len(got) != 0 {
				t.Errorf("%s: the state has %v", c.reason, got)
			}
		})
	}
}

// TestModelReplaced 改了换不得的，计划说的是替换，而不是平台的拒绝；没写与写明默认值是一回事，不替换。
func TestModelReplaced(t *testing.T) {
	name := unique("replaced")
	w := newUserWorkspace(t, platform.Kubeconfig)
	const parked = "suspended = true"
	w.write(t, "main.tf", modelBlock(name, aSource, anEngine, parked))
	w.apply(t)
	first := read(t, "models", name)
	for attribute, body := range map[string][]string{
		"type":        {aSource, `engine = { type = "SGLang" }`, parked},
		"delivery":    {aSource, `engine = { type = "VLLM", delivery = "KServe" }`, parked},
		"served_name": {aSource, anEngine, parked, `served_name = "another"`},
	} {
		w.write(t, "main.tf", modelBlock(name, body...))
		contains(t, "the plan says that it replaces, and because of which attribute", w.changes(t), "must be replaced", attribute, "forces replacement", "1 to add, 0 to change, 1 to destroy")
	}
	for _, body := range [][]string{
		{aSource, `engine = { type = "VLLM", delivery = "Deployment" }`, parked, fmt.Sprintf("served_name = %q", name)},
		{aSource, anEngine, parked},
	} {
		w.write(t, "main.tf", modelBlock(name, body...))
		contains(t, "writing the defaults out, or no longer, replaces nothing", w.changes(t), "0 to add, 1 to change, 0 to destroy")
		w.apply(t)
		w.emptyPlan(t, "and then nothing is left to do")
		if now := read(t, "models", name); now.Metadata.UID != first.Metadata.UID {
			t.Error("writing the defaults out made the model anew")
		}
	}

	w.write(t, "main.tf", modelBlock(name, aSource, `engine = { type = "SGLang" }`, parked))
	w.apply(t)
	if second := read(t, "models", name); second.Metadata.UID == first.Metadata.UID || second.Spec["engine"].(map[string]any)["type"] != "SGLang" {
		t.Errorf("after the replacement the model is %s with %v", second.Metadata.UID, second.Spec["engine"])
	}
	w.emptyPlan(t, "after the replacement, the plan is empty")

	withCache := func(class string) string {
		return modelBlock(name, aSource, `engine = { type = "SGLang" }`, parked, fmt.Sprintf("cache = { size = \"1Gi\", storage_class_name = %q }", class))
	}
	w.write(t, "main.tf", withCache("fast"))
	w.apply(t)
	w.write(t, "main.tf", withCache("slow"))
	w.refuse(t, "what can neither be changed nor replaced: the plan says what to do", []string{"plan"}, "storageClassName", "cannot be changed", "remove spec.cache first", "Nothing was changed")
	w.write(t, "main.tf", withCache("fast"))
	w.destroy(t)
}

// withToken 是交入令牌的模型；暂停着，不必等它就绪。
func withToken(name string, more ...string) string {
	return modelBlock(name, append([]string{
		aSource, anEngine, "suspended = true",
		"credentials_wo = { token = var.token }", "credentials_wo_version = 1",
	}, more...)...) + "variable \"token\" {\n  type      = string\n  ephemeral = true\n}\n"
}

// TestModelPlanWithoutPlatform 平台停着也做得了计划：警告说出问不到打算、为什么、接下来怎样，不泄露令牌；
// 平台回来之后，那份计划照样能用。已有的模型要先刷新，刷新不了就是错误，除非人说不刷新。
func TestModelPlanWithoutPlatform(t *testing.T) {
	const token = "hf_t0ken-stays-with-me"
	own := harness.NewPlatform(t, harness.PlatformOptions{})
	name := unique("down")
	w := newUserWorkspace(t, own.Kubeconfig)
	w.env = append(w.env, "TF_VAR_token="+token)
	w.write(t, "main.tf", withToken(name))
	unknown := []string{fmt.Sprintf("The platform's plan of the model \"default/%s\" is not known", name), "connection refused", own.URL, "apply asks again", "The provider is configured by the kubeconfig"}
	if err := own.Kill(); err != nil {
		t.Fatal(err)
	}

	said := w.refuse(t, "it cannot be written, and it says why", []string{"apply", "-auto-approve"}, "Cannot create the model", "connection refused", own.URL)
	if got := w.addresses(t); len(got) != 0 {
		t.Errorf("nothing was created, but the state has %v", got)
	}
	planned := w.succeed(t, "plan", "-out=saved")
	contains(t, "the platform is down, and the plan goes on", planned, append(unknown, "1 to add")...)
	said += planned + w.succeed(t, "show", "-json", "saved")
	if err := own.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	said += w.succeed(t, "apply", "saved")
	w.emptyPlan(t, "with the platform back, that plan was carried out")

	if err := own.Kill(); err != nil {
		t.Fatal(err)
	}
	w.write(t, "main.tf", withToken(name, `resources = { cpu = "2" }`))
	said += w.refuse(t, "what is there is not known, which does not mean unchanged", []string{"plan"}, "Cannot read the model", "connection refused", own.URL)
	planned = w.succeed(t, "plan", "-refresh=false", "-out=saved")
	contains(t, "without a refresh, as asked for, a change can be planned", planned, append(unknown, "1 to change")...)
	said += planned
	if err := own.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	said += w.succeed(t, "apply", "saved")
	w.emptyPlan(t, "the change was made")
	said += w.destroy(t)
	said += contentOf(t, w.dir+"/terraform.tfstate.backup")
	if strings.Contains(said, token) {
		t.Error("the output or the state shows the token")
	}
}

// TestModelPlanWithoutRights 问不得平台的人照样做得了计划：警告说出缺哪一项权限；换有权的人，同一份配置就做成。
func TestModelPlanWithoutRights(t *testing.T) {
	const secret = "hf-of-somebody-else"
	cases := map[string]struct {
		reason, rules, body string
		facts               []string
	}{
		"Viewer": {
			reason: "who may only look may not try", rules: `[{apiGroups: [model.kubellm.io], resources: [models], verbs: [get, list, watch]}]`,
			body: aSource, facts: []string{"models", `cannot patch resource "models"`},
		},
		"NoSecret": {
			reason: "who cannot read the Secret that is named", rules: `[{apiGroups: [model.kubellm.io], resources: [models], verbs: [get, list, watch, create, patch, delete]}]`,
			body:  fmt.Sprintf(`source = { hugging_face = { repo = "a/b", token_secret_ref = { name = %q, key = "token" } } }`, secret),
			facts: []string{secret, `verb "get" on secrets`},
		},
	}
	for label, c := range cases {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			name, limited := unique("rights"), unique("limited")
			grant(t, limited, c.rules)
			w := newUserWorkspace(t, harness.KubeconfigFor(t, platform, harness.Identity{User: limited}))
			w.write(t, "main.tf", modelBlock(name, c.body, anEngine, "suspended = true"))
			contains(t, c.reason, w.succeed(t, "plan"), append([]string{"The platform's plan of the model", "is not known", limited, "1 to add", "apply asks again"}, c.facts...)...)
			w.refuse(t, c.reason, []string{"apply", "-auto-approve"}, append([]string{"Cannot create the model", limited}, c.facts...)...)
			absent(t, c.reason, "models", name)
			w.write(t, "platform.tf", providerBlock(platform.Kubeconfig))
			w.apply(t)
			w.emptyPlan(t, "somebody with the rights made it")
			w.destroy(t)
		})
	}
}

// TestModelPlanWithheld 看不得集群的人，计划里说的是缺哪一项权限，而不是有哪些集群。
func TestModelPlanWithheld(t *testing.T) {
	name, limited := unique("withheld"), unique("limited")
	grant(t, limited, `[{apiGroups: [model.kubellm.io], resources: [models], verbs: [get, list, watch, create, patch, delete]}]`)
	w := newUserWorkspace(t, harness.KubeconfigFor(t, platform, harness.Identity{User: limited}))
	w.write(t, "main.tf", modelBlock(name, aSource, anEngine, "suspended = true"))
	contains(t, "it says which right is missing", w.succeed(t, "plan"), "What the platform would do", "the plan is withheld", `verb "list" on clusters.cluster.kubellm.io`)
	w.apply(t)
	w.emptyPlan(t, "whether the plan can be seen does not matter to the write")
	w.destroy(t)
}

// grant 给一个人一组权限，测试结束时收回。
func grant(t *testing.T, user, rules string) {
	t.Helper()
	kubectl(t, "apply", "-f", tempFile(t, "rights.yaml", fmt.Sprintf(`apiVersion: iam.kubellm.io/v1alpha1
kind: Role
metadata: {name: %[1]s}
spec: {rules: %[2]s}
---
apiVersion: iam.kubellm.io/v1alpha1
kind: RoleBinding
metadata: {name: %[1]s}
spec: {roleRef: {name: %[1]s}, allNamespaces: true, subjects: [{kind: User, name: %[1]s}]}
`, user, rules)))
	t.Cleanup(func() {
		cleanup(t, "rolebindings", user)
		cleanup(t, "roles", user)
	})
}
