package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/kubellm/kubellm/test/harness"
)

// applyExamples 应用例子，等平台上的一切就绪，再证明第二次计划是空的。
func (t *tf) applyExamples(ctx context.Context, platform *harness.Platform) error {
	heading("Terraform: examples/terraform (%s)", t.binary)
	if out, err := t.run(ctx, "init", "-input=false"); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	if err := t.apply(ctx, platform); err != nil {
		return err
	}
	// Terraform 等不到的只是警告，它不等的种类也有；演示要的是个个就绪。
	if err := awaitReady(ctx, everything(platform)); err != nil {
		return err
	}
	out, pending, err := t.plan(ctx)
	if err != nil {
		return err
	}
	if pending {
		return fmt.Errorf("the plan right after an apply is not empty:\n%s", out)
	}
	say("the plan after the apply is empty, as it must be")
	return nil
}

// driftInTerraform 在 Terraform 背后改一个用户：计划里看得见，apply 改回来。
func driftInTerraform(ctx context.Context, platform *harness.Platform, users *users, t *tf) error {
	heading("A change behind Terraform's back")
	user, err := users.managedBy(ctx, terraform)
	if err != nil {
		return err
	}
	say("%s is managed by %s; its groups are %v", user.Name, managerOf(user), user.Spec.Groups)
	if err := addIntruders(ctx, platform, user.Name); err != nil {
		return err
	}
	out, pending, err := t.plan(ctx)
	if err != nil {
		return err
	}
	if !pending || !strings.Contains(out, intruders) {
		return fmt.Errorf("the plan does not show that %s got the group %s:\n%s", user.Name, intruders, out)
	}
	quote(out)
	say("the plan shows it; applying puts it right")
	if err := t.apply(ctx, platform); err != nil {
		return err
	}
	return users.groupsAre(ctx, user.Name, user.Spec.Groups)
}
