package provider

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/kubellm/kubellm/test/harness"
)

// TestMisconfiguredProvider 每种连不上都说得出试了什么、为什么、怎么配，而且绝不去猜一个平台。
func TestMisconfiguredProvider(t *testing.T) {
	ca, err := platform.CA()
	if err != nil {
		t.Fatal(err)
	}
	admin, err := ca.IssueClient(harness.Identity{User: "admin", Groups: []string{"system:masters"}})
	if err != nil {
		t.Fatal(err)
	}
	other, err := harness.NewCA("somebody else's")
	if err != nil {
		t.Fatal(err)
	}
	port, err := harness.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	nobody := "https://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	whole, err := os.ReadFile(platform.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	kubeconfig := func(server string, caPEM []byte) string {
		path := tempFile(t, "kubeconfig", "")
		if err := harness.WriteKubeconfig(path, server, caPEM, admin); err != nil {
			t.Fatal(err)
		}
		return path
	}
	cases := map[string]struct {
		reason   string
		provider string
		facts    []string
	}{
		"NothingConfigured": {
			reason: "not configured, it says how to, and does not guess this machine",
			facts:  []string{"No KubeLLM platform is configured", "never guesses", "KUBELLM_KUBECONFIG", "KUBELLM_SERVER", "kubeconfig ="},
		},
		"Unreachable": {
			reason:   "the platform is not up",
			provider: providerBlock(kubeconfig(nobody, ca.PEM)),
			facts:    []string{nobody, "connection refused", "The provider is configured by the kubeconfig", "KUBELLM_SERVER"},
		},
		"NoSuchKubeconfig": {
			reason:   "there is no such file",
			provider: providerBlock("/does/not/exist.kubeconfig"),
			facts:    []string{"/does/not/exist.kubeconfig", "no such file"},
		},
		"TruncatedKubeconfig": {
			reason:   "half of the file was copied",
			provider: providerBlock(tempFile(t, "kubeconfig", string(whole[:len(whole)/2]))),
			facts:    []string{"kubeconfig", "complete", "The provider is configured by the kubeconfig"},
		},
		"EmptyKubeconfig": {
			reason:   "an empty file has no server, which does not mean this machine",
			provider: providerBlock(tempFile(t, "kubeconfig", "")),
			facts:    []string{"kubeconfig", "The provider is configured by the kubeconfig"},
		},
		"NoSuchContext": {
			reason:   "the context is misspelt",
			provider: fmt.Sprintf("provider \"kubellm\" {\n kubeconfig = %q\n context = \"staging\"\n}\n", platform.Kubeconfig),
			facts:    []string{"staging", platform.Kubeconfig},
		},
		"WrongCA": {
			reason:   "the certificate is not signed by this CA",
			provider: providerBlock(kubeconfig(platform.URL, other.PEM)),
			facts:    []string{platform.URL, "unknown authority", "The provider is configured by the kubeconfig"},
		},
		"ExpiredCertificate": {
			reason:   "of an expired certificate it says whose it was and when it expired",
			provider: providerBlock(harness.KubeconfigFor(t, platform, harness.Identity{User: "late", Expired: true})),
			facts:    []string{`client certificate of "late"`, "expired at", "get a new one"},
		},
		"WrongToken": {
			reason: "a token that the platform does not know",
			provider: fmt.Sprintf("provider \"kubellm\" {\n server = %q\n ca_certificate = %q\n token = \"s3cret\"\n}\n",
				platform.URL, string(ca.PEM)),
			facts: []string{platform.URL, "attribute server", "with a token"},
		},
		"NoRights": {
			reason:   "who lacks a right learns which",
			provider: providerBlock(harness.KubeconfigFor(t, platform, harness.Identity{User: "nobody"})),
			facts:    []string{"nobody", "users", "iam.kubellm.io"},
		},
	}
	for label, c := range cases {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			name := unique("misconfigured")
			w := newWorkspace(t)
			w.write(t, "main.tf", c.provider+userBlock("it", name, ""))
			out := w.refuse(t, c.reason, []string{"apply", "-auto-approve"}, c.facts...)
			if strings.Contains(out, "s3cret") || strings.Contains(out, "localhost") {
				t.Errorf("%s: the output shows a credential or a guessed server:\n%s", c.reason, out)
			}
			absent(t, c.reason, "users", name)
		})
	}
}

// TestBadInput 坏输入说得出是哪个属性、为什么，而且什么也没存下。
func TestBadInput(t *testing.T) {
	limited := unique("limited")
	kubectl(t, "apply", "-f", tempFile(t, "limited.yaml", fmt.Sprintf(`apiVersion: iam.kubellm.io/v1alpha1
kind: Role
metadata: {name: %[1]s}
spec: {rules: [{apiGroups: [iam.kubellm.io], resources: [roles, users], verbs: [get, list, create, patch, delete]}]}
---
apiVersion: iam.kubellm.io/v1alpha1
kind: RoleBinding
metadata: {name: %[1]s}
spec: {roleRef: {name: %[1]s}, allNamespaces: true, subjects: [{kind: User, name: %[1]s}]}
`, limited)))
	t.Cleanup(func() {
		cleanup(t, "rolebindings", limited)
		cleanup(t, "roles", limited)
	})
	asLimited := harness.KubeconfigFor(t, platform, harness.Identity{User: limited})

	name := unique("bad")
	cases := map[string]struct {
		reason     string
		kubeconfig string
		plural     string
		config     string
		// early 表示计划时就该拒绝。
		early bool
		facts []string
	}{
		"InvalidEmail": {
			reason: "the platform's opinion leads to the line of email",
			plural: "users",
			config: userBlock("it", name, `email = "not an address"`),
			facts:  []string{"Cannot create the user", "email = ", "spec.email", "name@domain", "Nothing was changed"},
		},
		"MalformedName": {
			reason: "the shape of a name shows at plan",
			plural: "users",
			config: userBlock("it", "Not_A_Name", ""),
			early:  true,
			facts:  []string{"Malformed name", "Not_A_Name", "name = "},
		},
		"ReservedGroup": {
			reason: "groups that start with system: are the platform's, and the element is named",
			plural: "users",
			config: userBlock("it", name, `groups = ["search", "system:masters"]`),
			facts:  []string{"Cannot create the user", "spec.groups[1]", "reserved", "groups = "},
		},
		"ReservedLabel": {
			reason: "the configuration cannot forge the mark",
			plural: "users",
			config: userBlock("it", name, `annotations = { "kubellm.io/owner" = "terraform/forged" }`),
			early:  true,
			facts:  []string{"Reserved key", "kubellm.io/owner"},
		},
		"UnknownAttribute": {
			reason: "a misspelt attribute shows at plan",
			plural: "users",
			config: userBlock("it", name, `mail = "x@example.com"`),
			early:  true,
			facts:  []string{"Unsupported argument", "mail"},
		},
		"SubjectKind": {
			reason: "there are three kinds of subjects",
			plural: "rolebindings",
			config: fmt.Sprintf(`resource "kubellm_role_binding" "it" {
  name           = %q
  role_ref       = { name = "kubellm-viewer" }
  all_namespaces = true
  subjects       = [{ kind = "Team", name = "search" }]
}
`, name),
			early: true,
			facts: []string{"Team", "ServiceAccount", "kind"},
		},
		"NoReach": {
			reason: "no scope does not mean everything",
			plural: "rolebindings",
			config: fmt.Sprintf("resource \"kubellm_role_binding\" \"it\" {\n  name = %q\n  role_ref = { name = \"kubellm-viewer\" }\n}\n", name),
			facts:  []string{"Cannot create the role binding", "allNamespaces"},
		},
		"EmptyVerbs": {
			reason: "an empty list of verbs permits nothing",
			plural: "roles",
			config: fmt.Sprintf(`resource "kubellm_role" "it" {
  name  = %q
  rules = [{ api_groups = ["iam.kubellm.io"], resources = ["users"], verbs = [] }]
}
`, name),
			early: true,
			facts: []string{"verbs", "at least 1"},
		},
		"EscalatingRole": {
			reason:     "nobody grants what they do not hold",
			kubeconfig: asLimited,
			plural:     "roles",
			config: fmt.Sprintf(`resource "kubellm_role" "it" {
  name  = %q
  rules = [{ api_groups = ["*"], resources = ["*"], verbs = ["*"] }]
}
`, name),
			facts: []string{"Cannot create the role", limited},
		},
	}
	for label, c := range cases {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			kubeconfig := c.kubeconfig
			if kubeconfig == "" {
				kubeconfig = platform.Kubeconfig
			}
			w := newUserWorkspace(t, kubeconfig)
			w.write(t, "main.tf", c.config)
			command := []string{"apply", "-auto-approve"}
			if c.early {
				command = []string{"plan"}
			}
			w.refuse(t, c.reason, command, c.facts...)
			absent(t, c.reason, c.plural, name)
			if got := w.addresses(t); len(got) != 0 {
				t.Errorf("%s: the state has %v", c.reason, got)
			}
		})
	}
}

// TestRoleNeedNotExist 指向不存在角色的绑定会被接受；是否落实由平台的条件说明。
func TestRoleNeedNotExist(t *testing.T) {
	name := unique("dangling")
	w := newUserWorkspace(t, platform.Kubeconfig)
	w.write(t, "main.tf", fmt.Sprintf(`resource "kubellm_role_binding" "it" {
  name           = %q
  role_ref       = { name = "not-there-yet" }
  all_namespaces = true
}
`, name))
	w.apply(t)
	w.emptyPlan(t, "the binding is as configured")
	w.destroy(t)
}
