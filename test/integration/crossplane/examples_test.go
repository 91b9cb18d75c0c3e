package crossplane

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubellm/kubellm/test/harness"
)

// managedManifest 认出托管资源的清单。
var managedManifest = regexp.MustCompile(`(?m)^apiVersion: (iam|cluster|model)\.kubellm\.`)

// TestExamples 照着例子的次序逐个应用，每个托管资源都要就绪。
func TestExamples(t *testing.T) {
	t.Parallel()
	root, err := harness.Root()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(root, "examples", "crossplane")
	var files []string
	for _, pattern := range []string{"*.yaml", "*/*.yaml"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(found)
		files = append(files, found...)
	}
	if len(files) < 10 {
		t.Fatalf("found only %q in %s", files, dir)
	}
	// 21-adopt-user.yaml 要接管的用户；凭据的 Secret 已在那里，默认配置也在。
	kubectl(t, platform, "create", "-f", writeFile(t, "apiVersion: iam.kubellm.io/v1alpha1\nkind: User\nmetadata: {name: carol}\nspec: {displayName: Carol}\n"))
	// 14-cluster.yaml 要纳管的成员与它的 Secret，15-model.yaml 要在其上跑起来；命名空间先由 00-namespaces.yaml 建好。
	member := harness.NewMember(t, harness.MemberOptions{Name: "gpu-west"})
	if err := member.AddGPUNodes(t.Context(), harness.GPUNodes{Prefix: "h100", Count: 1, Product: "NVIDIA-H100-80GB-HBM3", MemoryMiB: 81559, GPUs: 8}); err != nil {
		t.Fatal(err)
	}
	kubectl(t, platform, "create", "namespace", "team-a")
	harness.MustKubectl(t, shared.Kubeconfig, "", "apply", "-f", files[0])
	shared.kubeconfigSecret(t, "team-a", "gpu-west-kubeconfig", "kubeconfig",
		harness.MemberKubeconfig(t, member, harness.Identity{User: "kubellm", Groups: []string{"system:masters"}}, time.Hour))
	harness.MustKubectl(t, shared.Kubeconfig, "", "create", "secret", "generic", "qwen3-tokens", "-n", "team-a", "--from-literal=token="+memberToken)
	for _, file := range files {
		name, _ := filepath.Rel(dir, file)
		harness.MustKubectl(t, shared.Kubeconfig, "", "apply", "-f", file)
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if managedManifest.Match(raw) {
			t.Log("waiting for", name)
			harness.MustKubectl(t, shared.Kubeconfig, "", "wait", "--for=condition=Ready", "--timeout=120s", "-f", file)
			harness.MustKubectl(t, shared.Kubeconfig, "", "wait", "--for=condition=Synced", "--timeout=2m", "-f", file)
		}
	}
	connection := harness.MustKubectl(t, shared.Kubeconfig, "", "get", "secret", "-n", "team-a", "qwen3-8b", "-o", "jsonpath={.data.endpoint} {.data.servedName}")
	if keys := strings.Fields(connection); len(keys) != 2 {
		t.Errorf("the connection secret of the model has %d of endpoint and servedName", len(keys))
	}
	models := harness.MustKubectl(t, shared.Kubeconfig, "", "get", "models.model.kubellm.m.crossplane.io", "-n", "team-a", "qwen3-8b")
	for _, column := range []string{"READY", "SYNCED", "EXTERNAL-NAME", "ENGINE", "REPLICAS", "CLUSTERS", "ENDPOINT", "AGE", "VLLM", "1/1", "gpu-west"} {
		if !strings.Contains(models, column) {
			t.Errorf("kubectl get does not show %s:\n%s", column, models)
		}
	}
	table := harness.MustKubectl(t, shared.Kubeconfig, "", "get", "users.iam.kubellm.m.crossplane.io", "-n", "team-a", "alice")
	for _, column := range []string{"READY", "SYNCED", "EXTERNAL-NAME", "EMAIL", "AGE", "alice@example.org"} {
		if !strings.Contains(table, column) {
			t.Errorf("kubectl get does not show %s:\n%s", column, table)
		}
	}
	if explained := harness.MustKubectl(t, shared.Kubeconfig, "", "explain", "users.iam.kubellm.m.crossplane.io.spec.forProvider.groups"); !strings.Contains(explained, "role bindings may name a") {
		t.Errorf("kubectl explain does not explain groups:\n%s", explained)
	}
}

func writeFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "manifest.yaml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
