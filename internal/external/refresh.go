package external

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
)

const (
	// freeReads 是值得列出全部之前的单个读取次数：只管几个对象的配置不该拉下整个平台。
	freeReads = 16
	// snapshotAge 是一份列表最多用多久。
	snapshotAge = time.Minute
	// maxSnapshot 是一份列表最多装多少对象；平台上更多时逐个取更划算。
	maxSnapshot = 20_000
	// pageSize 是列表一页的大小。
	pageSize = 500
)

// refreshed 供一次性进程读取：头几次逐个取，之后一次分页列表供所有读取共用。
type refreshed[T Object, L runtime.Object] struct {
	platform *Platform
	kind     *Kind[T, L]

	mu sync.Mutex
	// reading 因写入而作废，doomed 不作废：删除用它，旧了也无妨，否则销毁上千个对象时每个都要先取一次。
	reading, doomed map[string]*space[T]
}

// space 是一个命名空间（或整个集群）里的读取情况。
type space[T Object] struct {
	reads    int
	getsOnly bool
	listing  *listing[T]
}

// listing 是一次列表：进行中、已完成，或因其间有写入而作废。
type listing[T Object] struct {
	begun   time.Time
	done    chan struct{}
	objects map[string]T
}

func newRefreshed[T Object, L runtime.Object](p *Platform, k *Kind[T, L]) *refreshed[T, L] {
	return &refreshed[T, L]{platform: p, kind: k,
		reading: map[string]*space[T]{}, doomed: map[string]*space[T]{}}
}

// read 先看列表；列表里没有不等于不存在，总要再问一次平台。
func (r *refreshed[T, L]) read(ctx context.Context, key Key) (T, error) {
	object, _, err := r.readVia(ctx, r.reading, key)
	return object, err
}

func (r *refreshed[T, L]) candidate(ctx context.Context, key Key) (T, bool, error) {
	return r.readVia(ctx, r.doomed, key)
}

// readVia 给出对象，fresh 表示它是刚取的而不是列表里的。
func (r *refreshed[T, L]) readVia(ctx context.Context, spaces map[string]*space[T], key Key) (object T, fresh bool, err error) {
	if l := r.listingFor(spaces, key.Namespace); l != nil {
		select {
		case <-l.done:
		case <-ctx.Done():
		}
		if object, ok := r.from(l, key); ok {
			return object, false, nil
		}
	}
	object, err = getOne(ctx, r.platform, r.kind, key)
	return object, true, err
}

// listingFor 给出可用的列表，需要时开始一次；nil 表示该逐个取。
func (r *refreshed[T, L]) listingFor(spaces map[string]*space[T], namespace string) *listing[T] {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := spaces[namespace]
	if s == nil {
		s = &space[T]{}
		spaces[namespace] = s
	}
	s.reads++
	if s.getsOnly || s.reads <= freeReads {
		return nil
	}
	if s.listing == nil || time.Since(s.listing.begun) > snapshotAge {
		s.listing = &listing[T]{begun: time.Now(), done: make(chan struct{})}
		go r.list(namespace, s, s.listing)
	}
	return s.listing
}

// from 在一次完成且未作废的列表里找对象。
func (r *refreshed[T, L]) from(l *listing[T], key Key) (T, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	object, ok := l.objects[key.Name]
	return object, ok
}

// list 列出一个命名空间；用 Platform 的期限，免得头一个等待者走开连累别人。
func (r *refreshed[T, L]) list(namespace string, s *space[T], l *listing[T]) {
	objects, err := listAll(r.platform.ctx, r.platform, r.kind, namespace, metav1.ListOptions{}, maxSnapshot)
	r.mu.Lock()
	defer r.mu.Unlock()
	defer close(l.done)
	switch {
	case apierrors.IsForbidden(err), tooMany(err):
		s.getsOnly = true
	case err != nil:
		if s.listing == l {
			s.reads, s.listing = 0, nil
		}
	case s.listing == l:
		l.objects = make(map[string]T, len(objects))
		for _, object := range objects {
			l.objects[object.GetName()] = object
		}
	}
}

// writing 作废列表并重新从逐个读取开始：写的时候读写相间，每次都列全部只会更慢。
func (r *refreshed[T, L]) writing(key Key) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.reading[key.Namespace]; s != nil {
		if s.listing != nil {
			s.listing.objects = nil
		}
		s.reads, s.listing = 0, nil
	}
}

// wrote 与 deleted 在这里没有意义：writing 已作废了列表，记住写过的只会越积越多。
func (r *refreshed[T, L]) wrote(T)   {}
func (r *refreshed[T, L]) deleted(T) {}

// tooManyError 表示平台上的对象比愿意列出的多。
type tooManyError struct{ limit int }

func (e *tooManyError) Error() string { return fmt.Sprintf("more than %d objects", e.limit) }

func tooMany(err error) bool {
	var e *tooManyError
	return errors.As(err, &e)
}

// listAll 分页列出全部；续页令牌过期（410）时从头再来一次。limit 为零时不限个数。
func listAll[T Object, L runtime.Object](ctx context.Context, p *Platform, k *Kind[T, L], namespace string, opts metav1.ListOptions, limit int) ([]T, error) {
	objects, err := listPages(ctx, p, k, namespace, opts, limit)
	if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
		objects, err = listPages(ctx, p, k, namespace, opts, limit)
	}
	return objects, err
}

func listPages[T Object, L runtime.Object](ctx context.Context, p *Platform, k *Kind[T, L], namespace string, opts metav1.ListOptions, limit int) ([]T, error) {
	opts.Limit = pageSize
	var objects []T
	for {
		page, err := call(ctx, k.GroupVersionKind.Kind, "list", func(ctx context.Context) (L, error) {
			return k.Client(p.clients, namespace).List(ctx, opts)
		})
		if err != nil {
			return nil, err
		}
		list, err := apimeta.ListAccessor(page)
		if err != nil {
			return nil, err
		}
		objects = append(objects, k.Items(page)...)
		if limit > 0 && len(objects)+int(ptr.Deref(list.GetRemainingItemCount(), 0)) > limit {
			return nil, &tooManyError{limit: limit}
		}
		if opts.Continue = list.GetContinue(); opts.Continue == "" {
			return objects, nil
		}
	}
}

// selectorText 给出标签选择器的文字；nil 选全部。
func selectorText(selector labels.Selector) string {
	if selector == nil {
		return ""
	}
	return selector.String()
}
