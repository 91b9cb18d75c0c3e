package provider

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kubellm/kubellm/test/harness"
)

// copyConfiguration 把一棵目录树里的每个 .tf 文件放进工作目录，文件名取自路径。
func (w *workspace) copyConfiguration(t *testing.T, root string) {
	t.Helper()
	found := 0
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if filepath.Ext(path) != ".tf" {
			t.Errorf("%s is not a Terraform file, so no test applies it", path)
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		w.write(t, strings.ReplaceAll(relative, string(filepath.Separator), "_"), string(content))
		found++
		return nil
	})
	if err != nil || found == 0 {
		t.Fatalf("copy the %d configuration files of %s: %v", found, root, err)
	}
}

// examples 应用 examples/terraform 的每个文件，正如 make demo：平台由环境变量给出。
func (f *fleet) examples(t *testing.T) {
	root, err := harness.Root()
	if err != nil {
		t.Fatal(err)
	}
	w := f.exampleWorkspace(t)
	w.env = append(w.env, "KUBELLM_KUBECONFIG="+f.platform.Kubeconfig)
	w.copyConfiguration(t, filepath.Join(root, "examples", "terraform"))
	if plan := w.succeed(t, "plan"); strings.Contains(plan, "kubellm_cluster") {
		t.Errorf("without a kubeconfig the examples should have no cluster:\n%s", plan)
	}
	w.env = append(w.env, "TF_VAR_gpu_east_kubeconfig_version=1")
	contains(t, "the outputs come from the data sources", w.apply(t), "margaret@example.org", "search-directory-readers", `"list"`, "NVIDIA-H100-80GB-HBM3")
	w.emptyPlan(t, "a second plan is empty")
	w.destroy(t)
}

// documentationExamples 应用文档里的每个例子；提供者的例子从家目录里的 kubeconfig 读平台。
func (f *fleet) documentationExamples(t *testing.T) {
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, ".kube"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(f.platform.Kubeconfig, filepath.Join(home, ".kube", "kubellm.kubeconfig")); err != nil {
		t.Fatal(err)
	}
	w := f.exampleWorkspace(t)
	w.env = append(w.env, "HOME="+home)
	w.copyConfiguration(t, "../../examples")
	w.apply(t)
	f.ready(t, "the cluster of the examples is ready", "gpu-east")
	w.emptyPlan(t, "a second plan is empty")
	w.destroy(t)
}

// exampleWorkspace 是自带提供者配置的例子的工作目录。
func (f *fleet) exampleWorkspace(t *testing.T) *workspace {
	t.Helper()
	w := newWorkspace(t)
	if err := os.Remove(filepath.Join(w.dir, "provider.tf")); err != nil {
		t.Fatal(err)
	}
	w.env = append(w.env, "TF_VAR_gpu_east_kubeconfig="+f.kubeconfig(t, time.Hour))
	return w
}
