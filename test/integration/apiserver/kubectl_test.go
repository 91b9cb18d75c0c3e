package apiserver

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kubellm/kubellm/test/harness"
)

// kubectl 以管理员执行真实的 kubectl，失败即测试失败。
func kubectl(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	return harness.MustKubectl(t, shared.Kubeconfig, stdin, args...)
}

// contains 断言一段输出里有这些话。
func contains(t *testing.T, what, out string, facts ...string) {
	t.Helper()
	for _, fact := range facts {
		if !strings.Contains(out, fact) {
			t.Errorf("%s does not show %q:\n%s", what, fact, out)
		}
	}
}

// TestKubectlApply 走一遍日常：写一份清单，看差别，应用，再改，再应用，去掉一个字段，删除。
func TestKubectlApply(t *testing.T) {
	t.Parallel()
	for mode, flags := range map[string][]string{"client-side": nil, "server-side": {"--server-side"}} {
		t.Run(mode, func(t *testing.T) {
			name := unique("applied")
			manifest := func(spec string) string {
				return "apiVersion: iam.kubellm.io/v1alpha1\nkind: User\nmetadata: {name: " + name + "}\nspec: " + spec + "\n" +
					"---\napiVersion: iam.kubellm.io/v1alpha1\nkind: RoleBinding\nmetadata: {name: " + name + "}\n" +
					"spec: {roleRef: {name: kubellm-viewer}, allNamespaces: true, subjects: [{kind: User, name: " + name + "}]}\n"
			}
			run := func(spec, command string) string {
				args := append([]string{command}, flags...)
				if command == "delete" {
					args = []string{command}
				}
				return kubectl(t, manifest(spec), append(args, "-f", "-")...)
			}
			first, second, third := "{email: ada@example.org, groups: [a, b]}", "{email: ada@example.org, groups: [b], displayName: Ada}", "{email: ada@example.org}"

			out, err := harness.Kubectl(t.Context(), shared.Kubeconfig, manifest(first), append([]string{"diff", "-f", "-"}, flags...)...)
			if err == nil || !strings.Contains(err.Error(), "exit status 1") {
				t.Errorf("diff of something new gave %v", err)
			}
			contains(t, "kubectl diff", out, "+  name: "+name, "+  email: ada@example.org")
			absent(t, shared, users, name)

			contains(t, "kubectl apply", run(first, "apply"), "user.iam.kubellm.io/"+name, "rolebinding.iam.kubellm.io/"+name)
			if out := run(first, "diff"); out != "" {
				t.Errorf("what was just applied differs:\n%s", out)
			}
			again := users.get(t, shared, name).GetResourceVersion()
			run(first, "apply")
			if got := users.get(t, shared, name).GetResourceVersion(); got != again {
				t.Errorf("applying the same once more wrote it again (%s → %s)", again, got)
			}
			run(second, "apply")
			contains(t, "the user", kubectl(t, "", "get", "user", name, "-o", "jsonpath={.spec}{.metadata.generation}"), `"groups":["b"]`, `"displayName":"Ada"`, "}2")
			run(third, "apply")
			if out := kubectl(t, "", "get", "kuser", name, "-o", "jsonpath={.spec.groups}{.spec.displayName}"); out != "" {
				t.Errorf("the fields that are no longer in the manifest are still there: %s", out)
			}
			contains(t, "kubectl delete", run(third, "delete"), "deleted")
			absent(t, shared, users, name)
			absent(t, shared, roleBindings, name)
		})
	}
}

// TestKubectlReads 保证看的命令都好用：短名、类别、列、选择器、说明、描述。
func TestKubectlReads(t *testing.T) {
	t.Parallel()
	name := unique("shown")
	kubectl(t, "apiVersion: iam.kubellm.io/v1alpha1\nkind: User\nmetadata: {name: "+name+", labels: {shown: '"+name+"'}}\n"+
		"spec: {email: "+name+"@example.org, groups: [dev]}\n", "create", "-f", "-")
	for range 3 {
		roles.create(t, shared, unique(name), "batch", name)
	}
	cases := map[string]struct {
		args  []string
		facts []string
	}{
		"ByShortName":   {[]string{"get", "kuser", name}, []string{"NAME", "EMAIL", "SUSPENDED", "READY", "AGE", name + "@example.org", "false"}},
		"Wide":          {[]string{"get", "users.iam.kubellm.io", name, "-o", "wide"}, []string{"GROUPS", "ROLES", "dev"}},
		"Selected":      {[]string{"get", "kuser", "--field-selector", "spec.email=" + name + "@example.org", "-o", "name"}, []string{"user.iam.kubellm.io/" + name}},
		"Category":      {[]string{"get", "kubellm", "-o", "name"}, []string{"user.iam.kubellm.io/" + name, "role.iam.kubellm.io/kubellm-admin"}},
		"Status":        {[]string{"get", "kuser", name, "--subresource=status"}, []string{name, "EMAIL"}},
		"Describe":      {[]string{"describe", "kuser", name}, []string{"Email:", name + "@example.org", "Groups:", "API Version:"}},
		"Resources":     {[]string{"api-resources", "--api-group=iam.kubellm.io", "-o", "wide"}, []string{"kuser", "krole", "krb", "iam.kubellm.io/v1alpha1", "false", "RoleBinding", "deletecollection", "kubellm"}},
		"Versions":      {[]string{"api-versions"}, []string{"iam.kubellm.io/v1alpha1"}},
		"ExplainEmail":  {[]string{"explain", "kuser.spec.email"}, []string{"FIELD: email <string>", "name@domain"}},
		"ExplainRules":  {[]string{"explain", "krole.spec.rules"}, []string{"<[]PolicyRule>", "verbs", "-required-", "resourceNames"}},
		"ExplainKind":   {[]string{"explain", "krb.spec.subjects.kind"}, []string{"User", "Group", "ServiceAccount"}},
		"ExplainStatus": {[]string{"explain", "krb.status", "--recursive"}, []string{"conditions", "lastTransitionTime"}},
		"ExplainOpenV2": {[]string{"explain", "kuser.spec.groups", "--output=plaintext-openapiv2"}, []string{"groups"}},
		"Chunked":       {[]string{"get", "krole", "-l", "batch=" + name, "--chunk-size=1", "-o", "jsonpath={.items[*].kind}"}, []string{"Role Role Role"}},
		"Version":       {[]string{"version"}, []string{"Server Version: v"}},
	}
	for test, tc := range cases {
		t.Run(test, func(t *testing.T) {
			t.Parallel()
			contains(t, "kubectl "+strings.Join(tc.args, " "), kubectl(t, "", tc.args...), tc.facts...)
		})
	}
}

// TestKubectlWrites 保证改的命令都好用，试运行不留痕迹。
func TestKubectlWrites(t *testing.T) {
	t.Parallel()
	name := unique("written")
	manifest := "apiVersion: iam.kubellm.io/v1alpha1\nkind: User\nmetadata: {name: " + name + "}\nspec: {email: ada@example.org}\n"
	kubectl(t, manifest, "create", "--dry-run=server", "-f", "-")
	absent(t, shared, users, name)
	kubectl(t, manifest, "create", "-f", "-")
	// kubectl 不带 --type 时发的是策略合并补丁。
	kubectl(t, "", "patch", "kuser", name, "-p", `{"spec":{"displayName":"Ada"}}`)
	kubectl(t, "", "patch", "kuser", name, "--type=json", "-p", `[{"op":"replace","path":"/spec/email","value":"lovelace@example.org"}]`)
	kubectl(t, "", "label", "kuser", name, "team=a")
	kubectl(t, "", "annotate", "kuser", name, "note=hello")
	kubectl(t, "", "patch", "kuser", name, "--subresource=status", "--type=merge", "-p", `{"status":{"roles":["x"]}}`)
	out := kubectl(t, "", "get", "kuser", name, "-o", "jsonpath={.spec.displayName} {.spec.email} {.metadata.labels.team} {.metadata.annotations.note} {.status.roles} {.metadata.generation}")
	if want := `Ada lovelace@example.org a hello ["x"] 3`; out != want {
		t.Errorf("after the writes the user is %q, want %q", out, want)
	}
	replaced := kubectl(t, "", "get", "kuser", name, "-o", "json")
	kubectl(t, strings.Replace(replaced, "lovelace@", "ada@", 1), "replace", "-f", "-")
	if _, err := harness.Kubectl(t.Context(), shared.Kubeconfig, strings.Replace(replaced, "lovelace@", "bob@", 1), "replace", "-f", "-"); err == nil || !strings.Contains(err.Error(), "modified") {
		t.Errorf("replacing a stale copy gave %v", err)
	}
	for _, cascade := range []string{"foreground", "orphan", "background"} {
		kubectl(t, "", "delete", "kuser", name, "--cascade="+cascade, "--timeout=2m")
		absent(t, shared, users, name)
		kubectl(t, manifest, "create", "-f", "-")
	}
	kubectl(t, "", "delete", "kuser", "--field-selector=metadata.name="+name, "--timeout=2m")
	absent(t, shared, users, name)
}

// TestKubectlWaits 保证 get -w 与 wait 看得到别人的写入：一个人等，另一个人（控制器）写状态。
func TestKubectlWaits(t *testing.T) {
	t.Parallel()
	name := unique("awaited")
	users.create(t, shared, name)
	watching := background(t, "get", "kuser", name, "-w", "--no-headers")
	watching.expect(t, name)
	_, err := put(t.Context(), write{p: shared, as: shared.admin, kind: users, name: name, subresource: "status", patch: map[string]any{"status": observed()}})
	must(t, err)
	watching.expect(t, "True")
	kubectl(t, "", "patch", "kuser", name, "--type=merge", "-p", `{"spec":{"email":"seen@example.org"}}`)
	watching.expect(t, "seen@example.org")
	waiting := background(t, "wait", "kuser/"+name, "--for=condition=Ready", "--timeout=2m")
	// 条件要说的是当前这一代：wait 不认过时的。
	current := observed()
	overlay(current["conditions"].([]any)[0].(map[string]any), map[string]any{"observedGeneration": int64(2)})
	_, err = put(t.Context(), write{p: shared, as: shared.admin, kind: users, name: name, subresource: "status", patch: map[string]any{"status": current}})
	must(t, err)
	waiting.expect(t, "condition met")
	kubectl(t, "", "delete", "kuser", name, "--wait", "--timeout=2m")
	absent(t, shared, users, name)
}

// running 是后台的一个 kubectl，逐行给出它的输出。
type running struct {
	lines chan string
	args  []string
}

func background(t *testing.T, args ...string) *running {
	t.Helper()
	path, err := harness.Tool(t.Context(), "kubectl")
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+shared.Kubeconfig, "KUBECACHEDIR="+filepath.Join(shared.Dir, "kubectl-cache"))
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	r := &running{lines: make(chan string, 64), args: args}
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		defer close(r.lines)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			r.lines <- lines.Text()
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-finished
		_ = cmd.Wait() // 被取消的 watch 以非零退出，不是失败。
	})
	return r
}

// expect 等到一行里有这句话。
func (r *running) expect(t *testing.T, fact string) {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case line, open := <-r.lines:
			if !open {
				t.Fatalf("kubectl %v ended without saying %q", r.args, fact)
			}
			if strings.Contains(line, fact) {
				return
			}
		case <-deadline:
			t.Fatalf("kubectl %v did not say %q", r.args, fact)
		}
	}
}
