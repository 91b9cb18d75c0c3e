package harness

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// pollInterval 短到不拖慢测试，长到不把两个核耗在轮询上。
const pollInterval = 100 * time.Millisecond

// permanent 标记再等也不会好的错误。
type permanent struct{ error }

func (e permanent) Unwrap() error { return e.error }

// Permanent 让 Wait 立刻带着 err 返回，而不是等到期限。
func Permanent(err error) error { return permanent{err} }

// Wait 反复调用 check，直到它返回 nil、返回 Permanent(err) 或 ctx 结束；错误说明在等什么、最后一次为什么不成。
func Wait(ctx context.Context, what string, check func(context.Context) error) error {
	began := time.Now()
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		if p := (permanent{}); errors.As(err, &p) {
			return fmt.Errorf("wait for %s: %w", what, p.error)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("gave up waiting for %s after %s (%w): %w",
				what, time.Since(began).Round(time.Millisecond), context.Cause(ctx), err)
		case <-time.After(pollInterval):
		}
	}
}

// httpReady 返回检查 url 是否回 200 的就绪条件；tlsConfig 为 nil 时走明文。
func httpReady(url string, tlsConfig *tls.Config) func(context.Context) error {
	client := &http.Client{
		Timeout:   5 * time.Second,
		Transport: &http.Transport{TLSClientConfig: tlsConfig, DisableKeepAlives: true},
	}
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return Permanent(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		defer func() { _ = resp.Body.Close() }()
		if resp.StatusCode == http.StatusOK {
			return nil
		}
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 2048))
		return fmt.Errorf("%s answered %s: %s", url, resp.Status, notReady(string(body)))
	}
}

// notReady 从 /readyz 的回答里只留下未通过的检查。
func notReady(body string) string {
	var failing []string
	for _, line := range strings.Split(body, "\n") {
		if strings.HasPrefix(line, "[-]") {
			failing = append(failing, line)
		}
	}
	if len(failing) == 0 {
		return strings.TrimSpace(body)
	}
	return strings.Join(failing, "; ")
}
