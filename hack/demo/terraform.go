package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/kubellm/kubellm/test/harness"
)

// providerVersion 是本地镜像里提供者的版本号；镜像里只有这一个。
const providerVersion = "0.1.0"

// changesPending 是 terraform plan -detailed-exitcode 有改动时的退出码。
const changesPending = 2

// tf 是 Terraform（或 OpenTofu）和它的工作目录。
type tf struct {
	binary, dir string
	env         map[string]string
}

// newTerraform 准备工作目录：例子的副本（状态文件不该落在仓库里）、装着提供者的本地镜像和环境变量。
func newTerraform(ctx context.Context, d *demo, platform *harness.Platform, member *harness.Member) (*tf, error) {
	binary, err := harness.Tool(ctx, "terraform")
	if err != nil {
		return nil, err
	}
	kubeconfig, err := platform.KubeconfigFor(harness.Identity{User: "terraform", Groups: []string{"automation"}})
	if err != nil {
		return nil, err
	}
	memberKubeconfig, err := member.Kubeconfig(memberIdentity, memberTTL)
	if err != nil {
		return nil, err
	}
	t := &tf{binary: binary, dir: d.path("terraform"), env: map[string]string{
		"TERRAFORM":          binary,
		"TF_CLI_CONFIG_FILE": d.path("terraform", "cli.tfrc"),
		"CHECKPOINT_DISABLE": "1",
		"KUBELLM_KUBECONFIG": kubeconfig,
		// 成员的 kubeconfig 只走环境变量：它不进配置、计划与状态。
		"TF_VAR_gpu_east_kubeconfig":         string(memberKubeconfig),
		"TF_VAR_gpu_east_kubeconfig_version": "1",
	}}
	if err := os.CopyFS(t.dir, os.DirFS(filepath.Join(d.root, "examples", "terraform"))); err != nil {
		return nil, fmt.Errorf("copy examples/terraform: %w", err)
	}
	if err := t.writeMirror(filepath.Join(d.root, "bin", "terraform-provider-kubellm")); err != nil {
		return nil, fmt.Errorf("prepare a mirror with the Terraform provider: %w", err)
	}
	return t, t.writeEnv()
}

// writeMirror 把提供者摆成文件系统镜像：与从注册表安装走同一条路，init 也是真的。
func (t *tf) writeMirror(provider string) error {
	mirror := filepath.Join(t.dir, "mirror")
	for _, host := range []string{"registry.terraform.io", "registry.opentofu.org"} {
		dir := filepath.Join(mirror, host, "kubellm", "kubellm", providerVersion, runtime.GOOS+"_"+runtime.GOARCH)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := os.Symlink(provider, filepath.Join(dir, "terraform-provider-kubellm_v"+providerVersion)); err != nil {
			return err
		}
	}
	config := fmt.Sprintf("provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", mirror)
	return os.WriteFile(t.env["TF_CLI_CONFIG_FILE"], []byte(config), 0o644)
}

// writeEnv 写一个可以 source 的文件，让人接着用同样的设置。
func (t *tf) writeEnv() error {
	var script strings.Builder
	for _, name := range slices.Sorted(maps.Keys(t.env)) {
		fmt.Fprintf(&script, "export %s='%s'\n", name, t.env[name])
	}
	if err := os.WriteFile(filepath.Join(t.dir, "env.sh"), []byte(script.String()), 0o600); err != nil {
		return fmt.Errorf("write the settings of Terraform: %w", err)
	}
	return nil
}

// run 说出命令并执行，返回它的输出；退出码由调用者判断。
func (t *tf) run(ctx context.Context, args ...string) (string, error) {
	say("$ %s %s", filepath.Base(t.binary), shellLine(args))
	cmd := exec.CommandContext(ctx, t.binary, append(args, "-no-color")...)
	cmd.Dir = t.dir
	cmd.Env = os.Environ()
	for name, value := range t.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// must 执行并返回输出；失败时输出进错误。
func (t *tf) must(ctx context.Context, args ...string) (string, error) {
	out, err := t.run(ctx, args...)
	if err != nil {
		return "", fmt.Errorf("%s %s in %s: %w\n%s", t.binary, shellLine(args), t.dir, err, out)
	}
	return out, nil
}

// applyExamples 应用例子，并证明第二次计划是空的。
func (t *tf) applyExamples(ctx context.Context) error {
	heading("Terraform: examples/terraform (%s)", t.binary)
	if _, err := t.must(ctx, "init", "-input=false"); err != nil {
		return err
	}
	out, err := t.must(ctx, "apply", "-input=false", "-auto-approve")
	if err != nil {
		return err
	}
	// 全是新建的计划很长，从总数看起就够了。
	if _, rest, found := strings.Cut(out, "\nPlan: "); found {
		out = "Plan: " + rest
	}
	quote(out)
	out, pending, err := t.plan(ctx)
	if err != nil {
		return err
	}
	if pending {
		return fmt.Errorf("the plan right after an apply is not empty:\n%s", out)
	}
	say("the plan after the apply is empty, as it must be")
	return nil
}

// plan 返回计划的输出和其中有没有改动。
func (t *tf) plan(ctx context.Context) (string, bool, error) {
	out, err := t.run(ctx, "plan", "-input=false", "-detailed-exitcode")
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == changesPending {
		return out, true, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("%s plan in %s: %w\n%s", t.binary, t.dir, err, out)
	}
	return out, false, nil
}

// driftInTerraform 在 Terraform 背后改一个用户：计划里看得见，apply 改回来。
func driftInTerraform(ctx context.Context, platform *harness.Platform, users *users, t *tf) error {
	heading("A change behind Terraform's back")
	user, err := users.managedBy(ctx, terraform)
	if err != nil {
		return err
	}
	say("%s is managed by %s; its groups are %v", user.Name, managerOf(user), user.Spec.Groups)
	if err := addIntruders(ctx, platform, user.Name); err != nil {
		return err
	}
	out, pending, err := t.plan(ctx)
	if err != nil {
		return err
	}
	if !pending || !strings.Contains(out, intruders) {
		return fmt.Errorf("the plan does not show that %s got the group %s:\n%s", user.Name, intruders, out)
	}
	quote(out)
	say("the plan shows it; applying puts it right")
	out, err = t.must(ctx, "apply", "-input=false", "-auto-approve")
	if err != nil {
		return err
	}
	// 计划刚印过，这里只要结果。
	for line := range strings.Lines(out) {
		if strings.Contains(line, "Modif") || strings.HasPrefix(line, "Apply complete") {
			quote(line)
		}
	}
	return users.groupsAre(ctx, user.Name, user.Spec.Groups)
}
