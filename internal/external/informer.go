package external

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/cache"
)

const (
	// firstSync 是头一次读取最多等缓存多久。
	firstSync = 5 * time.Second
	// settleTime 是监视连上之后没有事件也算连稳的时间：有的代理先答应再立刻断开。
	settleTime = time.Second
)

// reconnect 是监视断开之后的重连间隔：平台重启后几秒内就要恢复。
var reconnect = wait.Backoff{Duration: 200 * time.Millisecond, Factor: 2, Jitter: 0.5, Steps: 10, Cap: 5 * time.Second}

// watched 供长驻进程读取：一个种类一个监视，所有资源共用；静止时不发请求。
// 它自己就是反射器的存储，因此不需要队列，也不需要第二份拷贝。
type watched[T Object, L runtime.Object] struct {
	platform *Platform
	kind     *Kind[T, L]
	log      logr.Logger
	start    sync.Once

	mu      sync.Mutex
	objects map[Key]T
	// version 是缓存已看到的资源版本。
	version string
	writes  map[Key]write[T]
	// asked 是问过的键：缓存失效或恢复时，还不存在的对象也要通知。
	asked map[Key]time.Time
	// swept 是上次清理 asked 的时刻。
	swept  time.Time
	health health
	// retired 表示 Platform 已关闭，死活不再计数。
	retired bool
	// aging 是已安排到期检查的那次断开。
	aging time.Time
	// changed 在状态每次变化时关闭并换新。
	changed     chan struct{}
	subscribers []func(Key)
}

func newWatched[T Object, L runtime.Object](p *Platform, k *Kind[T, L]) *watched[T, L] {
	return &watched[T, L]{
		platform: p, kind: k,
		log:     p.options.Logger.WithValues("kind", k.GroupVersionKind.Kind, "server", p.server),
		objects: map[Key]T{}, writes: map[Key]write[T]{}, asked: map[Key]time.Time{},
		changed: make(chan struct{}),
	}
}

// run 开始监视，直到 Platform 关闭。
func (w *watched[T, L]) run() {
	w.change(nil, func(h *health) { h.brokenSince = time.Now() })
	context.AfterFunc(w.platform.ctx, w.retire)
	backoff := reconnect
	quiet := logr.Discard()
	reflector := cache.NewReflectorWithOptions(w.listWatch(), w.kind.New(), w, cache.ReflectorOptions{
		Name: w.kind.Resource, TypeDescription: w.kind.GroupVersionKind.Kind, Backoff: &backoff, Logger: &quiet,
	})
	// 反射器每次重连失败都记一行；这里只在失效与恢复时各记一行。
	go reflector.RunWithContext(logr.NewContext(w.platform.ctx, quiet))
}

// retire 在 Platform 关闭时把失效指标还回去。
func (w *watched[T, L]) retire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.retired {
		w.retired = true
		w.count(w.health.trust(), unsynced)
	}
}

// read 从缓存作答；缓存不可信就说出原因，绝不拿旧的充数。
func (w *watched[T, L]) read(ctx context.Context, key Key) (T, error) {
	w.start.Do(w.run)
	w.awaitFirst(ctx)
	w.mu.Lock()
	w.ask(key)
	state, err := w.health.trust(), w.distrust()
	w.mu.Unlock()
	switch {
	case w.platform.ctx.Err() != nil, state == forbidden, state == unsynced && err == nil:
		return getOne(ctx, w.platform, w.kind, key)
	case state != trusted:
		var none T
		return none, err
	default:
		return w.cached(ctx, key)
	}
}

// awaitFirst 等到缓存第一次有结论：装满、失败，或等够了。
func (w *watched[T, L]) awaitFirst(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, firstSync)
	defer cancel()
	for {
		w.mu.Lock()
		decided := w.health.trust() != unsynced || w.health.lastErr != nil
		changed := w.changed
		w.mu.Unlock()
		if decided {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		case <-w.platform.ctx.Done():
			return
		}
	}
}

// distrust 说缓存为什么不可信；可信或还没有结论时为 nil。拿着锁调用。
func (w *watched[T, L]) distrust() error {
	h := &w.health
	switch h.trust() {
	case trusted:
		return nil
	case unsynced:
		if h.lastErr == nil || classify(h.lastErr).Class != ClassUnreachable {
			return nil
		}
		return h.lastErr
	case stale:
		cause := h.lastErr
		if cause == nil {
			cause = errors.New("the connection does not come back")
		}
		return &Error{Class: ClassUnreachable, advice: classify(cause).advice, Err: &brokenWatchError{since: h.brokenSince, err: cause}}
	default:
		return h.lastErr
	}
}

// brokenWatchError 是断开太久的监视；时刻是断开的时刻，所以同一次断开的文字不变。
type brokenWatchError struct {
	since time.Time
	err   error
}

func (e *brokenWatchError) Error() string {
	return fmt.Sprintf("the watch broke at %s and what was cached is too old to trust: %s",
		e.since.UTC().Format(time.RFC3339), causeText(e.err))
}

func (e *brokenWatchError) Unwrap() error { return e.err }
func (e *brokenWatchError) explained()    {}

// cached 从可信的缓存作答；自己刚写的比缓存新时用自己写的。
func (w *watched[T, L]) cached(ctx context.Context, key Key) (T, error) {
	w.mu.Lock()
	object, verdict := w.settled(key)
	w.mu.Unlock()
	switch verdict {
	case present:
		return object, nil
	case unsure:
		return w.reread(ctx, key)
	default:
		var none T
		return none, apierrors.NewNotFound(w.kind.groupResource(), key.Name)
	}
}

// subscribe 登记一个通知。
func (w *watched[T, L]) subscribe(notify func(Key)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.subscribers = append(w.subscribers, notify)
}
