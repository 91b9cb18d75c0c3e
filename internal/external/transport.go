package external

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport"
)

const (
	// pingAfter 与 pingTimeout 让十秒内就发现对端已死：主机断电或进程卡住时连接不会自己断开，
	// 而缓存只有知道监视断了才会停止作答。
	pingAfter   = 5 * time.Second
	pingTimeout = 5 * time.Second
	dialTimeout = 10 * time.Second

	// requestTimeout 是一次读写连同重试的上限，免得没有期限的调用者永远挂着。
	requestTimeout = 30 * time.Second
	// maxAttempts 是平台说"稍后再来"时一次调用最多试几次。
	maxAttempts = 4
)

// request 随 ctx 走到传输层：它是什么请求，以及平台要求等多久。
type request struct {
	kind, verb string
	retryAfter time.Duration
}

type requestKey struct{}

// withRequest 把请求的说明放进 ctx。
func withRequest(ctx context.Context, r *request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

// roundTripper 为每个请求计数计时，并拿走 Retry-After：客户端库会照它不计期限地重试十次，这里由 call 按 ctx 的期限重试。
type roundTripper struct {
	next    http.RoundTripper
	metrics *metrics
}

func (t *roundTripper) RoundTrip(req *http.Request) (*http.Response, error) {
	info, ok := req.Context().Value(requestKey{}).(*request)
	if !ok {
		info = &request{kind: "", verb: req.Method}
	}
	start := time.Now()
	resp, err := t.next.RoundTrip(req)
	code := "error"
	if err == nil {
		code = strconv.Itoa(resp.StatusCode)
		info.retryAfter = takeRetryAfter(resp)
	}
	t.metrics.observe(info.kind, info.verb, code, time.Since(start))
	return resp, err
}

// WrappedRoundTripper 让客户端库能找到里层的传输。
func (t *roundTripper) WrappedRoundTripper() http.RoundTripper { return t.next }

// takeRetryAfter 取出并删去 429 与 503 的 Retry-After。
func takeRetryAfter(resp *http.Response) time.Duration {
	if resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusServiceUnavailable {
		return 0
	}
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	resp.Header.Del("Retry-After")
	return time.Duration(max(seconds, 1)) * time.Second
}

// call 发出一次请求；平台说"稍后再来"时在 ctx 的期限内带抖动地再试几次。这里的请求都是幂等的。
func call[R any](ctx context.Context, kind, verb string, do func(context.Context) (R, error)) (R, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	for attempt := 1; ; attempt++ {
		info := &request{kind: kind, verb: verb}
		result, err := do(withRequest(ctx, info))
		if err == nil || info.retryAfter == 0 {
			return result, err
		}
		if attempt == maxAttempts || !sleep(ctx, jitter(info.retryAfter)) {
			return result, &throttledError{after: info.retryAfter, err: err}
		}
	}
}

// jitter 加上至多一半的抖动，免得一起被拒的请求一起回来。
func jitter(d time.Duration) time.Duration {
	return d + rand.N(d/2+1)
}

// sleep 等待 d；期限不够等就立刻返回 false，把时间留给调用者。
func sleep(ctx context.Context, d time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < d {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// newTransport 为一份凭据建立自己的连接池：客户端库共享的那个发现死连接要 45 秒，太慢。
func newTransport(cfg *rest.Config) (http.RoundTripper, *transport.Config, error) {
	tc, err := cfg.TransportConfig()
	if err != nil {
		return nil, nil, err
	}
	if tc.Transport != nil {
		rt, err := transport.New(tc)
		return rt, tc, err
	}
	tlsConfig, err := transport.TLSConfigFor(tc)
	if err != nil {
		return nil, nil, err
	}
	rt, err := transport.HTTPWrappersForConfig(tc, &http.Transport{
		Proxy:                 proxyOf(tc),
		DialContext:           dialOf(tc),
		TLSClientConfig:       tlsConfig,
		TLSHandshakeTimeout:   dialTimeout,
		MaxIdleConnsPerHost:   25,
		IdleConnTimeout:       90 * time.Second,
		ForceAttemptHTTP2:     true,
		ExpectContinueTimeout: time.Second,
		HTTP2:                 &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
	})
	return rt, tc, err
}

// proxyOf 默认听环境变量的，其中 NO_PROXY 也认网段。
func proxyOf(tc *transport.Config) func(*http.Request) (*url.URL, error) {
	if tc.Proxy != nil {
		return tc.Proxy
	}
	return utilnet.NewProxierWithNoProxyCIDR(http.ProxyFromEnvironment)
}

// dialOf 用较短的保活间隔，让不说 HTTP/2 的代理后面的死连接也能被发现。
func dialOf(tc *transport.Config) func(context.Context, string, string) (net.Conn, error) {
	if tc.DialHolder != nil {
		return tc.DialHolder.Dial
	}
	return (&net.Dialer{Timeout: dialTimeout, KeepAlive: pingAfter}).DialContext
}

// leafExpiry 是客户端证书的到期时间；没有证书或读不懂时为零。
func leafExpiry(certPEM []byte) time.Time {
	block, _ := pem.Decode(certPEM)
	if block == nil {
		return time.Time{}
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return time.Time{}
	}
	return cert.NotAfter
}
