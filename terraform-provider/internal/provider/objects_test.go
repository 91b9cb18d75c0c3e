package provider

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/kubellm/kubellm/apis/meta"
	"github.com/kubellm/kubellm/test/harness"
)

// kubectl 以管理员身份对平台做一件事：测试里的"别人"就是用 kubectl 的人。
func kubectl(t *testing.T, args ...string) string {
	t.Helper()
	return harness.MustKubectl(t, platform.Kubeconfig, "", args...)
}

// patch 像人一样改一个对象。
func patch(t *testing.T, resource, name, merge string) {
	t.Helper()
	kubectl(t, "patch", resource, name, "--type=merge", "-p", merge)
}

// stored 是平台上的一个对象；JSON 形式，与种类无关。
type stored struct {
	Metadata struct {
		UID             string
		ResourceVersion string
		Labels          map[string]string
		Annotations     map[string]string
	}
	Spec map[string]any
}

func (s stored) owner() string { return s.Metadata.Annotations[meta.OwnerAnnotation] }

// read 读出平台上的对象，不在就失败。
func read(t *testing.T, resource, name string) stored {
	t.Helper()
	var out stored
	if err := json.Unmarshal([]byte(kubectl(t, "get", resource, name, "-o", "json")), &out); err != nil {
		t.Fatalf("read %s %s: %v", resource, name, err)
	}
	return out
}

// absent 检查平台上没有这个对象。
func absent(t *testing.T, reason, resource, name string) {
	t.Helper()
	if out := kubectl(t, "get", resource, name, "--ignore-not-found", "-o", "name"); out != "" {
		t.Errorf("%s: %s %s is stored", reason, resource, name)
	}
}

// sameSpec 检查平台上的 spec 恰好是这些字段。
func sameSpec(t *testing.T, reason, resource, name, want string) {
	t.Helper()
	var spec map[string]any
	if err := json.Unmarshal([]byte(want), &spec); err != nil {
		t.Fatalf("the test's own JSON: %v", err)
	}
	if got := read(t, resource, name).Spec; !reflect.DeepEqual(got, spec) {
		t.Errorf("%s: the spec of %s %s is %v, want %v", reason, resource, name, got, spec)
	}
}

// ownedByTerraform 检查对象带着某个 Terraform 资源实例的标记。
func ownedByTerraform(t *testing.T, resource, name string) {
	t.Helper()
	if owner := read(t, resource, name).owner(); !strings.HasPrefix(owner, "terraform/") {
		t.Errorf("%s %s is marked as owned by %q, want a mark of Terraform", resource, name, owner)
	}
}

// tempFile 写一个临时文件并返回路径。
func tempFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// contentOf 读出一个必须存在的文件。
func contentOf(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// cleanup 收拾"别人"的对象，连同拖住它的终结器；测试结束时 t.Context 已取消，所以不用它。
func cleanup(t *testing.T, resource, name string) {
	t.Helper()
	ctx := context.Background()
	if out, err := harness.Kubectl(ctx, platform.Kubeconfig, "", "get", resource, name, "--ignore-not-found", "-o", "name"); err != nil || out == "" {
		return
	}
	_, err := harness.Kubectl(ctx, platform.Kubeconfig, "", "patch", resource, name, "--type=merge", "-p", `{"metadata": {"finalizers": null}}`)
	if err == nil {
		_, err = harness.Kubectl(ctx, platform.Kubeconfig, "", "delete", resource, name, "--ignore-not-found", "--timeout=30s")
	}
	if err != nil {
		t.Error(err)
	}
}
