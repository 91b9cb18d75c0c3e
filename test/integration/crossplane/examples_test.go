package crossplane

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kubellm/kubellm/test/harness"
)

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
	for _, file := range files {
		name, _ := filepath.Rel(dir, file)
		harness.MustKubectl(t, shared.Kubeconfig, "", "apply", "-f", file)
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(raw), "apiVersion: iam.kubellm.") {
			t.Log("waiting for", name)
			harness.MustKubectl(t, shared.Kubeconfig, "", "wait", "--for=condition=Ready", "--timeout=60s", "-f", file)
			harness.MustKubectl(t, shared.Kubeconfig, "", "wait", "--for=condition=Synced", "--timeout=10s", "-f", file)
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
