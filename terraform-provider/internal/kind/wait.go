package kind

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/kubellm/kubellm/internal/external"
)

// await 等写成的对象就绪；状态此前已经保存。等不到只是警告：错误会让刚建成的对象被标为 tainted，下一次就要销毁重建。
// 只有平台说等下去也不会好的才是错误，next 是那时给人看的下一步。
func (t task[M, T, L]) await(ctx context.Context, client *external.Client[T, L], object T, timeout time.Duration, next string) {
	if t.kind.Waits == nil || !t.kind.Waits(object) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	_, err := client.WaitReady(ctx, object, func(ready external.Readiness) {
		tflog.Info(ctx, "Waiting until the "+t.kind.Title+" is ready", map[string]any{
			"name": t.id(), "ready": string(ready.Status), "reason": ready.Reason, "message": ready.Message,
		})
	})
	t.verb = "wait for"
	var failure *external.Error
	switch {
	case err == nil:
	case errors.As(err, &failure) && failure.Class == external.ClassNotReady:
		t.warnNotReady(failure, timeout)
	case errors.As(err, &failure) && failure.Class == external.ClassFailed:
		t.diags.AddError(t.summary(), sentence(failure)+"\n\n"+next)
	default:
		t.fail(ctx, err)
	}
}

// warnNotReady 说明等了多久、卡在哪里、接下来怎么办。
func (t task[M, T, L]) warnNotReady(failure *external.Error, timeout time.Duration) {
	message := failure.Ready.Message
	if message != "" {
		message = ": " + message
	}
	at := t.key.Name
	if t.key.Namespace != "" {
		at = "-n " + t.key.Namespace + " " + at
	}
	t.diags.AddWarning(fmt.Sprintf("The %s %q is not ready yet", t.kind.Title, t.id()),
		fmt.Sprintf("It is written as configured, but it did not become ready while Terraform waited, at most %s. The platform says %s%s\n\n"+
			"The platform goes on by itself. To see how it is, read data.kubellm_%s or run kubectl describe %s %s; to wait longer, set timeouts.",
			timeout, failure.Ready.Reason, message, t.kind.Name, t.kind.External.Resource, at))
}
