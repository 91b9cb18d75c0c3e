// Package examples 保证 examples/ 里的每个文件都能照原样应用到真实的服务器上。
package examples

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kubellm/kubellm/test/harness"
)

// TestPlatform 以服务端应用的方式应用 examples/platform 的每个文件，再应用一次不得有变化，控制器把它们都变成就绪；
// 例子里要使用者自己准备的 Secret 与成员集群，这里照例子的话准备好。
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
	prepare(t, platform)

	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			apply(t, platform, file)
			before := generations(t, platform, file)
			apply(t, platform, file)
			if after := generations(t, platform, file); after != before {
				t.Errorf("applying it again changed something: generations were %s, are %s", before, after)
			}
		})
	}
	// 单个文件的次序是任意的；全都在了之后，一切都应就绪。
	waitReady(t, platform, "users")
	waitReady(t, platform, "rolebindings")
	waitReady(t, platform, "clusters")
	waitReady(t, platform, "models")
}

// prepare 建好例子点名的 Secret，以及 cluster.yaml 登记的成员：有卡，也有自动伸缩要的 KEDA 的种类。
func prepare(t *testing.T, platform *harness.Platform) {
	t.Helper()
	member := harness.NewMember(t, harness.MemberOptions{Name: "gpu-north"})
	harness.InstallCRD(t, member.APIServer.Kubeconfig, "scaledobjects.yaml")
	nodes := harness.GPUNodes{Prefix: "h100", Count: 2, Product: "NVIDIA-H100-80GB-HBM3", MemoryMiB: 81559, GPUs: 8}
	if err := member.AddGPUNodes(t.Context(), nodes); err != nil {
		t.Fatal(err)
	}
	kubeconfig := filepath.Join(t.TempDir(), "member.kubeconfig")
	admin := harness.Identity{User: "kubellm", Groups: []string{"system:masters"}}
	if err := os.WriteFile(kubeconfig, harness.MemberKubeconfig(t, member, admin, time.Hour), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"create", "secret", "generic", "gpu-north", "--namespace", "kubellm-system", "--from-file=kubeconfig=" + kubeconfig},
		{"create", "namespace", "team-a"},
		{"create", "secret", "generic", "hugging-face", "--namespace", "team-a", "--from-literal=token=hf_example"},
	} {
		harness.MustKubectl(t, platform.Kubeconfig, "", args...)
	}
}

func apply(t *testing.T, platform *harness.Platform, file string) {
	t.Helper()
	harness.MustKubectl(t, platform.Kubeconfig, "", "apply", "--server-side", "--validate=strict", "-f", file)
}

// generations 返回文件里的对象的 generation：控制器随时会写状态，那不算变化。
func generations(t *testing.T, platform *harness.Platform, file string) string {
	t.Helper()
	return harness.MustKubectl(t, platform.Kubeconfig, "", "get", "-f", file, "--no-headers",
		"-o", "custom-columns=NAME:.metadata.name,UID:.metadata.uid,GENERATION:.metadata.generation")
}

func waitReady(t *testing.T, platform *harness.Platform, resource string) {
	t.Helper()
	harness.Eventually(t, "all "+resource+" to be Ready", 2*time.Minute, func(ctx context.Context) error {
		out, err := harness.Kubectl(ctx, platform.Kubeconfig, "", "get", resource, "--all-namespaces", "--no-headers",
			"-o", `jsonpath={range .items[*]}{.metadata.name}={.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}`)
		if err != nil {
			return err
		}
		lines := strings.Fields(out)
		if len(lines) == 0 {
			return errors.New("there are none")
		}
		for _, line := range lines {
			if !strings.HasSuffix(line, "=True") {
				return fmt.Errorf("%s", line)
			}
		}
		return nil
	})
}
