package cluster

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/index"
	"github.com/kubellm/kubellm/internal/controller/requeue"
)

// SetupWithManager 登记控制器；evidence 在成员有了新证据时以 Cluster 的名字唤起协调。
// Cluster 自身不按 generation 过滤：交来的凭据只动状态，自己写入的状态也要看见。
// Secret 只监视元数据：平台的全部 Secret 的内容不该住进控制器的内存。
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager, evidence source.Source, options controller.Options) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("cluster").
		WithOptions(options).
		For(&v1alpha1.Cluster{}).
		Watches(&v1alpha1.Cluster{}, handler.EnqueueRequestsFromMapFunc(r.sameMember), builder.WithPredicates(identified)).
		WatchesMetadata(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(r.clustersOfSecret)).
		WatchesRawSource(evidence).
		Complete(r.Tracing.Reconciler("cluster", "Cluster", r))
}

// identified 只放过身份的出现、改变与消失，和站得多稳变了的：别的 Cluster 只关心这个。
var identified = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	was, is := e.ObjectOld.(*v1alpha1.Cluster), e.ObjectNew.(*v1alpha1.Cluster)
	return was.Status.ID != is.Status.ID || standingOf(was) != standingOf(is)
}}

// sameMember 返回代表同一个成员的 Cluster：先来的走了，后来的要重新看。
func (r *Reconciler) sameMember(ctx context.Context, obj client.Object) []ctrl.Request {
	id := obj.(*v1alpha1.Cluster).Status.ID
	if id == "" {
		return nil
	}
	clusters, err := index.ClustersOfMember(ctx, r.Client, id)
	return requeue.Each(ctx, clusters, err)
}

// clustersOfSecret 返回从这个 Secret 取凭据的 Cluster。
func (r *Reconciler) clustersOfSecret(ctx context.Context, secret client.Object) []ctrl.Request {
	clusters, err := index.ClustersOfSecret(ctx, r.Client, client.ObjectKeyFromObject(secret))
	return requeue.Each(ctx, clusters, err)
}
