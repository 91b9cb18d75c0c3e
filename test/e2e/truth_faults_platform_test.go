package e2e

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kubellm/kubellm/test/harness"
)

// takeover 是领导者死后别人接手前的时间：租约要先到期，候补每隔一会儿看一次。其间没有人写得了状态，
// 说过的话收不回来；这是租约定下的，不是心跳门限管得了的。
const takeover = leaseFor + 2*retryEvery

// platformFaults 平台自己的进程死了、僵了；其间成员上有副本崩溃，有人接手之后必须说出来。
func platformFaults() []fault {
	crashed := func(first func(*world) error) func(context.Context, *world) error {
		return func(ctx context.Context, w *world) error { return errors.Join(first(w), w.crash(ctx, onAlpha, single)) }
	}
	return []fault{
		// 服务器被杀：控制器活着，看到了崩溃，却没有地方写；服务器回来之后补上。
		{name: "platform server killed while a replica crashes", inject: crashPlatform, stance: failing(single), heal: func(ctx context.Context, w *world) error {
			return errors.Join(w.restartPlatform(ctx), w.mend(ctx, onAlpha, single))
		}},
		// 领导者被杀，候补接手。
		{name: "leading controller killed while a replica crashes", grace: takeover,
			inject: crashed(func(w *world) error { return w.controllers[0].Kill() }), stance: failing(single), heal: reviveControllers},
		// 领导者僵住：候补接手；它醒来不许照旧的证据写，而要退出。此时领导者是原来的候补。
		{name: "leading controller hung while a replica crashes", grace: takeover,
			inject: crashed(func(w *world) error { return w.controllers[1].Halt() }), stance: failing(single), heal: wakeController},
		// 全死了再起来一个：它自己也要等死者的租约到期。
		{name: "all controllers killed and one started again while a replica crashes", grace: takeover, inject: func(ctx context.Context, w *world) error {
			// 先起来再崩溃：等租约到期的是起来的那个，进程启动的快慢不算在平台头上。
			return errors.Join(w.controllers[0].Kill(), w.controllers[1].Kill(), w.controllers[0].Restart(ctx), w.crash(ctx, onAlpha, single))
		}, stance: failing(single), heal: reviveControllers},
	}
}

// crashPlatform 杀掉服务器，让副本崩溃，再让服务器起来；中间没有人读得到 Ready。
func crashPlatform(ctx context.Context, w *world) error {
	w.note(func() { w.deaf = true })
	killed := time.Now()
	if err := errors.Join(env.platform.Kill(), w.crash(ctx, onAlpha, single)); err != nil {
		return err
	}
	if err := w.until(ctx, "the member to show the crash", func() string {
		if readyUntrue(w.model(single), w.members) == "" {
			return "the replica is still ready"
		}
		return ""
	}); err != nil {
		return err
	}
	err := w.restartPlatform(ctx)
	// 写不成的状态越等越久才再试：停了多久，回来之后至多再等多久。
	w.note(func() { w.current().grace += time.Since(killed) })
	return err
}

func (w *world) restartPlatform(ctx context.Context) error {
	if !env.platform.Running() {
		if err := env.platform.Restart(ctx); err != nil {
			return err
		}
	}
	w.note(func() { w.deaf = false })
	return nil
}

// reviveControllers 让死了的控制器重新起来，作候补。
func reviveControllers(ctx context.Context, w *world) error {
	for _, c := range w.controllers {
		if err := reviveController(ctx, c); err != nil {
			return err
		}
	}
	return w.mend(ctx, onAlpha, single)
}

func reviveController(ctx context.Context, c *harness.Manager) error {
	if c.Running() {
		return nil
	}
	return c.Restart(ctx)
}

// wakeController 叫醒僵住的领导者，等它发现自己落选而退出，再让它作候补。
func wakeController(ctx context.Context, w *world) error {
	old := w.controllers[1]
	if old.Running() {
		if err := old.Resume(); err != nil {
			return err
		}
		select {
		case <-old.Exited():
		case <-time.After(patience):
			return fmt.Errorf("%s does not notice that it lost its lease", old.Name())
		}
	}
	return reviveControllers(ctx, w)
}
