package apiserver

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubellm/kubellm/test/harness"
)

// TestKubectlOnCore 保证用 kubectl 的人在核心种类上所见与在任何集群上一样。
func TestKubectlOnCore(t *testing.T) {
	t.Parallel()
	kubectl := func(args ...string) string {
		t.Helper()
		return harness.MustKubectl(t, shared.Kubeconfig, "", args...)
	}
	ns := unique("kubectl")
	contains(t, "create namespace", kubectl("create", "namespace", ns), "namespace/"+ns+" created")
	row(t, kubectl("get", "ns", ns), "NAME STATUS AGE", ns+" Active")

	contains(t, "create secret", kubectl("-n", ns, "create", "secret", "generic", "words", "--from-literal=a=b", "--from-literal=c=d"), "secret/words created")
	cert, key := keyPair(t)
	contains(t, "create secret tls", kubectl("-n", ns, "create", "secret", "tls", "serving", "--cert="+cert, "--key="+key), "secret/serving created")
	out := kubectl("-n", ns, "get", "secrets")
	row(t, out, "NAME TYPE DATA AGE", "words Opaque 2")
	row(t, out, "NAME TYPE DATA AGE", "serving kubernetes.io/tls 2")
	contains(t, "describe secret", kubectl("-n", ns, "describe", "secret", "words"), "Opaque", "a:  1 bytes")

	leases.create(t, shared, ns)
	row(t, kubectl("get", "lease", ns), "NAME HOLDER AGE", ns)
	contains(t, "explain", kubectl("explain", "secret.data"), "base64", "map[string]string")
	contains(t, "explain", kubectl("explain", "event", "--api-version=events.k8s.io/v1"), "regarding", "reportingController")
	contains(t, "api-resources", kubectl("api-resources", "--namespaced=true", "-o", "name"), "secrets", "events", "events.events.k8s.io", "leases.coordination.k8s.io")
	if out := kubectl("get", "kubellm", "-o", "name"); strings.Contains(out, "namespace/") || strings.Contains(out, "lease") {
		t.Errorf("the category of the platform's kinds has others in it: %s", out)
	}

	must(t, createEvent(t, shared.admin.core(t), ns, "seen"))
	row(t, kubectl("-n", ns, "get", "events"), "LAST SEEN TYPE REASON OBJECT MESSAGE", "Normal Tested secret/seen It was tested.")
	contains(t, "kubectl events", kubectl("events", "-n", ns), "Secret/seen", "x2 over")

	contains(t, "delete", kubectl("delete", "ns", ns, "--wait=false"), "deleted")
	kubectl("wait", "--for=delete", "namespace/"+ns, "--timeout=2m")
	if out, err := harness.Kubectl(t.Context(), shared.Kubeconfig, "", "-n", ns, "create", "secret", "generic", "late"); err == nil || !strings.Contains(err.Error(), `namespaces "`+ns+`" not found`) {
		t.Errorf("creating a secret in a namespace that is gone: %s, %v", out, err)
	}
}

// TestKubectlDescribesEvents 保证 kubectl describe 在平台种类上也显示它的事件。
func TestKubectlDescribesEvents(t *testing.T) {
	t.Parallel()
	k := users
	user := k.create(t, shared, unique("described"))
	event := newEvent("default", unique("described"))
	event.InvolvedObject.APIVersion, event.InvolvedObject.Kind, event.InvolvedObject.Namespace = user.GetAPIVersion(), user.GetKind(), ""
	event.InvolvedObject.Name, event.InvolvedObject.UID, event.Message = user.GetName(), user.GetUID(), "Somebody looked."
	_, err := shared.admin.core(t).CoreV1().Events("default").Create(t.Context(), event, metav1.CreateOptions{})
	must(t, err)
	contains(t, "describe", harness.MustKubectl(t, shared.Kubeconfig, "", "describe", "kuser", user.GetName()), "Events:", "Tested", "Somebody looked.")
}

// row 断言表格有这些列，且有一行以这些格起头；空白多少不计，年龄不看。
func row(t *testing.T, out, header, cells string) {
	t.Helper()
	lines := strings.Split(out, "\n")
	if got := strings.Join(strings.Fields(lines[0]), " "); got != header {
		t.Errorf("the columns are %q, want %q", got, header)
	}
	for _, line := range lines[1:] {
		if strings.Contains(strings.Join(strings.Fields(line), " "), cells) {
			return
		}
	}
	t.Errorf("no row has %q:\n%s", cells, out)
}

// keyPair 写出一对证书与私钥文件。
func keyPair(t *testing.T) (cert, key string) {
	t.Helper()
	pair, err := shared.ca.IssueServer("example.org")
	must(t, err)
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	must(t, os.WriteFile(cert, pair.Cert, 0o600))
	must(t, os.WriteFile(key, pair.Key, 0o600))
	return cert, key
}
