package model

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/source"

	cluster "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/index"
	"github.com/kubellm/kubellm/internal/controller/requeue"
	"github.com/kubellm/kubellm/internal/controller/scheduler"
	"github.com/kubellm/kubellm/internal/member"
)

// Placed 造出成员上的东西变了时的事件源，internal/member 的 ModelSource 就是。
type Placed func(handler.EventHandler) source.Source

// SetupWithManager 登记控制器。Model 自身不按 generation 过滤：交来的凭据只动状态，自己写下的预留也要看见。
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager, placed Placed, options controller.Options) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("model").
		WithOptions(options).
		For(&v1alpha1.Model{}).
		Watches(&v1alpha1.Model{}, handler.EnqueueRequestsFromMapFunc(r.waiting), builder.WithPredicates(roomier)).
		Watches(&cluster.Cluster{}, handler.EnqueueRequestsFromMapFunc(r.affected), builder.WithPredicates(matters)).
		Watches(&cluster.Cluster{}, handler.EnqueueRequestsFromMapFunc(r.counting), builder.WithPredicates(recounted)).
		WatchesMetadata(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(r.modelsOfSecret)).
		WatchesRawSource(placed(handler.EnqueueRequestsFromMapFunc(r.modelsPlaced))).
		Complete(r.Tracing.Reconciler("model", "Model", r))
}

// roomier 只放过会腾出地方的：模型没了，放置变了，或者离开的那里收拾干净了。
var roomier = predicate.Funcs{
	CreateFunc: func(event.CreateEvent) bool { return false },
	UpdateFunc: func(e event.UpdateEvent) bool {
		was, is := &e.ObjectOld.(*v1alpha1.Model).Status, &e.ObjectNew.(*v1alpha1.Model).Status
		return len(was.Placements) > 0 && !scheduler.Same(was.Placements, is.Placements) ||
			len(was.RemovedPlacements) > 0 && !equality.Semantic.DeepEqual(was.RemovedPlacements, is.RemovedPlacements)
	},
}

// matters 滤去只有卡数与心跳时间变了的 Cluster：它们天天在变，与放好了的模型无关。
var matters = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	return !alike(e.ObjectOld.(*cluster.Cluster), e.ObjectNew.(*cluster.Cluster))
}}

// recounted 只放过卡数变了的 Cluster。
var recounted = predicate.Funcs{
	CreateFunc: func(event.CreateEvent) bool { return false },
	UpdateFunc: func(e event.UpdateEvent) bool {
		was, is := e.ObjectOld.(*cluster.Cluster), e.ObjectNew.(*cluster.Cluster)
		return !equality.Semantic.DeepEqual(was.Status.Accelerators, is.Status.Accelerators)
	},
}

// alike 报告 Cluster 除了卡数与心跳时间，什么也没变。
func alike(was, is *cluster.Cluster) bool {
	return was.Generation == is.Generation && equality.Semantic.DeepEqual(was.Labels, is.Labels) &&
		was.DeletionTimestamp.Equal(is.DeletionTimestamp) &&
		equality.Semantic.DeepEqual(was.Status.Conditions, is.Status.Conditions) &&
		equality.Semantic.DeepEqual(was.Status.Capabilities, is.Status.Capabilities)
}

// waiting 返回等着地方的 Model。
func (r *Reconciler) waiting(ctx context.Context, _ client.Object) []ctrl.Request {
	models, err := index.UnplacedModels(ctx, r.Client)
	return requeue.Each(ctx, models, err)
}

// affected 返回一个 Cluster 的变化牵动的 Model：放在那里的，与等着地方的。
func (r *Reconciler) affected(ctx context.Context, c client.Object) []ctrl.Request {
	on, err := index.ModelsOnCluster(ctx, r.Client, c.GetName())
	placed := requeue.Each(ctx, on, err)
	if !meta.IsStatusConditionTrue(c.(*cluster.Cluster).Status.Conditions, cluster.ConditionReady) {
		return placed
	}
	return append(placed, r.waiting(ctx, c)...)
}

// counting 返回卡数变了时要重新看的 Model：有 Pod 还没数进去的，与等着地方的。
func (r *Reconciler) counting(ctx context.Context, c client.Object) []ctrl.Request {
	var all []ctrl.Request
	for _, uid := range r.accounts.behind(c.GetUID()) {
		models, err := index.ModelsByUID(ctx, r.Client, uid)
		all = append(all, requeue.Each(ctx, models, err)...)
	}
	return append(all, r.waiting(ctx, c)...)
}

// modelsOfSecret 返回从这个 Secret 取凭据的 Model。
func (r *Reconciler) modelsOfSecret(ctx context.Context, secret client.Object) []ctrl.Request {
	models, err := index.ModelsOfSecret(ctx, r.Client, client.ObjectKeyFromObject(secret))
	return requeue.Each(ctx, models, err)
}

// modelsPlaced 由成员上的事件找到 Model：事件以 Cluster 为名、模型的 UID 为 UID。
func (r *Reconciler) modelsPlaced(ctx context.Context, placed client.Object) []ctrl.Request {
	var models []v1alpha1.Model
	var err error
	if uid := placed.(*metav1.PartialObjectMetadata).UID; uid == member.Everything {
		models, err = index.ModelsOnCluster(ctx, r.Client, placed.GetName())
	} else {
		models, err = index.ModelsByUID(ctx, r.Client, uid)
	}
	return requeue.Each(ctx, models, err)
}
