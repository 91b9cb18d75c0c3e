package apiserver

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kubellm/kubellm/test/harness"
)

// TestDocumentedConfig 照 docs/server.md 配一个服务器：照抄的人得到的也该是能用的，审计日志里真的有东西。
// 路径都挪到临时目录之下，监听的地址与端口由命令行另给，其余一字不改。
func TestDocumentedConfig(t *testing.T) {
	t.Parallel()
	root, free := t.TempDir(), port(t)
	under := func(text string) string {
		return regexp.MustCompile(`/(etc|var)/`).ReplaceAllString(text, root+"/$1/")
	}
	place := func(path, block string) string {
		file := under(path)
		must(t, os.MkdirAll(filepath.Dir(file), 0o700))
		must(t, os.WriteFile(file, []byte(under(block)), 0o600))
		return file
	}
	place("/etc/kubellm/audit-policy.yaml", documented(t, "server.md", "# /etc/kubellm/audit-policy.yaml"))
	file := place("/etc/kubellm/kubellm.yaml", documented(t, "server.md", "# kubellm-apiserver --config kubellm.yaml"))

	p := startWithConfig(t, file, filepath.Join(root, "var/lib/kubellm"), "https://127.0.0.1:"+free, "--bind-address=127.0.0.1", "--secure-port="+free)
	created := users.create(t, p, "documented")
	log := string(read(t, filepath.Join(root, "var/log/kubellm/audit.log")))
	if !strings.Contains(log, created.GetName()) || !strings.Contains(log, `"verb":"create"`) {
		t.Errorf("the audit log of the documented configuration lacks a write: %.300s", log)
	}
}

// documented 取文档里以 first 这一行开头的 YAML。
func documented(t *testing.T, page, first string) string {
	t.Helper()
	root, err := harness.Root()
	must(t, err)
	block := regexp.MustCompile(fmt.Sprintf("(?ms)^```yaml\n%s\n(.*?)^```$", regexp.QuoteMeta(first)))
	found := block.FindSubmatch(read(t, filepath.Join(root, "docs", page)))
	if found == nil {
		t.Fatalf("docs/%s has no block that begins with %q", page, first)
	}
	return string(found[1])
}
