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
			reason: "没配就说怎么配，不猜本机",
			facts:  []string{"No KubeLLM platform is configured", "never guesses", "KUBELLM_KUBECONFIG", "KUBELLM_SERVER", "kubeconfig ="},
		},
		"Unreachable": {
			reason:   "平台没开",
			provider: providerBlock(kubeconfig(nobody, ca.PEM)),
			facts:    []string{nobody, "connection refused", "The provider is configured by the kubeconfig", "KUBELLM_SERVER"},
		},
		"NoSuchKubeconfig": {
			reason:   "文件不在",
			provider: providerBlock("/does/not/exist.kubeconfig"),
			facts:    []string{"/does/not/exist.kubeconfig", "no such file"},
		},
		"TruncatedKubeconfig": {
			reason:   "文件只拷了一半",
			provider: providerBlock(tempFile(t, "kubeconfig", string(whole[:len(whole)/2]))),
			facts:    []string{"kubeconfig", "complete", "The provider is configured by the kubeconfig"},
		},
		"EmptyKubeconfig": {
			reason:   "空文件里没有服务器，不能当成本机",
			provider: providerBlock(tempFile(t, "kubeconfig", "")),
			facts:    []string{"kubeconfig", "The provider is configured by the kubeconfig"},
		},
		"NoSuchContext": {
			reason:   "上下文写错了",
			provider: fmt.Sprintf("provider \"kubellm\" {\n kubeconfig = %q\n context = \"staging\"\n}\n", platform.Kubeconfig),
			facts:    []string{"staging", platform.Kubeconfig},
		},
		"WrongCA": {
			reason:   "证书不是这个 CA 签的",
			provider: providerBlock(kubeconfig(platform.URL, other.PEM)),
			facts:    []string{platform.URL, "unknown authority", "The provider is configured by the kubeconfig"},
		},
		"ExpiredCertificate": {
			reason:   "过期的证书说得出是谁的、何时过期",
			provider: providerBlock(harness.KubeconfigFor(t, platform, harness.Identity{User: "late", Expired: true})),
			facts:    []string{`client certificate of "late"`, "expired at", "get a new one"},
		},
		"WrongToken": {
			reason: "平台不认的令牌",
			provider: fmt.Sprintf("provider \"kubellm\" {\n server = %q\n ca_certificate = %q\n token = \"s3cret\"\n}\n",
				platform.URL, string(ca.PEM)),
			facts: []string{platform.URL, "attribute server", "with a token"},
		},
		"NoRights": {
			reason:   "没有权限的人得知缺什么权限",
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
			reason: "平台的意见落到 email 这一行",
			plural: "users",
			config: userBlock("it", name, `email = "not an address"`),
			facts:  []string{"Cannot create the user", "email = ", "spec.email", "name@domain", "Nothing was changed"},
		},
		"MalformedName": {
			reason: "名字的形状在计划时就看得出",
			plural: "users",
			config: userBlock("it", "Not_A_Name", ""),
			early:  true,
			facts:  []string{"Malformed name", "Not_A_Name", "name = "},
		},
		"ReservedGroup": {
			reason: "system: 开头的组归平台，指到那一个元素",
			plural: "users",
			config: userBlock("it", name, `groups = ["search", "system:masters"]`),
			facts:  []string{"Cannot create the user", "spec.groups[1]", "reserved", "groups = "},
		},
		"ReservedLabel": {
			reason: "归属标记不能由配置伪造",
			plural: "users",
			config: userBlock("it", name, `annotations = { "kubellm.io/owner" = "terraform/forged" }`),
			early:  true,
			facts:  []string{"Reserved key", "kubellm.io/owner"},
		},
		"UnknownAttribute": {
			reason: "写错的属性名在计划时就看得出",
			plural: "users",
			config: userBlock("it", name, `mail = "x@example.com"`),
			early:  true,
			facts:  []string{"Unsupported argument", "mail"},
		},
		"SubjectKind": {
			reason: "主体只有三种",
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
			reason: "没写范围不能当成全部",
			plural: "rolebindings",
			config: fmt.Sprintf("resource \"kubellm_role_binding\" \"it\" {\n  name = %q\n  role_ref = { name = \"kubellm-viewer\" }\n}\n", name),
			facts:  []string{"Cannot create the role binding", "allNamespaces"},
		},
		"EmptyVerbs": {
			reason: "空的动词列表什么也不许可",
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
			reason:     "没有的权限授不出去",
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
	w.emptyPlan(t, "绑定已如配置所写")
	w.destroy(t)
}
