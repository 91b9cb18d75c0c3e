package crossplane

import (
	"context"

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
)

// driftSource 把平台上的变化变成协调请求：对象变了、没了，或平台失联、恢复，指向它的托管资源都立刻重新协调。
func driftSource[T external.Object, L runtime.Object](pool *external.Pool, kind *external.Kind[T, L], users lister) source.Source {
	return source.Func(func(ctx context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
		external.Subscribe(pool, kind, func(key external.Key) {
			for _, request := range users.requests(ctx, indexExternalKey, key.String()) {
				queue.Add(request)
			}
		})
		return nil
	})
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
