package crossplane

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubellm/kubellm/test/harness"
)

// workspace 是一个 Terraform 工作目录：真的命令行与真的提供者进程，连的是共用的平台。
type workspace struct {
	terraform, dir string
	env            []string
}

// newWorkspace 建一个工作目录；提供者用刚构建的可执行文件，以自己的身份连接平台。
func newWorkspace(t *testing.T) *workspace {
	t.Helper()
	terraform, err := harness.Tool(t.Context(), "terraform")
	if err != nil {
		t.Fatal(err)
	}
	binary := harness.Binary(t, "terraform-provider-kubellm", "")
	rc := writeFile(t, fmt.Sprintf(`provider_installation {
  dev_overrides {
    "registry.terraform.io/kubellm/kubellm" = %[1]q
    "registry.opentofu.org/kubellm/kubellm" = %[1]q
  }
  direct {}
}
`, filepath.Dir(binary)))
	w := &workspace{terraform: terraform, dir: t.TempDir()}
	w.env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+rc, "TF_IN_AUTOMATION=1", "TF_INPUT=0", "TF_CLI_ARGS=-no-color", "CHECKPOINT_DISABLE=1")
	w.write(t, "provider.tf", fmt.Sprintf(`terraform {
  required_providers {
    kubellm = { source = "kubellm/kubellm" }
  }
}

provider "kubellm" {
  kubeconfig = %q
}
`, harness.KubeconfigFor(t, platform, harness.Identity{User: "terraform", Groups: []string{"system:masters"}})))
	return w
}

func (w *workspace) write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, file), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// user 让工作区管一个用户，有这些字段。
func (w *workspace) user(t *testing.T, name, fields string) {
	t.Helper()
	w.write(t, "main.tf", fmt.Sprintf("resource \"kubellm_user\" \"it\" {\n  name = %q\n%s\n}\n", name, fields))
}

// run 执行一条命令，返回全部输出；Terraform 会折行并画框，还原成一行才好找话。
func (w *workspace) run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), w.terraform, args...)
	cmd.Dir, cmd.Env = w.dir, w.env
	out, err := cmd.CombinedOutput()
	return strings.Join(strings.Fields(strings.NewReplacer("│", " ", "╷", " ", "╵", " ").Replace(string(out))), " "), err
}

// succeed 执行一条必须成功的命令，输出里要有每个 part。
func (w *workspace) succeed(t *testing.T, args []string, parts ...string) {
	t.Helper()
	out, err := w.run(t, args...)
	if err != nil {
		t.Fatalf("terraform %q: %v: %s", args, err, out)
	}
	mustSay(t, args, out, parts)
}

// refuse 执行一条必须失败的命令，输出里要有每个 part。
func (w *workspace) refuse(t *testing.T, args []string, parts ...string) {
	t.Helper()
	out, err := w.run(t, args...)
	if err == nil {
		t.Fatalf("terraform %q succeeded, want it refused: %s", args, out)
	}
	mustSay(t, args, out, parts)
}

func mustSay(t *testing.T, args []string, out string, parts []string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(out, part) {
			t.Errorf("terraform %q does not say %q: %s", args, part, out)
		}
	}
}

var (
	tfApply   = []string{"apply", "-auto-approve"}
	tfDestroy = []string{"destroy", "-auto-approve"}
	// tfNothingToDo 以退出码说计划是不是空的。
	tfNothingToDo = []string{"plan", "-detailed-exitcode"}
)
