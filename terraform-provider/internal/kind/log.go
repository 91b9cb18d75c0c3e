package kind

import (
	"context"
	"net/http"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/hashicorp/terraform-plugin-log/tflog"
	"k8s.io/client-go/rest"
)

// mask 让日志里出现的凭据都变成星号：没有哪一行会记凭据，这里防的是将来有人多记一行。
func mask(ctx context.Context, cfg *rest.Config) context.Context {
	for _, secret := range []string{cfg.BearerToken, cfg.Password, string(cfg.KeyData)} {
		if secret != "" {
			ctx = tflog.MaskAllFieldValuesStrings(ctx, secret)
			ctx = tflog.MaskMessageStrings(ctx, secret)
		}
	}
	return ctx
}

// logger 把外部层的日志接到 TF_LOG。
func logger(ctx context.Context) logr.Logger {
	return funcr.New(func(prefix, args string) {
		tflog.Debug(ctx, "Platform client", map[string]any{"logger": prefix, "entry": args})
	}, funcr.Options{Verbosity: 2})
}

// logged 记下每个请求的方法、路径、答复与耗时；头部与正文里有凭据和使用者的数据，从不记。
type logged struct {
	next http.RoundTripper
	cfg  *rest.Config
}

func (l logged) RoundTrip(req *http.Request) (*http.Response, error) {
	began := time.Now()
	resp, err := l.next.RoundTrip(req)
	fields := map[string]any{"method": req.Method, "path": req.URL.Path, "query": req.URL.RawQuery, "took": time.Since(began).String()}
	if err != nil {
		fields["error"] = err.Error()
	} else {
		fields["status"] = resp.StatusCode
	}
	tflog.Debug(mask(req.Context(), l.cfg), "Platform request", fields)
	return resp, err
}

// WrappedRoundTripper 让外部层够得着底下的连接，停用时才关得掉它们。
func (l logged) WrappedRoundTripper() http.RoundTripper { return l.next }
