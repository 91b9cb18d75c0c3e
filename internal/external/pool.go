package external

import (
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
)

const (
	// unusedAfter 是没人取用的 Platform 默认留多久：没有谁来还的，监视也不该永远开着。
	unusedAfter = time.Hour
	// releasedAfter 是占用者都走了之后还留多久：手上的协调要做完，凭据也可能马上又换回来。
	releasedAfter = time.Minute
)

// Pool 按凭据摘要共享 Platform：同一凭据的上千个资源只有一条连接和每种类一个监视。
type Pool struct {
	options Options

	mu        sync.Mutex
	platforms map[string]*pooled
	// holders 是每个占用者现在用的那一个。
	holders map[string]*pooled
	// prepare 是对每个新开的 Platform 要做的事，即订阅。
	prepare []func(*Platform)
}

// pooled 是 Pool 里的一个 Platform 和到时关闭它的定时器。
type pooled struct {
	platform *Platform
	// got 是最近一次没有占用者的取用，closes 是该关闭的时刻。
	got, closes time.Time
	expiry      *time.Timer
}

// NewPool 建立一个空的 Pool；o 用于它打开的每个 Platform。
func NewPool(o Options) *Pool {
	if o.UnusedAfter == 0 {
		o.UnusedAfter = unusedAfter
	}
	return &Pool{options: o, platforms: map[string]*pooled{}, holders: map[string]*pooled{}}
}

// Get 取得这份凭据的 Platform，没有就打开；每次取用都推迟它的关闭。不会说何时用完的人用它。
func (p *Pool) Get(cfg *rest.Config) (*Platform, error) {
	digest := ConfigDigest(cfg)
	p.mu.Lock()
	defer p.mu.Unlock()
	e, err := p.open(digest, cfg)
	if err != nil {
		return nil, err
	}
	e.got = time.Now()
	return e.platform, nil
}

// Acquire 与 Get 一样，并记下 holder（例如一个 provider 配置）从此用的是它。一个占用者只用一个：凭据轮换之后
// 取得新的，就还了旧的；不再有人占用的不久即关闭，不必等到 UnusedAfter。出错时原来占用的不变。
func (p *Pool) Acquire(holder string, cfg *rest.Config) (*Platform, error) {
	digest := ConfigDigest(cfg)
	p.mu.Lock()
	defer p.mu.Unlock()
	e, err := p.open(digest, cfg)
	if err != nil {
		return nil, err
	}
	former := p.holders[holder]
	p.holders[holder] = e
	p.spare(former)
	return e.platform, nil
}

// Release 说 holder 什么也不用了，例如配置被删除；没占用过的也可以说。
func (p *Pool) Release(holder string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	former := p.holders[holder]
	delete(p.holders, holder)
	p.spare(former)
}

// open 给出这份凭据的 Platform 并推迟它的关闭，没有就打开；拿着锁调用。
func (p *Pool) open(digest string, cfg *rest.Config) (*pooled, error) {
	e, ok := p.platforms[digest]
	if !ok {
		platform, err := NewPlatform(cfg, p.options)
		if err != nil {
			return nil, err
		}
		for _, prepare := range p.prepare {
			prepare(platform)
		}
		e = &pooled{platform: platform}
		e.expiry = time.AfterFunc(p.options.UnusedAfter, func() { p.drop(digest, e) })
		p.platforms[digest] = e
	}
	e.closeIn(p.options.UnusedAfter)
	return e, nil
}

// spare 让不再有人占用的早些关闭；别人不占用而取用过的，仍留够 UnusedAfter。拿着锁调用。
func (p *Pool) spare(e *pooled) {
	if e == nil || slices.Contains(slices.Collect(maps.Values(p.holders)), e) {
		return
	}
	left := max(releasedAfter, time.Until(e.got.Add(p.options.UnusedAfter)))
	if left < time.Until(e.closes) {
		e.closeIn(left)
	}
}

// closeIn 定下何时关闭。
func (e *pooled) closeIn(d time.Duration) {
	e.closes = time.Now().Add(d)
	e.expiry.Reset(d)
}

// drop 关闭一个到时的 Platform。
func (p *Pool) drop(digest string, e *pooled) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.platforms[digest] != e || time.Now().Before(e.closes) {
		return // 定时器到点的同时又有人取用了，或者 Pool 已关闭
	}
	delete(p.platforms, digest)
	maps.DeleteFunc(p.holders, func(_ string, held *pooled) bool { return held == e })
	e.platform.Close()
}

// Close 关闭所有 Platform。
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.platforms {
		e.expiry.Stop()
		e.platform.Close()
	}
	clear(p.platforms)
	clear(p.holders)
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
