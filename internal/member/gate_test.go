package member_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kubellm/kubellm/internal/member"
	"github.com/kubellm/kubellm/test/harness"
)

// TestSlowMember 一个请求久等不到回答，其余的当场被拒绝，不跟着等；成员缓过来就又都放行。
func TestSlowMember(t *testing.T) {
	t.Parallel()
	m := newMember(t)
	e := open(t)
	slow := target(m.Config())
	// 心跳一直不下结论：拦下请求的只能是慢。
	slow.FailureThreshold = 1000
	e.Ensure(slow)
	e.until(t, "the capacity to be known", known)
	c, err := e.Client("a")
	if err != nil {
		t.Fatal(err)
	}
	get := func(ctx context.Context) error {
		return c.Get(ctx, client.ObjectKey{Name: "default"}, &corev1.Namespace{})
	}
	if err := get(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := m.HangAPIServer(); err != nil {
		t.Fatal(err)
	}
	resume := sync.OnceValue(m.ResumeAPIServer)
	t.Cleanup(func() {
		if err := resume(); err != nil {
			t.Error(err)
		}
	})
	first := make(chan error, 1)
	wait := func() { first <- get(t.Context()) }
	go wait()
	harness.Eventually(t, "a second request to be turned away while the first waits", patience, func(ctx context.Context) error {
		select {
		case err := <-first:
			if err == nil {
				t.Fatal("the member answers although it is halted")
			}
			// 测试自己停顿过，头一个等到了头，才轮到问第二个：再来一次。
			go wait()
		default:
		}
		ctx, cancel := context.WithTimeout(ctx, brief)
		defer cancel()
		if err := get(ctx); !errors.Is(err, member.ErrSlow) {
			return fmt.Errorf("it was not turned away: %w", err)
		}
		return nil
	})
	if err := resume(); err != nil {
		t.Fatal(err)
	}
	if err := <-first; err != nil && !member.Slow(err) {
		t.Errorf("the first request failed for another reason than the member being slow: %v", err)
	}
	harness.Eventually(t, "requests to pass side by side again", patience, func(ctx context.Context) error {
		answers := make(chan error)
		for range 4 {
			go func() { answers <- get(ctx) }()
		}
		var errs []error
		for range 4 {
			errs = append(errs, <-answers)
		}
		return errors.Join(errs...)
	})
}
