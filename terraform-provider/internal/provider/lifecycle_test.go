package provider

import (
	"fmt"
	"os"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"
)

// life 是一个种类的一生所需的材料；步骤对所有种类都一样。
type life struct {
	// plural 是 kubectl 用的资源名。
	plural string
	// namespaced 的对象都在 kubectl 缺省的命名空间里。
	namespaced bool
	// full 写满所有字段；less 去掉一些、改掉一些；zero 写的是空值，空值不等于没写；bare 不写任何会授权的可选字段。
	full, less, zero, bare string
	// fullSpec、lessSpec、zeroSpec、bareSpec 是平台上应有的样子。
	fullSpec, lessSpec, zeroSpec, bareSpec string
	// drift 是别人改了配置写明的字段，aside 是别人写了配置没写、也不授权的字段，widen 是别人放大了没写的授权。
	drift, aside, widen string
}

var lives = map[string]life{
	"kubellm_user": {
		plural: "users",
		full: `
			display_name = "Ada"
			email        = "ada@example.com"
			groups       = ["research", "search"]
			suspended    = false
			labels       = { team = "search", "example.com/tier" = "gold" }
			annotations  = { note = "first" }`,
		fullSpec: `{"displayName": "Ada", "email": "ada@example.com", "groups": ["research", "search"], "suspended": false}`,
		less: `
			email  = "ada@example.org"
			groups = []
			labels = { team = "research" }`,
		lessSpec: `{"email": "ada@example.org", "suspended": false}`,
		zero: `
			display_name = ""
			groups       = []
			suspended    = true
			labels       = {}
			annotations  = {}`,
		zeroSpec: `{"displayName": "", "suspended": true}`,
		bare:     ``,
		bareSpec: `{"suspended": false}`,
		drift:    `{"spec": {"email": "by-hand@example.com"}}`,
		aside:    `{"spec": {"displayName": "by hand"}, "metadata": {"labels": {"by": "hand"}}}`,
		widen:    `{"spec": {"groups": ["admins"]}}`,
	},
	"kubellm_role": {
		plural: "roles",
		full: `
			description = "Reads users."
			rules = [
				{ api_groups = ["iam.kubellm.io"], resources = ["users"], verbs = ["get", "list"] },
				{ api_groups = ["iam.kubellm.io"], resources = ["roles"], verbs = ["get"], resource_names = ["one"] },
			]
			labels      = { team = "search" }
			annotations = { note = "first" }`,
		fullSpec: `{"description": "Reads users.", "rules": [
			{"apiGroups": ["iam.kubellm.io"], "resources": ["users"], "verbs": ["get", "list"]},
			{"apiGroups": ["iam.kubellm.io"], "resources": ["roles"], "verbs": ["get"], "resourceNames": ["one"]}]}`,
		less: `
			rules  = [{ api_groups = ["iam.kubellm.io"], resources = ["users"], verbs = ["get"] }]
			labels = { team = "research" }`,
		lessSpec: `{"rules": [{"apiGroups": ["iam.kubellm.io"], "resources": ["users"], "verbs": ["get"]}]}`,
		zero: `
			description = ""
			rules       = []
			labels      = {}`,
		zeroSpec: `{"description": ""}`,
		bare:     ``,
		bareSpec: `{}`,
		drift:    `{"spec": {"rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]}}`,
		aside:    `{"spec": {"description": "by hand"}, "metadata": {"labels": {"by": "hand"}}}`,
		widen:    `{"spec": {"rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]}}`,
	},
	"kubellm_role_binding": {
		plural: "rolebindings",
		full: `
			role_ref = { name = "kubellm-viewer" }
			subjects = [
				{ kind = "User", name = "ada" },
				{ kind = "ServiceAccount", name = "ci", namespace = "build" },
			]
			namespaces  = ["default", "search"]
			labels      = { team = "search" }
			annotations = { note = "first" }`,
		fullSpec: `{"roleRef": {"name": "kubellm-viewer"}, "allNamespaces": false, "namespaces": ["default", "search"],
			"subjects": [{"kind": "User", "name": "ada"}, {"kind": "ServiceAccount", "name": "ci", "namespace": "build"}]}`,
		less: `
			role_ref       = { name = "kubellm-viewer" }
			subjects       = [{ kind = "Group", name = "search" }]
			all_namespaces = true
			labels         = { team = "research" }`,
		lessSpec: `{"roleRef": {"name": "kubellm-viewer"}, "allNamespaces": true, "subjects": [{"kind": "Group", "name": "search"}]}`,
		zero: `
			role_ref       = { name = "kubellm-viewer" }
			subjects       = []
			namespaces     = ["default"]
			all_namespaces = false`,
		zeroSpec: `{"roleRef": {"name": "kubellm-viewer"}, "allNamespaces": false, "namespaces": ["default"]}`,
		bare: `
			role_ref   = { name = "kubellm-viewer" }
			namespaces = ["default"]`,
		bareSpec: `{"roleRef": {"name": "kubellm-viewer"}, "allNamespaces": false, "namespaces": ["default"]}`,
		drift:    `{"spec": {"subjects": [{"kind": "User", "name": "mallory"}]}}`,
		aside:    `{"metadata": {"labels": {"by": "hand"}}}`,
		widen:    `{"spec": {"subjects": [{"kind": "User", "name": "mallory"}]}}`,
	},
	// 没有凭据、或被暂停的集群不必等它就绪；等就绪的一生在 cluster_test.go。
	"kubellm_cluster": {
		plural: "clusters",
		full: `
			credentials               = { kubeconfig_secret_ref = { namespace = "default", name = "gpu-east", key = "admin" } }
			region                    = "us-east-1"
			zones                     = ["us-east-1a", "us-east-1b"]
			taints                    = [{ key = "team", value = "search", effect = "NoSchedule" }, { key = "maintenance", effect = "NoExecute" }]
			heartbeat                 = { interval_seconds = 15 }
			workload_namespace_prefix = "kubellm-"
			suspended                 = true
			deletion_policy           = "Orphan"
			labels                    = { team = "search", "example.com/tier" = "gold" }
			annotations               = { note = "first" }`,
		fullSpec: `{"credentials": {"kubeconfigSecretRef": {"namespace": "default", "name": "gpu-east", "key": "admin"}, "insecureSkipTLSVerify": false},
			"region": "us-east-1", "zones": ["us-east-1a", "us-east-1b"],
			"taints": [{"key": "team", "value": "search", "effect": "NoSchedule"}, {"key": "maintenance", "effect": "NoExecute"}],
			"heartbeat": {"intervalSeconds": 15, "timeoutSeconds": 10, "failureThreshold": 3},
			"workloadNamespacePrefix": "kubellm-", "suspended": true, "deletionPolicy": "Orphan"}`,
		less: `
			credentials = { kubeconfig_secret_ref = { namespace = "default", name = "gpu-east" } }
			region      = "us-east-2"
			heartbeat   = { timeout_seconds = 5 }
			suspended   = true
			labels      = { team = "research" }`,
		lessSpec: `{"credentials": {"kubeconfigSecretRef": {"namespace": "default", "name": "gpu-east", "key": "kubeconfig"}, "insecureSkipTLSVerify": false},
			"region": "us-east-2", "heartbeat": {"intervalSeconds": 30, "timeoutSeconds": 5, "failureThreshold": 3},
			"workloadNamespacePrefix": "kubellm-", "suspended": true, "deletionPolicy": "Drain"}`,
		zero: `
			credentials = {}
			zones       = ["us-east-1c"]
			taints      = []
			heartbeat   = { failure_threshold = 3 }
			suspended   = false
			labels      = {}`,
		zeroSpec: `{"credentials": {"insecureSkipTLSVerify": false}, "zones": ["us-east-1c"], "heartbeat": {"intervalSeconds": 30, "timeoutSeconds": 10, "failureThreshold": 3},
			"workloadNamespacePrefix": "kubellm-", "suspended": false, "deletionPolicy": "Drain"}`,
		bare: ``,
		bareSpec: `{"credentials": {"insecureSkipTLSVerify": false}, "heartbeat": {"intervalSeconds": 30, "timeoutSeconds": 10, "failureThreshold": 3},
			"workloadNamespacePrefix": "kubellm-", "suspended": false, "deletionPolicy": "Drain"}`,
		drift: `{"spec": {"region": "by-hand", "heartbeat": {"timeoutSeconds": 7}}}`,
		aside: `{"spec": {"zones": ["by-hand"], "heartbeat": {"failureThreshold": 9}}, "metadata": {"labels": {"by": "hand"}}}`,
		widen: `{"spec": {"credentials": {"insecureSkipTLSVerify": true}}}`,
	},
	// 被暂停的模型不必等它就绪；计划里平台的打算在 model_test.go。
	"kubellm_model": {
		plural:     "models",
		namespaced: true,
		full: `
			source = { hugging_face = { repo = "Qwen/Qwen3-8B", revision = "main" } }
			engine = {
				type           = "VLLM"
				image          = "registry.example.com/vllm:1"
				args           = ["--seed=1"]
				env            = [{ name = "HF_HUB_ENABLE_HF_TRANSFER", value = "1" }, { name = "EMPTY" }]
				context_length = 32768
				delivery       = "Deployment"
			}
			resources = {
				accelerator   = { count = 2, products = ["NVIDIA-H100-80GB-HBM3"] }
				cpu           = "8"
				memory        = "64Gi"
				shared_memory = "8Gi"
			}
			placement = {
				cluster_selector = { match_labels = { team = "search" }, match_expressions = [{ key = "tier", operator = "Exists" }] }
				tolerations      = [{ key = "team", value = "search" }, { operator = "Exists", effect = "NoExecute" }]
				clusters         = 2
				strategy         = "Pack"
				failover         = { after_seconds = 600 }
			}
			scaling                 = { replicas = 3 }
			cache                   = { size = "200Gi" }
			rollout                 = { max_unavailable = 2 }
			startup_timeout_seconds = 7200
			suspended               = true
			deletion_policy         = "Orphan"
			labels                  = { team = "search", "example.com/tier" = "gold" }
			annotations             = { note = "first" }`,
		fullSpec: `{"source": {"huggingFace": {"repo": "Qwen/Qwen3-8B", "revision": "main"}},
			"engine": {"type": "VLLM", "image": "registry.example.com/vllm:1", "args": ["--seed=1"], "contextLength": 32768, "delivery": "Deployment",
				"env": [{"name": "HF_HUB_ENABLE_HF_TRANSFER", "value": "1"}, {"name": "EMPTY"}]},
			"resources": {"accelerator": {"resourceName": "nvidia.com/gpu", "count": 2, "products": ["NVIDIA-H100-80GB-HBM3"]},
				"cpu": "8", "memory": "64Gi", "sharedMemory": "8Gi"},
			"placement": {"clusterSelector": {"matchLabels": {"team": "search"}, "matchExpressions": [{"key": "tier", "operator": "Exists"}]},
				"tolerations": [{"key": "team", "operator": "Equal", "value": "search"}, {"operator": "Exists", "effect": "NoExecute"}],
				"clusters": 2, "strategy": "Pack", "failover": {"afterSeconds": 600}},
			"scaling": {"replicas": 3}, "cache": {"size": "200Gi", "accessMode": "ReadWriteMany"},
			"rollout": {"type": "Rolling", "maxSurge": 0, "maxUnavailable": 2},
			"startupTimeoutSeconds": 7200, "suspended": true, "deletionPolicy": "Orphan"}`,
		less: `
			source    = { oci = { image = "registry.example.com/models/qwen:1" } }
			engine    = { type = "VLLM" }
			resources = { memory = "131072Mi" }
			placement = { cluster_names = ["gpu-east"] }
			scaling   = { autoscaling = { max_replicas = 4 } }
			suspended = true
			labels    = { team = "research" }`,
		lessSpec: `{"source": {"oci": {"image": "registry.example.com/models/qwen:1"}},
			"engine": {"type": "VLLM", "delivery": "Deployment"},
			"resources": {"memory": "128Gi", "sharedMemory": "1Gi"},
			"placement": {"clusterNames": ["gpu-east"], "clusters": 1, "strategy": "Spread"},
			"scaling": {"autoscaling": {"minReplicas": 1, "maxReplicas": 4, "targetRequestsPerReplica": 16}},
			"rollout": {"type": "Rolling", "maxSurge": 0, "maxUnavailable": 1},
			"startupTimeoutSeconds": 3600, "suspended": true, "deletionPolicy": "Delete"}`,
		zero: `
			source    = { oci = { image = "registry.example.com/models/qwen:1" } }
			engine    = { type = "VLLM", args = [], env = [] }
			resources = { accelerator = {} }
			placement = { cluster_names = [], tolerations = [] }
			scaling   = { replicas = 0 }
			adapters  = []
			suspended = true
			labels    = {}

			startup_timeout_seconds = 3600`,
		zeroSpec: `{"source": {"oci": {"image": "registry.example.com/models/qwen:1"}},
			"engine": {"type": "VLLM", "delivery": "Deployment"},
			"resources": {"accelerator": {"resourceName": "nvidia.com/gpu", "count": 1}, "sharedMemory": "1Gi"},
			"placement": {"clusters": 1, "strategy": "Spread"},
			"scaling": {"replicas": 0}, "rollout": {"type": "Rolling", "maxSurge": 0, "maxUnavailable": 1},
			"startupTimeoutSeconds": 3600, "suspended": true, "deletionPolicy": "Delete"}`,
		bare: `
			source    = { oci = { image = "registry.example.com/models/qwen:1" } }
			engine    = { type = "VLLM" }
			suspended = true`,
		bareSpec: `{"source": {"oci": {"image": "registry.example.com/models/qwen:1"}},
			"engine": {"type": "VLLM", "delivery": "Deployment"}, "resources": {"sharedMemory": "1Gi"},
			"placement": {"clusters": 1, "strategy": "Spread"},
			"scaling": {"replicas": 1}, "rollout": {"type": "Rolling", "maxSurge": 0, "maxUnavailable": 1},
			"startupTimeoutSeconds": 3600, "suspended": true, "deletionPolicy": "Delete"}`,
		drift: `{"spec": {"resources": {"memory": "2Gi"}, "placement": {"clusterNames": ["by-hand"]}}}`,
		aside: `{"spec": {"startupTimeoutSeconds": 60}, "metadata": {"labels": {"by": "hand"}}}`,
		widen: `{"spec": {"suspended": false}}`,
	},
}

// TestLifecycle 让每个种类在真实的平台上走完一生；登记了种类却没有材料的，在这里失败。
func TestLifecycle(t *testing.T) {
	for name := range schemas(t).ResourceSchemas {
		t.Run(name, func(t *testing.T) {
			of, ok := lives[name]
			if !ok {
				t.Fatalf("there is no material for %s; add it to lives", name)
			}
			// 每一步都要启动 terraform 几次：几个种类并行，两个核才都有事做；对象名各不相同。
			t.Parallel()
			of.run(t, name)
		})
	}
}

func (l life) run(t *testing.T, kind string) {
	name, address := unique("life"), kind+".it"
	config := func(body string) string { return l.config(kind, name, body) }
	renamed := unique("life")
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		CheckDestroy: func(*terraform.State) error {
			absent(t, "destroy leaves nothing on the platform", l.plural, name)
			absent(t, "destroy leaves nothing on the platform", l.plural, renamed)
			return nil
		},
		Steps: []resource.TestStep{
			{
				Config: config(l.full),
				Check: l.check(t, name, func() {
					sameSpec(t, "create writes all fields", l.plural, name, l.fullSpec)
					ownedByTerraform(t, l.plural, name)
				}),
				ConfigPlanChecks: thenEmpty(address, plancheck.ResourceActionCreate),
			},
			l.importByID(address, name),
			l.importBlock(address, name, config(l.full)),
			{
				Config:           config(l.less),
				ConfigPlanChecks: thenEmpty(address, plancheck.ResourceActionUpdate),
				Check: l.check(t, name, func() {
					sameSpec(t, "fields removed from the configuration are removed on the platform", l.plural, name, l.lessSpec)
					if at := read(t, l.plural, name).Metadata; at.Annotations["note"] != "" || at.Labels["team"] != "research" {
						t.Errorf("labels %v and annotations %v are not those of the configuration", at.Labels, at.Annotations)
					}
				}),
			},
			{
				PreConfig:        func() { patch(t, l.plural, name, l.drift) },
				Config:           config(l.less),
				ConfigPlanChecks: thenEmpty(address, plancheck.ResourceActionUpdate),
				Check: l.check(t, name, func() {
					sameSpec(t, "what others changed is changed back", l.plural, name, l.lessSpec)
				}),
			},
			{
				PreConfig:        func() { patch(t, l.plural, name, l.aside) },
				Config:           config(l.less),
				ConfigPlanChecks: thenEmpty(address, plancheck.ResourceActionNoop),
			},
			{
				Config:           config(l.zero),
				ConfigPlanChecks: thenEmpty(address, plancheck.ResourceActionUpdate),
				Check: l.check(t, name, func() {
					sameSpec(t, "empty values are as written", l.plural, name, l.zeroSpec)
				}),
			},
			{
				Config:           config(l.bare),
				ConfigPlanChecks: thenEmpty(address, plancheck.ResourceActionUpdate),
				Check: l.check(t, name, func() {
					sameSpec(t, "what is not set is not managed any more", l.plural, name, l.bareSpec)
				}),
			},
			{
				PreConfig:        func() { patch(t, l.plural, name, l.widen) },
				Config:           config(l.bare),
				ConfigPlanChecks: thenEmpty(address, plancheck.ResourceActionUpdate),
				Check: l.check(t, name, func() {
					if read(t, l.plural, name).Metadata.Labels["by"] != "hand" {
						t.Errorf("a label that someone else set is gone")
					}
				}),
			},
			{
				PreConfig:        func() { kubectl(t, "delete", l.plural, name) },
				Config:           config(l.bare),
				ConfigPlanChecks: thenEmpty(address, plancheck.ResourceActionCreate),
				Check: l.check(t, name, func() {
					sameSpec(t, "what others deleted is made again", l.plural, name, l.bareSpec)
				}),
			},
			{
				Config:           l.config(kind, renamed, l.bare),
				ConfigPlanChecks: thenEmpty(address, plancheck.ResourceActionDestroyBeforeCreate),
				Check: l.check(t, name, func() {
					absent(t, "another name is another object", l.plural, name)
				}),
			},
		},
	})
}

func (l life) config(kind, name, body string) string {
	namespace := ""
	if l.namespaced {
		namespace = "  namespace = \"default\"\n"
	}
	return providerBlock(platform.Kubeconfig) + fmt.Sprintf("resource %q \"it\" {\n  name = %q\n%s%s\n}\n", kind, name, namespace, body)
}

// check 是对平台的检查；状态由 Terraform 自己与计划比较。
func (l life) check(t *testing.T, name string, look func()) resource.TestCheckFunc {
	return func(*terraform.State) error {
		look()
		if t.Failed() {
			return fmt.Errorf("%s %s on the platform is not as it should be", l.plural, name)
		}
		return nil
	}
}

// thenEmpty 要求先做这件事，之后的计划是空的。
func thenEmpty(address string, action plancheck.ResourceActionType) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{
		PreApply:             []plancheck.PlanCheck{plancheck.ExpectResourceAction(address, action)},
		PostApplyPreRefresh:  []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
		PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
	}
}

// id 是导入用的名字。
func (l life) id(name string) string {
	if l.namespaced {
		return "default/" + name
	}
	return name
}

// importByID 用 terraform import 导入并与原状态逐个属性比较。
func (l life) importByID(address, name string) resource.TestStep {
	return resource.TestStep{
		ResourceName:                         address,
		ImportState:                          true,
		ImportStateId:                        l.id(name),
		ImportStateVerifyIgnore:              []string{"plan"},
		ImportStateVerify:                    true,
		ImportStateVerifyIdentifierAttribute: "name",
	}
}

// importBlock 用 import 块导入；配置与对象相同时计划必须是空操作。
func (l life) importBlock(address, name, config string) resource.TestStep {
	return resource.TestStep{
		Config:          config,
		ResourceName:    address,
		ImportState:     true,
		ImportStateKind: resource.ImportBlockWithID,
		ImportStateId:   l.id(name),
		SkipFunc:        onOpenTofu,
	}
}

// onOpenTofu 跳过测试框架只会对 Terraform 自己的注册表做的步骤。
func onOpenTofu() (bool, error) { return os.Getenv(resource.EnvTfAccProviderHost) != "", nil }

// TestImportByIdentity 需要会按身份导入的 Terraform；旧版本没有这个语法。
func TestImportByIdentity(t *testing.T) {
	name := unique("identity")
	l := lives["kubellm_user"]
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_12_0)},
		Steps: []resource.TestStep{
			{Config: l.config("kubellm_user", name, l.full)},
			{
				ResourceName:    "kubellm_user.it",
				ImportState:     true,
				ImportStateKind: resource.ImportBlockWithResourceIdentity,
			},
		},
	})
}

// TestImmutableRoleReplaces 换角色等于换一次授权：计划显示删除重建，而不是去碰平台的拒绝。
func TestImmutableRoleReplaces(t *testing.T) {
	name, address := unique("immutable"), "kubellm_role_binding.it"
	config := func(role string) string {
		return lives["kubellm_role_binding"].config("kubellm_role_binding", name,
			fmt.Sprintf("role_ref = { name = %q }\nall_namespaces = true", role))
	}
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{Config: config("kubellm-viewer")},
			{
				Config:           config("kubellm-user"),
				ConfigPlanChecks: thenEmpty(address, plancheck.ResourceActionDestroyBeforeCreate),
				Check: func(*terraform.State) error {
					sameSpec(t, "the new role counts", "rolebindings", name, `{"roleRef": {"name": "kubellm-user"}, "allNamespaces": true}`)
					return nil
				},
			},
		},
	})
}
