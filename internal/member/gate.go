package member

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

const (
	// slowAnswer 是一个请求等多久算慢：好好的成员连一页名单也用不了这么久。
	slowAnswer = 3 * time.Second
	// slowMemory 是慢过之后多久还当它慢：准入卡住的成员，读照样快，不能读一次就又放一群写的进去等。
	slowMemory = 30 * time.Second
	// turnWait 是轮不到时等多久：快的几下就轮到了，慢的等下去只是多占一个工作者。
	turnWait = time.Second
)

// ErrSlow 是没有去试：成员慢得会把工作者一个个占住。
var ErrSlow = errors.New("the request was not sent, because the member is slow to answer and earlier requests still wait; it is tried again")

// Slow 报告一次失败只是成员忙不过来：没有去试，等到了时限，或者它叫人稍后再来。它在不在由心跳说，不由这里说。
func Slow(err error) bool {
	var timeout net.Error
	return errors.Is(err, ErrSlow) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() ||
		apierrors.IsTooManyRequests(err)
}

// gate 管着工作者发往一个成员的请求：工作者不多，僵住的、准入卡住的成员不能把它们都占了，让别的成员跟着等。
// 平时至多 width 个同时在里面；有一个等久了就谁也不再进，不久前慢过的一次只进一个。
// 轮不到的稍等，再轮不到就得 ErrSlow，由调用者过一会儿再来。
type gate struct {
	next  http.RoundTripper
	width int

	mu sync.Mutex
	// inside 是在里面的，记着何时进去的；slow 是上一次慢的何时出来的。
	inside map[*http.Request]time.Time
	slow   time.Time
	// left 在有一个出来时关闭并换新。
	left chan struct{}
}

// newGate 让 workers 个工作者里总有一个不在里面；只有一个工作者时没有办法。
func newGate(next http.RoundTripper, workers int) *gate {
	return &gate{next: next, width: max(workers-1, 1), inside: map[*http.Request]time.Time{}, left: make(chan struct{})}
}

// RoundTrip 实现 http.RoundTripper；读完回答才算出来，头来了身子不来的同样占着工作者。
func (g *gate) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := g.enter(req); err != nil {
		return nil, err
	}
	resp, err := g.next.RoundTrip(req)
	if err != nil {
		g.leave(req)
		return nil, err
	}
	// 成员叫等多久，客户端库就在工作者里睡多久，问有哪些种类时连期限也不听：不让它看见，由调用者过一会儿再来。
	resp.Header.Del("Retry-After")
	resp.Body = &leavingBody{ReadCloser: resp.Body, leave: func() { g.leave(req) }}
	return resp, nil
}

// WrappedRoundTripper 让客户端库能找到里层的传输。
func (g *gate) WrappedRoundTripper() http.RoundTripper { return g.next }

// enter 让 req 进去，或者说为什么进不去。
func (g *gate) enter(req *http.Request) error {
	patience := time.NewTimer(turnWait)
	defer patience.Stop()
	for {
		entered, stuck, left := g.try(req)
		switch {
		case entered:
			return nil
		case stuck:
			return ErrSlow
		}
		select {
		case <-left:
		case <-patience.C:
			return ErrSlow
		case <-req.Context().Done():
			return req.Context().Err()
		}
	}
}

// try 说 req 进去了没有；没有的话，是有一个等久了，还是只是没轮到，轮不到的等 left。
func (g *gate) try(req *http.Request) (entered, stuck bool, left <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	for _, since := range g.inside {
		if now.Sub(since) >= slowAnswer {
			return false, true, nil
		}
	}
	width := g.width
	if now.Sub(g.slow) < slowMemory {
		width = 1
	}
	if len(g.inside) >= width {
		return false, false, g.left
	}
	g.inside[req] = now
	return true, false, nil
}

func (g *gate) leave(req *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	since, ok := g.inside[req]
	if !ok {
		return
	}
	delete(g.inside, req)
	if now := time.Now(); now.Sub(since) >= slowAnswer {
		g.slow = now
	}
	close(g.left)
	g.left = make(chan struct{})
}

// reopen 忘掉从前的慢：断开过的成员回来了，等着它的都该马上再试。
func (g *gate) reopen() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.slow = time.Time{}
}

// leavingBody 在回答读完时放下一个进来。
type leavingBody struct {
	io.ReadCloser
	leave func()
}

func (b *leavingBody) Close() error {
	defer b.leave()
	return b.ReadCloser.Close()
}
