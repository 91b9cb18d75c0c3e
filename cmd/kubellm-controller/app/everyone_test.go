package app

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// TestEveryonesRoles 授给所有登录者的，也在每个用户的状态里，授予与撤销都跟得上；状态只在变了的时候写，一次变化写一次。
func TestEveryonesRoles(t *testing.T) {
	dir := t.TempDir()
	policy, audit := filepath.Join(dir, "policy.yaml"), filepath.Join(dir, "audit.log")
	if err := os.WriteFile(policy, []byte("apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived, ResponseStarted]\nrules: [{level: Metadata}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	platform := harness.NewPlatform(t, harness.PlatformOptions{Args: []string{"--audit-policy-file=" + policy, "--audit-log-path=" + audit}})
	harness.NewController(t, harness.ManagerOptions{Kubeconfig: platform.ControllerKubeconfig})
	p := world{client(t, platform)}
	everyone := v1alpha1.Subject{Kind: v1alpha1.SubjectGroup, Name: "system:authenticated"}

	p.createRole(t, "common")
	names := []string{"ann", "bob", "zoe"}
	for _, name := range names {
		p.createUser(t, name, v1alpha1.UserSpec{Groups: []string{"builders"}})
		p.waitUser(t, name, hasRoles("kubellm-user"))
	}
	if err := p.RoleBindings().Delete(t.Context(), "default-zoe", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	p.waitUser(t, "zoe", hasRoles())
	since := time.Now()

	p.createBinding(t, "everyone-common", "common", everyone)
	p.waitUser(t, "ann", hasRoles("common", "kubellm-user"))
	p.waitUser(t, "bob", hasRoles("common", "kubellm-user"))
	p.waitUser(t, "zoe", hasRoles("common"))
	// 只有 zoe 还没有这个角色，别人的状态不变。
	p.createBinding(t, "everyone-user", "kubellm-user", everyone)
	p.waitUser(t, "zoe", hasRoles("common", "kubellm-user"))
	p.patchBinding(t, "everyone-common", `{"spec":{"subjects":[{"kind":"User","name":"bob"}]}}`)
	p.waitUser(t, "ann", hasRoles("kubellm-user"))
	p.waitUser(t, "zoe", hasRoles("kubellm-user"))
	p.waitUser(t, "bob", hasRoles("common", "kubellm-user"))
	if err := p.RoleBindings().Delete(t.Context(), "everyone-user", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	p.waitUser(t, "zoe", hasRoles())

	// 状态写下了，审计日志里的那一行还要等一下；多写了的等不没。
	want := map[string]int{"ann": 2, "bob": 1, "zoe": 4}
	harness.Eventually(t, "the status of each user to be written once for each change", patience, func(context.Context) error {
		writes := map[string]int{}
		for _, request := range requestsOf(t, audit) {
			// 缓存落后时会白写一次，得到 409；别的都算。
			if request.Resource == "users/status" && request.Code != http.StatusConflict && request.Received.After(since) {
				writes[request.Name]++
			}
		}
		if !maps.Equal(writes, want) {
			return fmt.Errorf("writes are %v, want %v", writes, want)
		}
		return nil
	})
}
