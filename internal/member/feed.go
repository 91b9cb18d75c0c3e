package member

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// pageSize 限住一次列出占的内存：列表整页解开，剥过之后才小。
	pageSize = 500
	// listTimeout 与 openTimeout 是一页、一次打开监视的上限；卡住的成员由 ping 更早发现，这里防的是代理后面的。
	listTimeout = time.Minute
	openTimeout = 15 * time.Second
	// silence 是监视多久一声不响就不再信它。成员每分钟都送书签，连着三个没来，多半是中间的代理不再转发而连接还开着。
	silence = 3 * time.Minute
)

var errSilent = errors.New("the watch is open but nothing has come through it for minutes; look at proxies between the platform and the member")

var _ cache.ListerWatcherWithContext = &feed[client.Object]{}

// feed 站在反射器与成员之间：剥去用不着的、记账、记下监视的死活，并且自己等、自己重试。
// 反射器自己的退避会涨到半分钟以上，成员回来了它还在等；在这里等，心跳一通就走。
type feed[T client.Object] struct {
	conn     *connection
	watching *watching
	next     cache.ListerWatcherWithContext
	// optional 表示成员可以不提供这一种。
	optional bool
	// strip 剥去用不着的；答 false 的与平台无关，不进缓存。
	strip func(T) (T, bool)
	// bare 只留身份，给反射器推进版本用。
	bare    func(T) T
	set     func(T)
	remove  func(types.NamespacedName)
	replace func(map[types.NamespacedName]T)
	// staged 是正在列出、还没有换上的一份；反射器一次只列一份，不需要锁。
	staged map[types.NamespacedName]T
}

// ListWithContext 列出一页。总是要最新的一份：断开之后回来，数字必须是成员现在的，不是它缓存里的。
func (f *feed[T]) ListWithContext(ctx context.Context, opts metav1.ListOptions) (runtime.Object, error) {
	if opts.Continue == "" {
		f.staged = map[types.NamespacedName]T{}
		opts.ResourceVersion, opts.ResourceVersionMatch = "", ""
	}
	if opts.Limit == 0 {
		opts.Limit = pageSize
	}
	for {
		if err := f.conn.await(ctx, f.watching); err != nil {
			return nil, err
		}
		list, err := f.page(ctx, opts)
		if err == nil {
			return list, f.stagePage(list)
		}
		if err := f.refused(ctx, err); err != nil {
			return nil, err
		}
	}
}

// List 与 Watch 只为满足接口：反射器用的是带 ctx 的。
func (f *feed[T]) List(opts metav1.ListOptions) (runtime.Object, error) {
	return f.ListWithContext(context.Background(), opts)
}

// Watch 见 List。
func (f *feed[T]) Watch(opts metav1.ListOptions) (watch.Interface, error) {
	return f.WatchWithContext(context.Background(), opts)
}

func (f *feed[T]) page(ctx context.Context, opts metav1.ListOptions) (runtime.Object, error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	return f.next.ListWithContext(ctx, opts)
}

// stagePage 剥一页，收进正在列出的一份；最后一页之后整份换上。
func (f *feed[T]) stagePage(list runtime.Object) error {
	items, err := meta.ExtractList(list)
	if err != nil {
		return err
	}
	kept := items[:0]
	for _, item := range items {
		object, ok := item.(T)
		if !ok {
			continue
		}
		if slim, keep := f.strip(object); keep {
			f.staged[client.ObjectKeyFromObject(slim)] = slim
			kept = append(kept, slim)
		}
	}
	if err := meta.SetList(list, kept); err != nil {
		return err
	}
	page, err := meta.ListAccessor(list)
	if err == nil && page.GetContinue() == "" {
		f.commit(nil)
	}
	return err
}

// commit 把列出的一份换进账里；stream 是带着它来的监视，分开列出的没有。
func (f *feed[T]) commit(stream any) {
	staged := f.staged
	f.staged = nil
	f.conn.listed(f.watching, stream, func() { f.replace(staged) })
}

// WatchWithContext 打开监视。断开过的监视不从断处续：不知道错过了什么之前，账不能算数，所以让反射器重新列出。
func (f *feed[T]) WatchWithContext(ctx context.Context, opts metav1.ListOptions) (watch.Interface, error) {
	initial := opts.SendInitialEvents != nil && *opts.SendInitialEvents
	if initial {
		opts.ResourceVersion = ""
	}
	for {
		if initial {
			if err := f.conn.await(ctx, f.watching); err != nil {
				return nil, err
			}
		} else if !f.conn.resumable(f.watching) {
			return nil, errRelist()
		}
		stream, err := f.open(ctx, opts, initial)
		if err == nil {
			return stream, nil
		}
		if err := f.refused(ctx, err); err != nil {
			return nil, err
		}
		if !initial {
			return nil, errRelist()
		}
	}
}

// errRelist 让反射器重新列出。
func errRelist() error {
	return apierrors.NewResourceExpired("the watch was interrupted; what was missed is listed again")
}

// open 打开一个监视并开始转发。
func (f *feed[T]) open(ctx context.Context, opts metav1.ListOptions, initial bool) (watch.Interface, error) {
	ctx, cancel := context.WithCancel(ctx)
	timer := time.AfterFunc(openTimeout, cancel)
	upstream, err := f.next.WatchWithContext(ctx, opts)
	if !timer.Stop() {
		if err == nil {
			upstream.Stop()
		}
		err = context.DeadlineExceeded
	}
	if err != nil {
		cancel()
		return nil, err
	}
	s := &stream{upstream: upstream, cancel: cancel, events: make(chan watch.Event), stopped: make(chan struct{})}
	if initial {
		f.staged = map[types.NamespacedName]T{}
	}
	if !f.conn.opened(f.watching, s, initial) {
		s.Stop()
		return nil, errRelist()
	}
	go f.follow(s)
	return s, nil
}

// refused 记下一次失败；等一等再试有用的，返回 nil。
func (f *feed[T]) refused(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	f.conn.broke(f.watching, err)
	if f.optional && apierrors.IsNotFound(err) {
		f.conn.missing(f.watching, func() { f.replace(nil) })
		return nil
	}
	if !worthRetrying(err) {
		return err
	}
	return nil
}

// worthRetrying 把成员对请求本身的意见（版本过期、不懂参数）留给反射器处理，其余的等一等再试。
func worthRetrying(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return true
	}
	switch code := status.Status().Code; code {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	default:
		return code >= http.StatusInternalServerError
	}
}

// stream 是转给反射器的一个监视。
type stream struct {
	upstream watch.Interface
	cancel   context.CancelFunc
	events   chan watch.Event
	stopped  chan struct{}
	once     sync.Once
}

// Stop 结束监视。
func (s *stream) Stop() {
	s.once.Do(func() {
		close(s.stopped)
		s.cancel()
		s.upstream.Stop()
	})
}

// done 说监视已经不要了：此后来的不过是掐断它的动静。
func (s *stream) done() bool {
	select {
	case <-s.stopped:
		return true
	default:
		return false
	}
}

// ResultChan 是剥过的事件。
func (s *stream) ResultChan() <-chan watch.Event { return s.events }

// follow 转发一个监视的事件，直到它断开、不要了或太久没有声音。
func (f *feed[T]) follow(s *stream) {
	defer close(s.events)
	defer f.conn.closed(f.watching, s)
	quiet := f.conn.clock.NewTimer(silence)
	defer quiet.Stop()
	for {
		select {
		case <-s.stopped:
			return
		case <-quiet.C():
			f.conn.broke(f.watching, errSilent)
			return
		case event, ok := <-s.upstream.ResultChan():
			if !ok || s.done() {
				return
			}
			quiet.Reset(silence)
			forward, ok := f.take(s, event)
			if !ok {
				continue
			}
			select {
			case s.events <- forward:
			case <-s.stopped:
				return
			}
		}
	}
}

// take 把一个事件记进账里，返回该转给反射器的；答 false 的不转。
func (f *feed[T]) take(s *stream, event watch.Event) (watch.Event, bool) {
	if event.Type == watch.Error {
		f.conn.broke(f.watching, apierrors.FromObject(event.Object))
		return event, true
	}
	object, ok := event.Object.(T)
	if !ok {
		return event, true
	}
	if event.Type == watch.Bookmark {
		if f.staged != nil && object.GetAnnotations()[metav1.InitialEventsAnnotationKey] == "true" {
			f.commit(s)
		} else {
			f.conn.heard(f.watching, s, func() bool { return false })
		}
		return event, true
	}
	slim, keep := f.strip(object)
	f.record(s, client.ObjectKeyFromObject(object), slim, keep && event.Type != watch.Deleted)
	switch {
	case keep:
		return watch.Event{Type: event.Type, Object: slim}, true
	case event.Type != watch.Added:
		// 变得无关的要从缓存里去掉；缓存里本来没有的，去掉也无妨。
		return watch.Event{Type: watch.Deleted, Object: f.bare(object)}, true
	case f.staged != nil:
		return watch.Event{}, false
	default:
		// 书签让反射器知道版本到了哪里，缓存里什么也不留。
		return watch.Event{Type: watch.Bookmark, Object: f.bare(object)}, true
	}
}

// record 把一个对象的现状记进正在列出的一份，或直接记进账里。
func (f *feed[T]) record(s *stream, key types.NamespacedName, slim T, present bool) {
	switch {
	case f.staged != nil && present:
		f.staged[key] = slim
	case f.staged != nil:
		delete(f.staged, key)
	default:
		f.conn.heard(f.watching, s, func() bool {
			if present {
				f.set(slim)
			} else {
				f.remove(key)
			}
			return true
		})
	}
}
