package external

import (
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/client-go/rest"
)

// TestPoolHolders 看旧凭据的 Platform 何时关闭：用的人都走了不久就关，还有人用的不关。
func TestPoolHolders(t *testing.T) {
	const unused = 6 * time.Hour
	before, after := releasedAfter-time.Second, releasedAfter+time.Second
	config := func(token string) *rest.Config { return &rest.Config{Host: "https://h", BearerToken: token} }
	acquire := func(t *testing.T, p *Pool, holder, token string) *Platform {
		t.Helper()
		platform, err := p.Acquire(holder, config(token))
		if err != nil {
			t.Fatal(err)
		}
		return platform
	}
	cases := map[string]struct {
		reason string
		// then 是 a 与 b 占用着旧凭据之后发生的事，wait 之后再看旧的关闭了没有。
		then   func(t *testing.T, p *Pool)
		wait   time.Duration
		closed bool
	}{
		"Kept": {reason: "both holders stay", wait: unused - time.Second, then: func(*testing.T, *Pool) {}},
		"OneRotated": {reason: "the other one still uses it", wait: after,
			then: func(t *testing.T, p *Pool) { acquire(t, p, "a", "new") }},
		"Rotated": {reason: "nobody uses the old credentials any more", wait: after, closed: true,
			then: func(t *testing.T, p *Pool) { acquire(t, p, "a", "new"); acquire(t, p, "b", "new") }},
		"Grace": {reason: "what is under way may be finished", wait: before,
			then: func(t *testing.T, p *Pool) { acquire(t, p, "a", "new"); acquire(t, p, "b", "new") }},
		"Released": {reason: "the configs are gone; a stranger's release means nothing", wait: after, closed: true,
			then: func(_ *testing.T, p *Pool) { p.Release("a"); p.Release("nobody"); p.Release("b") }},
		"ReleasedTwice": {reason: "one holder cannot release for another", wait: after,
			then: func(_ *testing.T, p *Pool) { p.Release("a"); p.Release("a") }},
		"Back": {reason: "the rotation was undone", wait: after,
			then: func(t *testing.T, p *Pool) {
				p.Release("b")
				acquire(t, p, "a", "new")
				acquire(t, p, "a", "old")
			}},
		"AlsoGot": {reason: "somebody who does not say when he is done uses it too", wait: after,
			then: func(t *testing.T, p *Pool) {
				if _, err := p.Get(config("old")); err != nil {
					t.Fatal(err)
				}
				p.Release("a")
				p.Release("b")
			}},
		"Unusable": {reason: "credentials that cannot be used replace nothing", wait: after,
			then: func(t *testing.T, p *Pool) {
				p.Release("b")
				if _, err := p.Acquire("a", &rest.Config{}); err == nil {
					t.Error("a platform without a server was opened")
				}
			}},
		"NeverReleased": {reason: "holders that forget to release do not keep it for ever", wait: unused + time.Second, closed: true,
			then: func(*testing.T, *Pool) {}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pool := NewPool(Options{UnusedAfter: unused})
				defer pool.Close()
				old := acquire(t, pool, "a", "old")
				if acquire(t, pool, "b", "old") != old {
					t.Fatal("the same credentials must share a platform")
				}
				tc.then(t, pool)
				time.Sleep(tc.wait)
				synctest.Wait()
				if closed := old.ctx.Err() != nil; closed != tc.closed {
					t.Errorf("%s: closed is %t", tc.reason, closed)
				}
			})
		})
	}
}
