package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// packages 是本仓库构建的可执行文件和它们的 main 包。
var packages = map[string]string{
	"kubellm-apiserver":          "./cmd/kubellm-apiserver",
	"kubellm-controller":         "./cmd/kubellm-controller",
	"provider":                   "./cmd/provider",
	"terraform-provider-kubellm": "./terraform-provider",
}

// Root 返回仓库的根目录：从当前目录往上找 go.mod，测试在各自的包目录里运行。
var Root = sync.OnceValues(func() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the repository: %w", err)
	}
	for at := dir; ; at = filepath.Dir(at) {
		raw, err := os.ReadFile(filepath.Join(at, "go.mod"))
		if err == nil && bytes.HasPrefix(raw, []byte("module github.com/kubellm/kubellm\n")) {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("find the repository: no go.mod of github.com/kubellm/kubellm in %s or above it", dir)
		}
	}
})

var (
	buildMu sync.Mutex
	built   = map[string]string{}
)

// Build 把 name 构建到 bin/（带竞争检测器时到 bin/race/）并返回路径；
// 每个程序里每个名字只构建一次，没有改动时由 go 的缓存直接给出。
func Build(ctx context.Context, name string) (string, error) {
	buildMu.Lock()
	defer buildMu.Unlock()
	if path, ok := built[name]; ok {
		return path, nil
	}
	pkg, ok := packages[name]
	if !ok {
		return "", fmt.Errorf("build %s: there is no such binary in this repository", name)
	}
	root, err := Root()
	if err != nil {
		return "", err
	}
	dir, args := filepath.Join(root, "bin"), []string{"build", "-buildvcs=false"}
	if raceEnabled {
		dir, args = filepath.Join(dir, "race"), append(args, "-race")
	}
	path := filepath.Join(dir, name)
	unlock, err := lock(filepath.Join(dir, "."+name+".lock"))
	if err != nil {
		return "", fmt.Errorf("build %s: %w", name, err)
	}
	defer unlock()
	cmd := exec.CommandContext(ctx, "go", append(args, "-o", path, pkg)...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s with %q in %s: %w\n%s", name, cmd.String(), root, err, out)
	}
	built[name] = path
	return path, nil
}

// lock 让并行的测试包不会同时写同一个可执行文件。
func lock(path string) (func(), error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	return func() { _ = f.Close() }, nil
}

var (
	toolMu sync.Mutex
	tools  = map[string]string{}
)

// Tool 返回真实对端或客户端（etcd、kube-apiserver、kubectl、terraform）的路径；
// hack/tools 没有现成的就先构建，进度写到标准错误。
func Tool(ctx context.Context, name string) (string, error) {
	toolMu.Lock()
	defer toolMu.Unlock()
	if path, ok := tools[name]; ok {
		return path, nil
	}
	root, err := Root()
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(root, "hack", "tools", "install.sh"), "--path", name)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("find or build the tool %s with %s: %w", name, cmd.String(), err)
	}
	tools[name] = strings.TrimSpace(string(out))
	return tools[name], nil
}

// orTool 返回给定的路径，未给定时用 hack/tools 的。
func orTool(ctx context.Context, path, name string) (string, error) {
	if path != "" {
		return path, nil
	}
	return Tool(ctx, name)
}

// orBuilt 返回给定的路径，未给定时用 bin/ 里已构建的。
func orBuilt(path, name string) (string, error) {
	if path != "" {
		return path, nil
	}
	root, err := Root()
	if err != nil {
		return "", err
	}
	path = filepath.Join(root, "bin", name)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("find %s: %w; build it with make build", name, err)
	}
	return path, nil
}
