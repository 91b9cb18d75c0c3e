package rolebinding

import (
	"context"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	"github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/index"
	"github.com/kubellm/kubellm/internal/controller/requeue"
)

// SetupWithManager 登记控制器；绑定自身不按 generation 过滤，要看见自己写入的状态才能纠正由旧缓存算出的条件。
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager, options controller.Options) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("rolebinding").
		WithOptions(options).
		For(&v1alpha1.RoleBinding{}).
		Watches(&v1alpha1.Role{}, handler.EnqueueRequestsFromMapFunc(r.bindingsOfRole), builder.WithPredicates(index.Existence)).
		Watches(&v1alpha1.User{}, handler.EnqueueRequestsFromMapFunc(r.bindingsOfUser), builder.WithPredicates(index.Existence)).
		Complete(r.Tracing.Reconciler("rolebinding", "RoleBinding", r))
}

func (r *Reconciler) bindingsOfRole(ctx context.Context, role client.Object) []ctrl.Request {
	bindings, err := index.BindingsOfRole(ctx, r.Client, role.GetName())
	return requeue.Each(ctx, bindings, err)
}

func (r *Reconciler) bindingsOfUser(ctx context.Context, user client.Object) []ctrl.Request {
	bindings, err := index.BindingsOfSubject(ctx, r.Client, v1alpha1.SubjectUser, user.GetName())
	return requeue.Each(ctx, bindings, err)
}
