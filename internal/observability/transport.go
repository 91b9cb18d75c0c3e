package observability

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"go.opentelemetry.io/otel/trace"
	"k8s.io/client-go/transport"
	"k8s.io/component-base/tracing"
)

// Wrapper 让协调发出的请求各记一个 span，并把追踪带给对方（W3C traceparent）；没有打开时返回 nil。
// 监视、心跳与选主不在哪次协调里，照原样放行：它们没完没了，也不属于谁。
func (t *Tracing) Wrapper() transport.WrapperFunc {
	if t == nil {
		return nil
	}
	record := tracing.WrapperFor(t.provider)
	return func(next http.RoundTripper) http.RoundTripper {
		return &client{next: next, recorded: record(&complete{next})}
	}
}

// client 只让协调里的请求经过 recorded。
type client struct{ next, recorded http.RoundTripper }

// urlKey 是 ctx 里完整的地址。
type urlKey struct{}

// RoundTrip 实现 http.RoundTripper。记下的地址里没有查询串：里面有什么，由发请求的人说了算。
// 配置抄来抄去可能包上两层，请求只记一次。
func (c *client) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	if !trace.SpanContextFromContext(ctx).IsValid() || ctx.Value(urlKey{}) != nil {
		return c.next.RoundTrip(req)
	}
	bare := req.WithContext(context.WithValue(ctx, urlKey{}, req.URL))
	bare.URL = &url.URL{Scheme: req.URL.Scheme, Host: req.URL.Host, Path: req.URL.Path, RawPath: req.URL.RawPath}
	resp, err := c.recorded.RoundTrip(bare)
	if hidden := (&unsaid{}); errors.As(err, &hidden) {
		err = hidden.err
	}
	return resp, err
}

// WrappedRoundTripper 让客户端库能找到里层的传输。
func (c *client) WrappedRoundTripper() http.RoundTripper { return c.next }

// complete 在 span 记好之后换回完整的地址。
type complete struct{ next http.RoundTripper }

// RoundTrip 实现 http.RoundTripper；收到的请求已是副本，可以改。
func (c *complete) RoundTrip(req *http.Request) (*http.Response, error) {
	if full, ok := req.Context().Value(urlKey{}).(*url.URL); ok {
		req.URL = full
	}
	resp, err := c.next.RoundTrip(req)
	if err != nil {
		err = &unsaid{err}
	}
	return resp, err
}

// unsaid 让 span 里只有错误的种类：不会说 HTTP 的服务回的话，会原样出现在错误的文字里。
type unsaid struct{ err error }

func (*unsaid) Error() string   { return "the request got no answer" }
func (e *unsaid) Unwrap() error { return e.err }

// ErrorType 是记在 span 上的种类。
func (e *unsaid) ErrorType() string { return errorType(e.err) }
