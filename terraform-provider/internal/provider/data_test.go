package provider

import (
	"fmt"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
)

// TestDataSources 读一个与读多个，不管归谁；标签与字段选择器都由平台过滤。
func TestDataSources(t *testing.T) {
	byHand, managed := unique("data"), unique("data")
	manual(t, byHand)
	config := providerBlock(platform.Kubeconfig) + fmt.Sprintf(`
resource "kubellm_user" "it" {
  name   = %[2]q
  email  = "%[2]s@example.com"
  labels = { batch = %[2]q, "kubernetes.io/kind" = "test" }
}

resource "kubellm_role" "it" {
  name  = %[2]q
  rules = [{ api_groups = ["iam.kubellm.io"], resources = ["users"], verbs = ["get"], resource_names = ["x"] }]
}

resource "kubellm_role_binding" "it" {
  name       = %[2]q
  role_ref   = { name = kubellm_role.it.name }
  namespaces = ["default"]
  subjects   = [{ kind = "ServiceAccount", name = "ci", namespace = "build" }, { kind = "User", name = kubellm_user.it.name }]
}

data "kubellm_user" "by_hand" {
  name = %[1]q
}

data "kubellm_role" "it" {
  name = kubellm_role.it.name
}

data "kubellm_role_binding" "it" {
  name = kubellm_role_binding.it.name
}

data "kubellm_users" "by_label" {
  label_selector = "batch=${kubellm_user.it.labels.batch}"
}

data "kubellm_users" "by_email" {
  email = kubellm_user.it.email
}

data "kubellm_users" "none" {
  email = "nobody-at-all@example.com"
}

data "kubellm_role_bindings" "of_role" {
  role       = kubellm_role.it.name
  depends_on = [kubellm_role_binding.it]
}
`, byHand, managed)
	exactly := knownvalue.StringExact
	at := tfjsonpath.New[string]
	user := knownvalue.ObjectExact(map[string]knownvalue.Check{
		"name":         exactly(managed),
		"email":        exactly(managed + "@example.com"),
		"display_name": knownvalue.Null(),
		"groups":       knownvalue.ListSizeExact(0),
		"suspended":    knownvalue.Bool(false),
		"annotations":  knownvalue.MapExact(map[string]knownvalue.Check{}),
		"labels": knownvalue.MapExact(map[string]knownvalue.Check{
			"batch": exactly(managed), "kubernetes.io/kind": exactly("test"),
		}),
	})
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{{
			Config: config,
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue("data.kubellm_user.by_hand", at("display_name"), exactly("Made by hand")),
				statecheck.ExpectKnownValue("data.kubellm_user.by_hand", at("labels").AtMapKey("stage"), exactly("manual")),
				statecheck.ExpectKnownValue("data.kubellm_role.it", at("rules").AtSliceIndex(0).AtMapKey("resource_names").AtSliceIndex(0), exactly("x")),
				statecheck.ExpectKnownValue("data.kubellm_role_binding.it", at("subjects").AtSliceIndex(0).AtMapKey("namespace"), exactly("build")),
				statecheck.ExpectKnownValue("data.kubellm_role_binding.it", at("subjects").AtSliceIndex(1).AtMapKey("namespace"), knownvalue.Null()),
				statecheck.ExpectKnownValue("data.kubellm_users.by_label", at("users"), knownvalue.ListExact([]knownvalue.Check{user})),
				statecheck.ExpectKnownValue("data.kubellm_users.by_email", at("users"), knownvalue.ListExact([]knownvalue.Check{user})),
				statecheck.ExpectKnownValue("data.kubellm_users.none", at("users"), knownvalue.ListSizeExact(0)),
				statecheck.ExpectKnownValue("data.kubellm_role_bindings.of_role", at("role_bindings").AtSliceIndex(0).AtMapKey("name"), exactly(managed)),
			},
		}},
	})
}

// TestDataSourceFailures 数据源找不到或写错时说得出原因。
func TestDataSourceFailures(t *testing.T) {
	cases := map[string]struct {
		reason, config string
		facts          []string
	}{
		"Missing": {
			reason: "an object that does not exist",
			config: "data \"kubellm_user\" \"it\" {\n  name = \"not-there-at-all\"\n}\n",
			facts:  []string{`There is no user "not-there-at-all" on the platform`, "The provider is configured by the kubeconfig"},
		},
		"Selector": {
			reason: "a malformed label selector leads to its line",
			config: "data \"kubellm_users\" \"it\" {\n  label_selector = \"a in (\"\n}\n",
			facts:  []string{"Malformed label selector", "label_selector =", "team=search"},
		},
	}
	for label, c := range cases {
		t.Run(label, func(t *testing.T) {
			w := newUserWorkspace(t, platform.Kubeconfig)
			w.write(t, "main.tf", c.config)
			w.refuse(t, c.reason, []string{"plan"}, c.facts...)
		})
	}
}
