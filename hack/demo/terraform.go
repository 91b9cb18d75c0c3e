package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/kubellm/kubellm/test/harness"
)

// providerVersion 是本地镜像里提供者的版本号；镜像里只有这一个。
const providerVersion = "0.1.0"

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
	if err := t.writeMirror(d.binary("terraform-provider-kubellm")); err != nil {
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
