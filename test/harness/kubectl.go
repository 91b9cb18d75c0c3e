package harness

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Kubectl 用真实的 kubectl 对 kubeconfig 所指的服务器执行 args，返回标准输出；
// stdin 非空时送进标准输入（kubectl apply -f -）。失败的错误带上 kubectl 的标准错误。
func Kubectl(ctx context.Context, kubeconfig, stdin string, args ...string) (string, error) {
	kubectl, err := Tool(ctx, "kubectl")
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, kubectl, args...)
	// 发现缓存放在 kubeconfig 旁边：不读写用户自己的缓存，也不会被另一个测试的服务器弄混。
	cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig,
		"KUBECACHEDIR="+filepath.Join(filepath.Dir(kubeconfig), "kubectl-cache"))
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}
