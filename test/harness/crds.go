package harness

import (
	"context"
	"path"
	"strings"
	"testing"
	"time"
)

// served 是等服务器开始提供一个新种类的上限。
const served = time.Minute

// InstallCRD 在 kubeconfig 所指的服务器上装 hack/tools 里别人的一份 CRD（例如 llminferenceservices.yaml），
// 等到它提供那个种类，返回 CRD 的名字。
func InstallCRD(t testing.TB, kubeconfig, file string) string {
	t.Helper()
	manifest, err := Tool(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	// create 而不是 apply：KServe 的 CRD 抄不进 apply 的注解。
	name := path.Base(strings.TrimSpace(MustKubectl(t, kubeconfig, "", "create", "-o", "name", "-f", manifest)))
	Eventually(t, name+" to be served", served, func(ctx context.Context) error {
		_, err := Kubectl(ctx, kubeconfig, "", "get", name, "-A")
		return err
	})
	return name
}
