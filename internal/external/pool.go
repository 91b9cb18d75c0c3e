package external

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
)

// unusedAfter 是没人取用的 Platform 默认留多久：凭据轮换之后旧的监视不该永远开着。
const unusedAfter = time.Hour

// Pool 按凭据摘要共享 Platform：同一凭据的上千个资源只有一条连接和每种类一个监视。
type Pool struct {
	options Options

	mu        sync.Mutex
	platforms map[string]*pooled
	// prepare 是对每个新开的 Platform 要做的事，即订阅。
	prepare []func(*Platform)
}

// pooled 是 Pool 里的一个 Platform 和没人取用时关闭它的定时器。
type pooled struct {
	platform *Platform
	used     time.Time
	expiry   *time.Timer
}

// NewPool 建立一个空的 Pool；o 用于它打开的每个 Platform。
func NewPool(o Options) *Pool {
	if o.UnusedAfter == 0 {
		o.UnusedAfter = unusedAfter
	}
	return &Pool{options: o, platforms: map[string]*pooled{}}
}

// Get 取得这份凭据的 Platform，没有就打开；每次取用都推迟它的关闭。
func (p *Pool) Get(cfg *rest.Config) (*Platform, error) {
	digest := ConfigDigest(cfg)
	p.mu.Lock()
	defer p.mu.Unlock()
	if e, ok := p.platforms[digest]; ok {
		e.used = time.Now()
		e.expiry.Reset(p.options.UnusedAfter)
		return e.platform, nil
	}
	platform, err := NewPlatform(cfg, p.options)
	if err != nil {
		return nil, err
	}
	for _, prepare := range p.prepare {
		prepare(platform)
	}
	e := &pooled{platform: platform, used: time.Now()}
	e.expiry = time.AfterFunc(p.options.UnusedAfter, func() { p.drop(digest, e) })
	p.platforms[digest] = e
	return platform, nil
}

// drop 关闭一个没人取用的 Platform。
func (p *Pool) drop(digest string, e *pooled) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(e.used) < p.options.UnusedAfter {
		return // 定时器到点的同时又有人取用了
	}
	delete(p.platforms, digest)
	e.platform.Close()
}

// Close 关闭所有 Platform。
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for digest, e := range p.platforms {
		e.expiry.Stop()
		e.platform.Close()
		delete(p.platforms, digest)
	}
}

// Subscribe 对 Pool 里现在和将来的每个 Platform 订阅一个种类：每个事件、以及缓存失效或恢复时的每个已知键都会通知。
// 订阅本身不开始监视，头一次读取才开始。notify 在监视的协程里调用，必须很快返回。
func Subscribe[T Object, L runtime.Object](p *Pool, k *Kind[T, L], notify func(Key)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	prepare := func(platform *Platform) {
		if w, ok := readerOf(platform, k).(*watched[T, L]); ok {
			w.subscribe(notify)
		}
	}
	p.prepare = append(p.prepare, prepare)
	for _, e := range p.platforms {
		prepare(e.platform)
	}
}
