package provider

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/kubellm/kubellm/test/harness"
)

// workspace 是一个人的 Terraform 工作目录：真实的命令行，真实的提供者进程，自己的状态。
type workspace struct {
	dir string
	env []string
}

// newWorkspace 建一个空的工作目录，提供者用刚构建的可执行文件。
func newWorkspace(t *testing.T) *workspace {
	t.Helper()
	w := &workspace{dir: t.TempDir()}
	binary := harness.Binary(t, "terraform-provider-kubellm", "")
	rc := fmt.Sprintf(`provider_installation {
  dev_overrides {
    "registry.terraform.io/kubellm/kubellm"  = %[1]q
    "registry.opentofu.org/kubellm/kubellm" = %[1]q
  }
  direct {}
}
`, filepath.Dir(binary))
	rcFile := filepath.Join(t.TempDir(), "terraformrc")
	if err := os.WriteFile(rcFile, []byte(rc), 0o600); err != nil {
		t.Fatal(err)
	}
	w.env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+rcFile, "TF_IN_AUTOMATION=1", "TF_INPUT=0", "TF_CLI_ARGS=-no-color", "GORACE="+w.races(t))
	w.write(t, "provider.tf", `terraform {
  required_providers {
    kubellm = { source = "kubellm/kubellm" }
  }
}
`)
	return w
}

// races 让提供者进程的竞争检测器把报告写进文件，Terraform 不会给人看它的标准错误；有报告就算测试失败。
// 它结束前不必再等一秒：每条命令要启动它几次，等的时间比做事的还长。
func (w *workspace) races(t *testing.T) string {
	t.Helper()
	reports := t.TempDir()
	t.Cleanup(func() {
		files, err := filepath.Glob(filepath.Join(reports, "*"))
		if err != nil {
			t.Error(err)
		}
		for _, file := range files {
			t.Errorf("the provider reported a data race:\n%s", contentOf(t, file))
		}
	})
	return "atexit_sleep_ms=0 log_path=" + filepath.Join(reports, "race")
}

// newUserWorkspace 是以某个 kubeconfig 连接平台的工作目录。
func newUserWorkspace(t *testing.T, kubeconfig string) *workspace {
	t.Helper()
	w := newWorkspace(t)
	w.write(t, "platform.tf", providerBlock(kubeconfig))
	return w
}

func (w *workspace) write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, file), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// run 执行一条命令，返回全部输出。
func (w *workspace) run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.CommandContext(t.Context(), os.Getenv("TF_ACC_TERRAFORM_PATH"), args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = w.dir, w.env, &out, &out
	err := cmd.Run()
	return out.String(), err
}

// succeed 执行一条必须成功的命令。
func (w *workspace) succeed(t *testing.T, args ...string) string {
	t.Helper()
	out, err := w.run(t, args...)
	if err != nil {
		t.Fatalf("terraform %v: %v\n%s", args, err, out)
	}
	return out
}

// refuse 执行一条必须失败的命令，并检查输出里有全部要点。
func (w *workspace) refuse(t *testing.T, reason string, args []string, facts ...string) string {
	t.Helper()
	out, err := w.run(t, args...)
	if err == nil {
		t.Fatalf("%s: terraform %v succeeded\n%s", reason, args, out)
	}
	contains(t, reason, out, facts...)
	return out
}

func (w *workspace) apply(t *testing.T) string { return w.succeed(t, "apply", "-auto-approve") }

func (w *workspace) destroy(t *testing.T) string { return w.succeed(t, "destroy", "-auto-approve") }

// emptyPlan 检查没有什么要做的；-detailed-exitcode 用 2 表示有。
func (w *workspace) emptyPlan(t *testing.T, reason string) {
	t.Helper()
	if out, err := w.run(t, "plan", "-detailed-exitcode"); err != nil {
		t.Errorf("%s: the plan is not empty (%v)\n%s", reason, err, out)
	}
}

// addresses 是状态文件里的资源；没有状态文件就是什么也没记下。
func (w *workspace) addresses(t *testing.T) []string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(w.dir, "terraform.tfstate"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var state struct {
		Resources []struct{ Type, Name string }
	}
	if err == nil {
		err = json.Unmarshal(raw, &state)
	}
	if err != nil {
		t.Fatalf("read the state: %v", err)
	}
	var out []string
	for _, resource := range state.Resources {
		out = append(out, resource.Type+"."+resource.Name)
	}
	return out
}
