package external

import (
	"context"
	"errors"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
)

// listWatch 是反射器用的列出与监视，沿途记下死活。
func (w *watched[T, L]) listWatch() *cache.ListWatch {
	return &cache.ListWatch{ListWithContextFunc: w.list, WatchFuncWithContext: w.watch}
}

func (w *watched[T, L]) list(ctx context.Context, opts metav1.ListOptions) (runtime.Object, error) {
	if err := w.pause(ctx); err != nil {
		return nil, err
	}
	page, err := call(ctx, w.kind.GroupVersionKind.Kind, "list", func(ctx context.Context) (L, error) {
		return w.kind.Client(w.platform.clients, metav1.NamespaceAll).List(ctx, opts)
	})
	if err != nil {
		w.broke(err)
	}
	return page, err
}

func (w *watched[T, L]) watch(ctx context.Context, opts metav1.ListOptions) (watch.Interface, error) {
	if err := w.pause(ctx); err != nil {
		return nil, err
	}
	ctx = withRequest(ctx, &request{kind: w.kind.GroupVersionKind.Kind, verb: "watch"})
	stream, err := w.kind.Client(w.platform.clients, metav1.NamespaceAll).Watch(ctx, opts)
	if err != nil {
		w.broke(err)
		return nil, err
	}
	// 带初始事件的监视要等 Replace 换上完整的一份才可信，那之前的事件不算数。
	initial := opts.SendInitialEvents != nil && *opts.SendInitialEvents
	followed := &followedWatch{stream: stream, events: make(chan watch.Event), stopped: make(chan struct{})}
	w.mu.Lock()
	w.health.open = followed
	w.mu.Unlock()
	go w.follow(followed, !initial)
	return followed, nil
}

// pause 在凭据被拒之后等到该再试的时候。
func (w *watched[T, L]) pause(ctx context.Context) error {
	w.mu.Lock()
	wait := time.Until(w.health.nextTry)
	w.mu.Unlock()
	if wait > 0 && !sleep(ctx, wait) {
		return ctx.Err()
	}
	return nil
}

// followedWatch 把监视的事件原样转给反射器。
type followedWatch struct {
	stream  watch.Interface
	events  chan watch.Event
	stopped chan struct{}
	once    sync.Once
}

// Stop 结束监视。
func (f *followedWatch) Stop() {
	f.once.Do(func() { close(f.stopped) })
	f.stream.Stop()
}

// ResultChan 是转来的事件。
func (f *followedWatch) ResultChan() <-chan watch.Event { return f.events }

// follow 转发事件并记下监视何时连稳、何时断开。
func (w *watched[T, L]) follow(f *followedWatch, confirm bool) {
	defer close(f.events)
	var settle <-chan time.Time
	if confirm {
		settle = time.After(settleTime)
	}
	var last error
	for {
		select {
		case <-settle:
			settle, confirm = nil, false
			w.alive(f)
		case <-f.stopped:
			w.lost(f, last)
			return
		case event, ok := <-f.stream.ResultChan():
			if !ok {
				w.lost(f, last)
				return
			}
			if event.Type == watch.Error {
				last = apierrors.FromObject(event.Object)
			} else if confirm {
				settle, confirm = nil, false
				w.alive(f)
			}
			select {
			case f.events <- event:
			case <-f.stopped:
			}
		}
	}
}

// broke 记下一次失败的列出或监视。
func (w *watched[T, L]) broke(err error) {
	if w.platform.ctx.Err() == nil && !errors.Is(err, context.Canceled) {
		w.change(err, func(h *health) { h.broke(time.Now(), err) })
	}
}

// lost 记下一个连着的监视断了；已被新的取代时不算。
func (w *watched[T, L]) lost(f *followedWatch, err error) {
	if w.platform.ctx.Err() == nil {
		w.change(err, func(h *health) {
			if h.open == f {
				h.broke(time.Now(), err)
			}
		})
	}
}

// alive 记下监视连稳了。
func (w *watched[T, L]) alive(f *followedWatch) {
	w.change(nil, func(h *health) {
		if h.open == f {
			h.alive()
		}
	})
}

// change 改变死活，唤醒等待的读取；可信与否因此变了就记一行日志并通知每个已知的键。
func (w *watched[T, L]) change(err error, alter func(*health)) {
	w.mu.Lock()
	if w.retired {
		w.mu.Unlock()
		return
	}
	before := w.health.trust()
	alter(&w.health)
	after := w.health.trust()
	var keys []Key
	if before != after && before != unsynced {
		keys = w.knownKeys()
	}
	w.count(before, after)
	w.signal()
	w.scheduleAge()
	w.mu.Unlock()
	w.report(before, after, err)
	w.notify(keys...)
}

// scheduleAge 在断开之后安排一次到期检查；拿着锁调用。
func (w *watched[T, L]) scheduleAge() {
	since := w.health.brokenSince
	if since.IsZero() || since.Equal(w.aging) {
		return
	}
	w.aging = since
	limit := w.platform.options.StaleAfter
	time.AfterFunc(limit-time.Since(since), func() {
		if w.platform.ctx.Err() == nil {
			w.change(nil, func(h *health) { h.age(time.Now(), limit) })
		}
	})
}

// report 在可信与否变化时各记一行日志。
func (w *watched[T, L]) report(before, after trust, err error) {
	if before == after {
		return
	}
	switch after {
	case stale:
		w.log.Error(err, "The watch of the platform is broken; what was cached is not trusted until it is back")
	case unauthenticated:
		w.log.Error(err, "The platform refuses these credentials; what was cached is not trusted")
	case forbidden:
		w.log.Info("These credentials may not list or watch this kind; objects are read one by one", "reason", err.Error())
	case trusted:
		w.log.Info("The watch of the platform is established")
	}
}

// count 更新失效指标；拿着锁调用，否则与关闭相撞时会多减一次。
func (w *watched[T, L]) count(before, after trust) {
	gauge := w.platform.metrics.stale.WithLabelValues(w.kind.GroupVersionKind.Kind, w.platform.server)
	switch was, is := before.distrusted(), after.distrusted(); {
	case is && !was:
		gauge.Inc()
	case was && !is:
		gauge.Dec()
	}
}
