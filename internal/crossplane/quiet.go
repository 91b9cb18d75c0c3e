package crossplane

import (
	"context"

	"k8s.io/apimachinery/pkg/api/equality"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	xpmeta "github.com/crossplane/crossplane-runtime/v2/pkg/meta"
)

// quietManager 把给协调器的客户端换成 quietClient，其余照旧。
type quietManager struct {
	ctrl.Manager
	client quietClient
}

func newQuietManager(mgr ctrl.Manager) quietManager {
	return quietManager{Manager: mgr, client: quietClient{Client: mgr.GetClient()}}
}

// GetClient 返回不写空写的客户端。
func (m quietManager) GetClient() client.Client { return m.client }

// quietClient 略去什么也不改变的写入：crossplane-runtime 每次轮询都写一遍状态，上千个资源静止时全是空转。
type quietClient struct{ client.Client }

// Update 写入有变化的对象。
func (c quietClient) Update(ctx context.Context, o client.Object, opts ...client.UpdateOption) error {
	// 创建之前的"待创建"标注是为服务器起名的外部系统准备的；我们的名字是确定的，崩溃后重来即可，不必为它多写一次。
	if !xpmeta.GetExternalCreatePending(o).IsZero() {
		xpmeta.RemoveAnnotations(o, xpmeta.AnnotationKeyExternalCreatePending)
		return nil
	}
	if cached, ok := c.sameVersion(ctx, o); ok && equality.Semantic.DeepEqual(cached, o) {
		return nil
	}
	return c.Client.Update(ctx, o, opts...)
}

// Status 返回同样不写空写的状态客户端。
func (c quietClient) Status() client.SubResourceWriter {
	return quietStatus{SubResourceWriter: c.Client.Status(), client: c}
}

type quietStatus struct {
	client.SubResourceWriter
	client quietClient
}

func (s quietStatus) Update(ctx context.Context, o client.Object, opts ...client.SubResourceUpdateOption) error {
	cached, ok := s.client.sameVersion(ctx, o)
	explainDeletion(o, cached)
	if ok {
		// 内存里补上的标注（例如外部名）不随状态写入，不参与比较。
		cached.SetAnnotations(o.GetAnnotations())
		if equality.Semantic.DeepEqual(cached, o) {
			return nil
		}
	}
	return s.SubResourceWriter.Update(ctx, o, opts...)
}

// sameVersion 给出缓存里同一版本的对象；版本不同时无从判断是否空写。返回的是浅拷贝，只许替换字段，不许改字段里面。
func (c quietClient) sameVersion(ctx context.Context, o client.Object) (client.Object, bool) {
	gvk, err := c.GroupVersionKindFor(o)
	if err != nil {
		return nil, false
	}
	empty, err := c.Scheme().New(gvk)
	if err != nil {
		return nil, false
	}
	cached, ok := empty.(client.Object)
	if !ok {
		return nil, false
	}
	if err := c.Get(ctx, client.ObjectKeyFromObject(o), cached, client.UnsafeDisableDeepCopy); err != nil {
		return nil, false
	}
	cached.GetObjectKind().SetGroupVersionKind(o.GetObjectKind().GroupVersionKind())
	return cached, cached.GetResourceVersion() == o.GetResourceVersion()
}
