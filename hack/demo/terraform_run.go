package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/kubellm/kubellm/test/harness"
)

const (
	// changesPending 是 terraform plan -detailed-exitcode 有改动时的退出码。
	changesPending = 2
	// tfGrace 是叫 Terraform 停下之后，给它存好状态、收走插件的时间。
	tfGrace = 20 * time.Second
)

// run 说出命令并执行，返回它的输出。
func (t *tf) run(ctx context.Context, args ...string) (string, error) {
	t.announce(args)
	var out bytes.Buffer
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	err := t.stream(ctx, &out, args...)
	return out.String(), err
}

func (t *tf) announce(args []string) { say("$ %s %s", filepath.Base(t.binary), shellLine(args)) }

// stream 执行命令，输出边来边写进 out。ctx 结束时先好好叫它停：被杀死的 Terraform 会留下插件进程。
func (t *tf) stream(ctx context.Context, out io.Writer, args ...string) error {
	cmd := exec.CommandContext(ctx, t.binary, append(args, "-no-color")...)
	cmd.Dir = t.dir
	cmd.Env = os.Environ()
	for name, value := range t.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = tfGrace
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s in %s: %w", t.binary, shellLine(args), t.dir, err)
	}
	return nil
}

// apply 应用配置：Terraform 做完了什么照印，它等着的对象还缺什么由演示自己说，到了期限就叫它停下。
func (t *tf) apply(ctx context.Context, platform *harness.Platform) error {
	running, interrupt := context.WithCancel(ctx)
	args := []string{"apply", "-input=false", "-auto-approve"}
	t.announce(args)
	out := &transcript{show: quote}
	var failure error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		failure = t.stream(running, out, args...)
	}()
	err := await(ctx, "terraform apply to make everything Ready", readyLimit, func(ctx context.Context) error {
		select {
		case <-ended:
			if failure != nil {
				return harness.Permanent(failure)
			}
			return nil
		case <-time.After(time.Second):
			if err := everything(platform).ready(ctx); err != nil {
				return err
			}
			return errors.New("what there is so far is Ready; Terraform is still at work")
		}
	})
	// 等不到的先叫停，它说完最后的话才接着印。
	interrupt()
	<-ended
	out.finish(err != nil)
	return err
}

// plan 返回计划的输出和其中有没有改动。
func (t *tf) plan(ctx context.Context) (string, bool, error) {
	out, err := t.run(ctx, "plan", "-input=false", "-detailed-exitcode")
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == changesPending {
		return out, true, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("%w\n%s", err, out)
	}
	return out, false, nil
}
