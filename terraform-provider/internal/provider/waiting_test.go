package provider

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/kubellm/kubellm/test/harness"
)

// TestDestroyWaitsForFinalizers 等到对象真的不在了才算销毁；到时限还没走的，说得出是谁没放手。
func TestDestroyWaitsForFinalizers(t *testing.T) {
	const finalizer = "example.com/keep"
	name := unique("finalized")
	w := newUserWorkspace(t, platform.Kubeconfig)
	w.write(t, "main.tf", userBlock("it", name, `timeouts = { delete = "20s" }`))
	w.apply(t)
	patch(t, "users", name, fmt.Sprintf(`{"metadata": {"finalizers": [%q]}}`, finalizer))
	t.Cleanup(func() { cleanup(t, "users", name) })

	w.refuse(t, "what did not go in time: it says who did not let go", []string{"destroy", "-auto-approve"}, finalizer, name)
	if got := w.addresses(t); len(got) != 1 {
		t.Errorf("after the failed destroy the state has %v, want the user still", got)
	}

	w.write(t, "main.tf", userBlock("it", name, `timeouts = { delete = "1m" }`))
	w.succeed(t, "apply", "-auto-approve")
	// 放手的命令可能比销毁晚返回，所以不随测试结束而取消，也等它说完。
	released := make(chan error, 1)
	release := time.AfterFunc(2*time.Second, func() {
		_, err := harness.Kubectl(context.Background(), platform.Kubeconfig, "", "patch", "users", name, "--type=merge", `--patch={"metadata": {"finalizers": null}}`)
		released <- err
	})
	defer release.Stop()
	w.destroy(t)
	if err := <-released; err != nil {
		t.Error(err)
	}
	absent(t, "when destroy returns, the object is gone", "users", name)
}

// TestProviderConfigKnownOnlyAtApply 平台可能由同一次 apply 建起来：计划时不知道连哪里，不是错误。
func TestProviderConfigKnownOnlyAtApply(t *testing.T) {
	name := unique("late")
	w := newWorkspace(t)
	w.write(t, "main.tf", fmt.Sprintf(`resource "terraform_data" "platform" {
  input = %q
}

provider "kubellm" {
  kubeconfig = terraform_data.platform.output
}

`, platform.Kubeconfig)+userBlock("it", name, `email = "late@example.com"`))
	contains(t, "the plan goes on", w.succeed(t, "plan"), "2 to add")
	w.apply(t)
	sameSpec(t, "at apply it is known where to connect to", "users", name, `{"email": "late@example.com", "suspended": false}`)
	w.emptyPlan(t, "a second plan is empty")
	w.destroy(t)
}

// TestDataSourceBeforePlatformIsKnown 数据源非要在计划时读，而平台还不知道在哪里：说得出原因和办法。
func TestDataSourceBeforePlatformIsKnown(t *testing.T) {
	w := newWorkspace(t)
	w.write(t, "main.tf", fmt.Sprintf(`resource "terraform_data" "platform" {
  input = %q
}

provider "kubellm" {
  kubeconfig = terraform_data.platform.output
}

data "kubellm_roles" "all" {}
`, platform.Kubeconfig))
	w.refuse(t, "it says which setting is not known yet", []string{"plan"}, "kubeconfig", "until other resources are applied", "-target")
}
