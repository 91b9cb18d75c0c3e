package provider

import (
	"testing"
)

// TestTaintedIsReplaced 被标为 tainted 的要销毁重建：Terraform 计划时当它从来没有过，仍要删对那一个，也只删那一个。
func TestTaintedIsReplaced(t *testing.T) {
	name := unique("tainted")
	w := newUserWorkspace(t, platform.Kubeconfig)
	w.write(t, "main.tf", userBlock("it", name, ""))
	w.apply(t)
	first := read(t, "users", name)

	w.succeed(t, "taint", "kubellm_user.it")
	w.succeed(t, "plan", "-out=saved")
	w.succeed(t, "apply", "saved")
	second := read(t, "users", name)
	if second.Metadata.UID == first.Metadata.UID || second.owner() == first.owner() {
		t.Errorf("the tainted user is still %s of %s", second.Metadata.UID, second.owner())
	}
	w.emptyPlan(t, "after it was made again, the plan is empty")
	w.destroy(t)
	absent(t, "destroy deletes the new one", "users", name)
}
