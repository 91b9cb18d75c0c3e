package provider

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"k8s.io/apimachinery/pkg/util/rand"

	"github.com/kubellm/kubellm/test/harness"
)

// platform 是整个测试包共用的真实平台；对象名各不相同，测试互不相干。
var platform *harness.Platform

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	stop, err := start(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, "set up the acceptance tests:", err)
		return 1
	}
	defer stop()
	return m.Run()
}

// start 构建并启动平台，让 terraform-plugin-testing 用机器上的 terraform 或 tofu，而不是去下载。
func start(ctx context.Context) (func(), error) {
	terraform, err := harness.Tool(ctx, "terraform")
	if err != nil {
		return nil, err
	}
	environment := map[string]string{"TF_ACC": "1", "TF_ACC_TERRAFORM_PATH": terraform, "CHECKPOINT_DISABLE": "1"}
	if filepath.Base(terraform) == "tofu" {
		environment["TF_ACC_PROVIDER_HOST"] = "registry.opentofu.org"
	}
	for _, f := range allFields(configModel{}) {
		environment[variable(f.name)] = ""
	}
	for name, value := range environment {
		if err := os.Setenv(name, value); err != nil {
			return nil, err
		}
	}
	binary, err := harness.Build(ctx, "kubellm-apiserver")
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "kubellm-")
	if err != nil {
		return nil, err
	}
	platform, err = harness.StartPlatform(ctx, harness.PlatformOptions{Binary: binary, Dir: dir})
	if err != nil {
		return nil, err
	}
	return func() {
		if err := platform.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "stop the platform:", err)
		}
		if err := os.RemoveAll(dir); err != nil {
			fmt.Fprintln(os.Stderr, "remove the platform's data:", err)
		}
	}, nil
}

// factories 让 terraform-plugin-testing 在测试进程里跑提供者，竞争检测才看得见它。
var factories = map[string]func() (tfprotov6.ProviderServer, error){
	"kubellm": providerserver.NewProtocol6WithError(New("test")()),
}

// providerBlock 是以 kubeconfig 连接平台的配置块。
func providerBlock(kubeconfig string) string {
	return fmt.Sprintf("provider \"kubellm\" {\n  kubeconfig = %q\n}\n", kubeconfig)
}

// unique 给出别的测试不会用到的对象名。
func unique(prefix string) string { return prefix + "-" + rand.String(6) }

// contains 检查一段给人看的话里有全部要点；Terraform 会按宽度折行并画框，先还原成一行。
func contains(t *testing.T, reason, text string, facts ...string) {
	t.Helper()
	flat := flatten(text)
	for _, fact := range facts {
		if !strings.Contains(flat, flatten(fact)) {
			t.Errorf("%s: %q is missing in:\n%s", reason, fact, text)
		}
	}
}

func flatten(text string) string {
	text = strings.NewReplacer("│", " ", "╷", " ", "╵", " ").Replace(text)
	return strings.Join(strings.Fields(text), " ")
}
