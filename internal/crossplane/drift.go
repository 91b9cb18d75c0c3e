package crossplane

import (
	"context"
	"sync"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/crossplane/crossplane-runtime/v2/pkg/logging"
	"github.com/crossplane/crossplane-runtime/v2/pkg/resource"

	"github.com/kubellm/kubellm/internal/external"
)

const (
	// indexExternalKey 按平台对象的位置索引托管资源。
	indexExternalKey = "kubellm.io/external-key"
	// indexConfig 按所用的 provider 配置索引托管资源。
	indexConfig = "kubellm.io/provider-config"
	// indexSecret 按所用的 Secret 索引要交入秘密的托管资源。
	indexSecret = "kubellm.io/secret"
)

// driftSource 把平台上的变化变成协调请求：对象变了、没了，或平台失联、恢复，指向它的托管资源都立刻重新协调。
// 通知只说位置、不说是哪个平台：别的平台上同名的也会看一眼，从缓存作答，不花请求。
func driftSource[T external.Object, L runtime.Object](pool *external.Pool, kind *external.Kind[T, L], users lister) source.Source {
	return source.Func(func(ctx context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
		changed := newMailbox()
		external.Subscribe(pool, kind, changed.put)
		go changed.drain(ctx, func(key external.Key) {
			for _, request := range users.requests(ctx, indexExternalKey, key.String()) {
				queue.Add(request)
			}
		})
		return nil
	})
}

// mailbox 把通知与查找分开：查找可能要等托管资源的缓存装满，不能拖住所有种类共用的监视。同一个键只留一份。
type mailbox struct {
	mu   sync.Mutex
	keys map[external.Key]struct{}
	// filled 提醒有新的键；容量为一，放不下说明已经提醒过。
	filled chan struct{}
}

func newMailbox() *mailbox {
	return &mailbox{keys: map[external.Key]struct{}{}, filled: make(chan struct{}, 1)}
}

// put 记下一个键，立即返回。
func (m *mailbox) put(key external.Key) {
	m.mu.Lock()
	m.keys[key] = struct{}{}
	m.mu.Unlock()
	select {
	case m.filled <- struct{}{}:
	default:
	}
}

// drain 逐个处理记下的键，直到 ctx 结束。
func (m *mailbox) drain(ctx context.Context, handle func(external.Key)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-m.filled:
		}
		m.mu.Lock()
		keys := m.keys
		m.keys = map[external.Key]struct{}{}
		m.mu.Unlock()
		for key := range keys {
			handle(key)
		}
	}
}

// lister 按索引找出托管资源。
type lister struct {
	kube client.Reader
	list resource.ManagedList
	log  logging.Logger
}

func (l lister) requests(ctx context.Context, index, value string) []reconcile.Request {
	list, err := copyOf(l.list)
	if err != nil {
		l.log.Info("Cannot look for managed resources", "index", index, "value", value, "error", err)
		return nil
	}
	// 不深拷贝：这里只读名字。
	if err := l.kube.List(ctx, list, client.MatchingFields{index: value}, client.UnsafeDisableDeepCopy); err != nil {
		// 停止途中缓存先关，这时查不到并无损失；否则还有轮询兜底。
		l.log.Debug("Cannot look for managed resources", "index", index, "value", value, "error", err)
		return nil
	}
	items := list.GetItems()
	requests := make([]reconcile.Request, 0, len(items))
	for _, mg := range items {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(mg)})
	}
	return requests
}
