package external

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/runtime"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport"

	"github.com/kubellm/kubellm/apis/generated/clientset/versioned"
)

// ReadMode 说明观察从哪里读。
type ReadMode int

const (
	// InformerReads 适合长驻进程：每个种类一个监视，静止时不发任何请求。
	InformerReads ReadMode = iota
	// RefreshReads 适合一次性进程：头几次 GET，之后一次分页 LIST 供所有读取共用。
	RefreshReads
)

// StaleAfter 是监视断开多久之后缓存不再可信。
const StaleAfter = 30 * time.Second

// Options 是一个工具链对本层的设置。
type Options struct {
	// FieldManager 是工具链的字段管理者，例如 kubellm-crossplane。
	FieldManager string
	UserAgent    string
	Reads        ReadMode
	Logger       logr.Logger
	// Registerer 可为空；给出时登记请求数、耗时与缓存失效指标。
	Registerer prometheus.Registerer
	// StaleAfter 为零时取常量 StaleAfter。
	StaleAfter time.Duration
	// UnusedAfter 是 Pool 里一个 Platform 多久没人取用就关闭，占用着也一样，为零时是一小时；
	// 要大于适配器的轮询间隔，否则静止的资源会失去推送。
	UnusedAfter time.Duration
	// Wrap 包住发往平台的请求；可以为 nil。
	Wrap transport.WrapperFunc
}

// Platform 是一份凭据所见的平台：一条连接、每个种类一个共享的读取者。
type Platform struct {
	options Options
	server  string
	clients versioned.Interface
	metrics *metrics
	http    *http.Client
	// certExpiry 是客户端证书的到期时间：服务端只说 401，而人要知道的是证书过期了。
	certExpiry time.Time

	ctx   context.Context
	close context.CancelFunc

	mu      sync.Mutex
	readers map[any]any
}

// NewPlatform 用一份凭据建立 Platform；不发请求，凭据本身不成形时报错。
func NewPlatform(cfg *rest.Config, o Options) (*Platform, error) {
	if o.StaleAfter == 0 {
		o.StaleAfter = StaleAfter
	}
	if o.Logger.IsZero() {
		o.Logger = logr.Discard()
	}
	p := &Platform{options: o, server: serverText(cfg.Host), readers: map[any]any{}}
	if err := p.connect(cfg); err != nil {
		return nil, &Error{Class: ClassInvalid, Op: "use the credentials for", Kind: "platform", Server: p.server, Err: err,
			advice: "check the server address, CA certificate, client certificate and key, and token"}
	}
	p.ctx, p.close = context.WithCancel(context.Background())
	return p, nil
}

// connect 准备好连接与客户端。
func (p *Platform) connect(cfg *rest.Config) error {
	if cfg.Host == "" {
		return errors.New("no server address is given")
	}
	cfg = rest.CopyConfig(cfg)
	// 平台自己限流（429）；客户端再限一道只会让上千个资源排队。
	cfg.QPS, cfg.RateLimiter = -1, nil
	// 客户端的总超时会切断监视；每次读写另有期限。
	cfg.Timeout = 0
	cfg.ContentConfig = rest.ContentConfig{}
	cfg.Wrap(p.options.Wrap)
	cfg.WarningHandler, cfg.WarningHandlerWithContext = warnings{p.options.Logger}, nil
	cfg.UserAgent = p.options.UserAgent
	if cfg.UserAgent == "" {
		cfg.UserAgent = rest.DefaultKubernetesUserAgent()
	}
	rt, tc, err := newTransport(cfg)
	if err != nil {
		return err
	}
	p.certExpiry = leafExpiry(tc.TLS.CertData)
	if p.metrics, err = newMetrics(p.options.Registerer); err != nil {
		return fmt.Errorf("register metrics: %w", err)
	}
	p.http = &http.Client{Transport: &roundTripper{next: rt, metrics: p.metrics}}
	p.clients, err = versioned.NewForConfigAndClient(cfg, p.http)
	return err
}

// warnings 把平台随回答给的告诫记进日志，例如用了将要废弃的字段。
type warnings struct{ log logr.Logger }

// HandleWarningHeader 记一条告诫；299 之外的代码不是给人看的。
func (w warnings) HandleWarningHeader(code int, _, text string) {
	if code == 299 && text != "" {
		w.log.Info("The platform warns", "warning", text)
	}
}

// Close 停止所有监视并断开空闲连接。
func (p *Platform) Close() {
	p.close()
	utilnet.CloseIdleConnectionsFor(p.http.Transport)
}

// Server 是平台的地址，不含任何凭据。
func (p *Platform) Server() string { return p.server }

// fail 把请求的错误变成说得清楚的 Error。
func (p *Platform) fail(op, kind string, key Key, err error) *Error {
	e := classify(err)
	e.Op, e.Kind, e.Key, e.Server = op, kind, key, p.server
	if e.Class == ClassUnauthenticated && !p.certExpiry.IsZero() && time.Now().After(p.certExpiry) {
		e.advice = fmt.Sprintf("the client certificate of these credentials expired at %s: have a new one issued",
			p.certExpiry.UTC().Format(time.RFC3339))
	}
	return e
}

// readerOf 给出一个种类共享的读取者，第一次用到时建立。
func readerOf[T Object, L runtime.Object](p *Platform, k *Kind[T, L]) reader[T] {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r, ok := p.readers[k]; ok {
		return r.(reader[T])
	}
	var r reader[T]
	if p.options.Reads == InformerReads {
		r = newWatched(p, k)
	} else {
		r = newRefreshed(p, k)
	}
	p.readers[k] = r
	return r
}

// serverText 去掉地址里的用户信息，补上协议。
func serverText(host string) string {
	u, err := url.Parse(host)
	if err != nil || u.Host == "" {
		u = &url.URL{Scheme: "https", Host: host[strings.LastIndex(host, "@")+1:]}
	}
	u.User = nil
	return u.String()
}

// identity 是确定服务器与身份的一切；只用来算摘要。
type identity struct {
	Host, APIPath                string
	Username, Password           string
	BearerToken, BearerTokenFile string
	Impersonate                  rest.ImpersonationConfig
	Insecure                     bool
	ServerName                   string
	CertFile, KeyFile, CAFile    string
	CertData, KeyData, CAData    []byte
	NextProtos                   []string
	ExecCommand                  string
	ExecArgs                     []string
	ExecEnv                      any
	AuthProvider                 any
	Proxy                        string
	Dial, Transport, Wrappers    bool
}

// ConfigDigest 是确定服务器与身份的一切的摘要，用作缓存的键。函数不能比较：代理看它给出的地址，其余只看有没有。
func ConfigDigest(cfg *rest.Config) string {
	id := identity{
		Host: cfg.Host, APIPath: cfg.APIPath,
		Username: cfg.Username, Password: cfg.Password,
		BearerToken: cfg.BearerToken, BearerTokenFile: cfg.BearerTokenFile,
		Impersonate: cfg.Impersonate,
		Insecure:    cfg.Insecure, ServerName: cfg.ServerName,
		CertFile: cfg.CertFile, KeyFile: cfg.KeyFile, CAFile: cfg.CAFile,
		CertData: cfg.CertData, KeyData: cfg.KeyData, CAData: cfg.CAData,
		NextProtos:   cfg.NextProtos,
		AuthProvider: cfg.AuthProvider,
		Proxy:        proxyText(cfg), Dial: cfg.Dial != nil, Transport: cfg.Transport != nil, Wrappers: cfg.WrapTransport != nil,
	}
	if e := cfg.ExecProvider; e != nil {
		id.ExecCommand, id.ExecArgs, id.ExecEnv = e.Command, e.Args, e.Env
	}
	// 这些字段都能编码成 JSON，不会出错。
	data, _ := json.Marshal(id)
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// proxyText 是去服务器要经过的代理；没有指定的听环境变量的，在一个进程里都一样。
func proxyText(cfg *rest.Config) string {
	if cfg.Proxy == nil {
		return ""
	}
	req, err := http.NewRequest(http.MethodGet, serverText(cfg.Host), nil)
	if err != nil {
		return err.Error() // 地址不成形，这样的凭据反正打不开
	}
	proxy, err := cfg.Proxy(req)
	return fmt.Sprint(proxy, err)
}
