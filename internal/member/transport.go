package member

import (
	"net"
	"net/http"
	"net/url"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport"
	"k8s.io/client-go/util/connrotation"
)

const (
	// pingAfter 与 pingTimeout 让卡住的成员十秒内断开：它的连接不会自己断，监视会一直静静地等下去。
	pingAfter   = 5 * time.Second
	pingTimeout = 5 * time.Second
	dialTimeout = 10 * time.Second
)

// newTransport 为一个成员建立自己的连接池；返回的 Dialer 能把其中的连接全部掐断。
// 客户端库共用的那个既掐不断，又要 45 秒才发现死连接。
func newTransport(config *rest.Config) (http.RoundTripper, *connrotation.Dialer, error) {
	tc, err := config.TransportConfig()
	if err != nil {
		return nil, nil, err
	}
	tlsConfig, err := transport.TLSConfigFor(tc)
	if err != nil {
		return nil, nil, err
	}
	dialer := connrotation.NewDialer((&net.Dialer{Timeout: dialTimeout, KeepAlive: pingAfter}).DialContext)
	rt, err := transport.HTTPWrappersForConfig(tc, &http.Transport{
		Proxy:               proxyOf(config),
		DialContext:         dialer.DialContext,
		TLSClientConfig:     tlsConfig,
		TLSHandshakeTimeout: dialTimeout,
		IdleConnTimeout:     90 * time.Second,
		ForceAttemptHTTP2:   true,
		DisableCompression:  config.DisableCompression,
		HTTP2:               &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
	})
	return rt, dialer, err
}

// proxyOf 默认听环境变量的，其中 NO_PROXY 也认网段。
func proxyOf(config *rest.Config) func(*http.Request) (*url.URL, error) {
	if config.Proxy != nil {
		return config.Proxy
	}
	return utilnet.NewProxierWithNoProxyCIDR(http.ProxyFromEnvironment)
}
