package examples

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kubellm/kubellm/test/harness"
)

// fence 认出文档里的一段代码。
var fence = regexp.MustCompile("(?ms)^```(yaml|sh)\n(.*?)^```$")

// TestModelDocs 文档里的每个 Model 都过得了服务端的试运行；交入凭证的命令照原样执行，平台记下了新的版本。
func TestModelDocs(t *testing.T) {
	root, err := harness.Root()
	if err != nil {
		t.Fatal(err)
	}
	platform := harness.NewPlatform(t, harness.PlatformOptions{})
	for name, kinds := range map[string]struct{ manifests, commands int }{"models.md": {5, 1}, "placement.md": {}, "engines.md": {manifests: 3}} {
		text, err := os.ReadFile(filepath.Join(root, "docs", name))
		if err != nil {
			t.Fatal(err)
		}
		manifests, commands := 0, 0
		for _, found := range fence.FindAllStringSubmatch(string(text), -1) {
			switch language, body := found[1], found[2]; {
			case language == "yaml" && strings.Contains(body, "kind: Model\n"):
				manifests++
				plan(t, platform, name, body)
			case language == "sh" && strings.Contains(body, "models/chat/credentials"):
				commands++
				handIn(t, platform, body)
			}
		}
		if manifests < kinds.manifests || commands < kinds.commands {
			t.Errorf("docs/%s has %d manifests and %d commands that hand credentials in, want at least %+v", name, manifests, commands, kinds)
		}
	}
}

// plan 试运行一段清单，答复里要有平台的打算。
func plan(t *testing.T, platform *harness.Platform, page, manifests string) {
	t.Helper()
	out, err := harness.Kubectl(t.Context(), platform.Kubeconfig, manifests, "apply", "--dry-run=server", "--validate=strict", "-f", "-", "-o", "yaml")
	if err != nil {
		t.Errorf("docs/%s: the platform refuses\n%s\n%v", page, manifests, err)
	} else if !strings.Contains(out, "plan:") {
		t.Errorf("docs/%s: the dry run answers without a plan:\n%s", page, out)
	}
}

// handIn 照文档的话把令牌交给 chat。
func handIn(t *testing.T, platform *harness.Platform, command string) {
	t.Helper()
	harness.MustKubectl(t, platform.Kubeconfig, `{"apiVersion": "model.kubellm.io/v1alpha1", "kind": "Model", "metadata": {"name": "chat"},
"spec": {"source": {"huggingFace": {"repo": "a/b"}}, "engine": {"type": "VLLM"}}}`, "create", "-f", "-")
	kubectl, err := harness.Tool(t.Context(), "kubectl")
	if err != nil {
		t.Fatal(err)
	}
	shell := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", command)
	shell.Env = append(os.Environ(), "KUBECONFIG="+platform.Kubeconfig, "HOME="+t.TempDir(), "HF_TOKEN=hf_example",
		"PATH="+filepath.Dir(kubectl)+string(filepath.ListSeparator)+os.Getenv("PATH"))
	if out, err := shell.CombinedOutput(); err != nil {
		t.Fatalf("hand credentials in with\n%s\n%v: %s", command, err, out)
	}
	version := harness.MustKubectl(t, platform.Kubeconfig, "", "get", "model", "chat", "-o", "jsonpath={.status.credentialsVersion}")
	if version == "" {
		t.Error("credentials were handed in, but the Model shows no version of them")
	}
}
