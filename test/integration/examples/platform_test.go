// Package examples 保证 examples/ 里的每个文件都能照原样应用到真实的服务器上。
package examples

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kubellm/kubellm/test/harness"
)

// TestPlatform 以服务端应用的方式应用 examples/platform 的每个文件，再应用一次不得有变化，控制器把它们都变成就绪。
func TestPlatform(t *testing.T) {
	root, err := harness.Root()
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(root, "examples", "platform")
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("find the examples in %s: %d files, error %v", folder, len(files), err)
	}
	platform := harness.NewPlatform(t, harness.PlatformOptions{})
	harness.NewController(t, harness.ManagerOptions{Kubeconfig: platform.ControllerKubeconfig})

	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			names := strings.Fields(apply(t, platform, file))
			before := generations(t, platform, names)
			apply(t, platform, file)
			if after := generations(t, platform, names); after != before {
				t.Errorf("applying it again changed something: generations were %s, are %s", before, after)
			}
		})
	}
	// 单个文件的次序是任意的；全都在了之后，一切都应就绪。
	waitReady(t, platform, "users")
	waitReady(t, platform, "rolebindings")
}

// apply 应用一个文件并返回其中对象的名字，形如 user.iam.kubellm.io/grace。
func apply(t *testing.T, platform *harness.Platform, file string) string {
	t.Helper()
	return harness.MustKubectl(t, platform.Kubeconfig, "", "apply", "--server-side", "--validate=strict", "-f", file, "-o", "name")
}

// generations 返回对象的 generation：控制器随时会写状态，那不算变化。
func generations(t *testing.T, platform *harness.Platform, names []string) string {
	t.Helper()
	args := append([]string{"get", "-o", "custom-columns=NAME:.metadata.name,UID:.metadata.uid,GENERATION:.metadata.generation", "--no-headers"}, names...)
	return harness.MustKubectl(t, platform.Kubeconfig, "", args...)
}

func waitReady(t *testing.T, platform *harness.Platform, resource string) {
	t.Helper()
	harness.Eventually(t, "all "+resource+" to be Ready", 30*time.Second, func(ctx context.Context) error {
		out, err := harness.Kubectl(ctx, platform.Kubeconfig, "", "get", resource, "--no-headers",
			"-o", `jsonpath={range .items[*]}{.metadata.name}={.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}`)
		if err != nil {
			return err
		}
		for _, line := range strings.Fields(out) {
			if !strings.HasSuffix(line, "=True") {
				return fmt.Errorf("%s", line)
			}
		}
		return nil
	})
}
