package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"

	"k8s.io/client-go/rest"

	"github.com/kubellm/kubellm/test/harness"
)

const (
	usersPath  = "/apis/iam.kubellm.io/v1alpha1/users"
	typeJSON   = "application/json"
	mergePatch = "application/merge-patch+json"
)

// client 是一条 HTTP/2 连接。两种服务器用同一个客户端，请求体现成、回答不解码：
// 客户端自己花得少而且相同，量到的就是服务器。不可并发使用，缓冲区是复用的。
type client struct {
	http *http.Client
	base string
	body bytes.Buffer
}

// connect 为 kubeconfig 里的身份开 n 条连接，并先握手，免得把它算进第一个请求。
func connect(ctx context.Context, kubeconfig string, n int) ([]*client, error) {
	clients := make([]*client, 0, n)
	for range n {
		config, err := harness.RESTConfig(kubeconfig)
		if err != nil {
			return nil, err
		}
		tlsConfig, err := rest.TLSConfigFor(config)
		if err != nil {
			return nil, fmt.Errorf("prepare TLS for %s: %w", config.Host, err)
		}
		c := &client{base: config.Host, http: &http.Client{Transport: &http.Transport{
			TLSClientConfig: tlsConfig, ForceAttemptHTTP2: true, DisableCompression: true,
		}}}
		if _, err := c.do(ctx, http.MethodGet, "/readyz", "", nil); err != nil {
			return nil, err
		}
		clients = append(clients, c)
	}
	return clients, nil
}

// disconnect 关掉连接，让服务器不必等它们就能停下。
func disconnect(clients []*client) {
	for _, c := range clients {
		c.http.CloseIdleConnections()
	}
}

// do 发一个请求，返回整个回答；它在下一个请求之前有效。
func (c *client) do(ctx context.Context, method, path, contentType string, body []byte) ([]byte, error) {
	resp, err := c.open(ctx, method, path, contentType, body)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	c.body.Reset()
	if _, err := c.body.ReadFrom(resp.Body); err != nil {
		return nil, fmt.Errorf("read the answer to %s %s: %w", method, path, err)
	}
	if resp.StatusCode >= 300 {
		return nil, fmt.Errorf("%s %s: %s: %.500s", method, path, resp.Status, c.body.Bytes())
	}
	return c.body.Bytes(), nil
}

// open 发一个请求，收到回答的头就返回；调用者关闭回答。
func (c *client) open(ctx context.Context, method, path, contentType string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	req.Header.Set("Accept", typeJSON)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if !strings.HasPrefix(resp.Proto, "HTTP/2") {
		_ = resp.Body.Close()
		return nil, fmt.Errorf("%s %s: the server speaks %s, not HTTP/2", method, path, resp.Proto)
	}
	return resp, nil
}

// list 取一个列表并核对条数：量错了对象的列表再快也没有意义。返回下一页的位置。
func (c *client) list(ctx context.Context, query string, want int) (string, error) {
	answer, err := c.do(ctx, http.MethodGet, usersPath+query, "", nil)
	if err != nil {
		return "", err
	}
	// 不解码：每个对象恰有一个 uid，翻页的位置只含 base64url 字符。
	if got := bytes.Count(answer, []byte(`"uid":"`)); got != want {
		return "", fmt.Errorf("list %s: got %d users, want %d", usersPath+query, got, want)
	}
	_, rest, _ := bytes.Cut(answer, []byte(`"continue":"`))
	next, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(next), nil
}
