package member_test

import (
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/kubellm/kubellm/internal/member"
	"github.com/kubellm/kubellm/test/harness"
)

// gateway 是成员前面的反向代理：背后的成员可以换，监视可以只开着而什么也不送。
type gateway struct {
	*httptest.Server
	behind atomic.Pointer[httputil.ReverseProxy]
	mute   atomic.Bool
}

func newGateway(t *testing.T, m *harness.Member) *gateway {
	t.Helper()
	g := &gateway{}
	g.lead(t, m)
	g.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("watch") != "" {
			w = &stifled{ResponseWriter: w, gateway: g, gone: r.Context().Done()}
		}
		g.behind.Load().ServeHTTP(w, r)
	}))
	g.EnableHTTP2 = true
	g.StartTLS()
	t.Cleanup(func() {
		g.CloseClientConnections()
		g.Close()
	})
	return g
}

// lead 让它通向 m。
func (g *gateway) lead(t *testing.T, m *harness.Member) {
	t.Helper()
	address, err := url.Parse(m.APIServer.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(address)
	if proxy.Transport, err = rest.TransportFor(m.Config()); err != nil {
		t.Fatal(err)
	}
	proxy.FlushInterval = -1
	g.behind.Store(proxy)
}

func (g *gateway) config() *rest.Config {
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: g.Certificate().Raw})
	return &rest.Config{Host: g.URL, TLSClientConfig: rest.TLSClientConfig{CAData: ca}}
}

// stifled 在代理哑了的时候把事件吞下，连接照样开着。
type stifled struct {
	http.ResponseWriter
	gateway *gateway
	gone    <-chan struct{}
}

// Unwrap 让代理找得到底下的 Flush。
func (s *stifled) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func (s *stifled) Write(event []byte) (int, error) {
	if s.gateway.mute.Load() {
		<-s.gone
		return 0, io.ErrClosedPipe
	}
	return s.ResponseWriter.Write(event)
}

// TestSwappedBehindItsAddress 地址后面换了一个成员，没有一次探测失败：别人的数字一刻也不能算这一个的。
func TestSwappedBehindItsAddress(t *testing.T) {
	t.Parallel()
	one, two, e := newMember(t), newMember(t), open(t)
	addNodes(t, one, 1)
	addNodes(t, two, 3)
	g := newGateway(t, one)
	e.Ensure(target(g.config()))
	first := e.until(t, "the capacity to be known", free(8))
	g.lead(t, two)
	g.CloseClientConnections()
	other := e.until(t, "the capacity of the other member to be known", func(ev member.Evidence) bool {
		if ev.ID == first.ID && ev.Capacity.Known && free(24)(ev) {
			t.Fatalf("the numbers of another member are given as those of %s", first.ID)
		}
		return free(24)(ev)
	})
	if other.ID == first.ID || other.Probe.Failures != 0 {
		t.Errorf("the member is another one, and no probe failed: %+v", other)
	}
}

// TestSilentWatch 监视开着却什么也不来：过几分钟就不再信它，说不知道；又有声音时数字是现在的。
func TestSilentWatch(t *testing.T) {
	t.Parallel()
	clk := steered{clocktesting.NewFakeClock(time.Now())}
	m, e := newMember(t), openWith(t, member.Options{Clock: clk})
	addNodes(t, m, 1)
	g := newGateway(t, m)
	e.Ensure(target(g.config()))
	e.passing(t, clk, "the capacity to be known", free(8))
	g.mute.Store(true)
	addPod(t, m, "unseen", "h100-0", 3)
	e.passing(t, clk, "the silence to be noticed", func(ev member.Evidence) bool {
		return !ev.Capacity.Known && ev.Capacity.Err != nil && ev.Probe.Failures == 0
	})
	g.mute.Store(false)
	e.passing(t, clk, "the capacity to be that of now", free(5))
}

// steered 是由测试拨动的时钟；到点要做的事另起协程，像真的时钟那样。
type steered struct{ *clocktesting.FakeClock }

// AfterFunc 见 steered。
func (c steered) AfterFunc(d time.Duration, do func()) clock.Timer {
	return c.FakeClock.AfterFunc(d, func() { go do() })
}

// passing 让时间过去，直到成员 a 的证据满足 check。
func (e *eyes) passing(t *testing.T, clk steered, what string, check func(member.Evidence) bool) {
	t.Helper()
	harness.Eventually(t, what, patience, func(context.Context) error {
		if evidence, ok := e.Evidence("a"); !ok || !check(evidence) {
			clk.Step(5 * time.Second)
			return fmt.Errorf("known %v: %+v", ok, evidence)
		}
		return nil
	})
}
