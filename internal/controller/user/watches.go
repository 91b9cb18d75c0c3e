package user

import (
	"context"

	"k8s.io/apimachinery/pkg/util/sets"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/index"
)

// SetupWithManager 登记控制器。用户自身不按 generation 过滤：要看见自己写入的状态，
// 缓存落后时算出的旧状态才会被下一轮纠正。
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager, options controller.Options) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("user").
		WithOptions(options).
		For(&v1alpha1.User{}).
		Watches(&v1alpha1.RoleBinding{}, handler.EnqueueRequestsFromMapFunc(r.usersOfBinding),
			builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.Role{}, handler.EnqueueRequestsFromMapFunc(r.usersOfRole),
			builder.WithPredicates(index.Existence)).
		Complete(r.Tracing.Reconciler("user", "User", r))
}

// usersOfBinding 返回绑定点名的用户，包括组里的；默认绑定的用户即使已不在也在其中，好把绑定收走。
func (r *Reconciler) usersOfBinding(ctx context.Context, obj client.Object) []ctrl.Request {
	names := sets.New[string]()
	r.addSubjects(ctx, obj.(*v1alpha1.RoleBinding), names)
	return requests(names)
}

// usersOfRole 返回经由任何绑定持有角色的用户。
func (r *Reconciler) usersOfRole(ctx context.Context, obj client.Object) []ctrl.Request {
	bindings, err := index.BindingsOfRole(ctx, r.Client, obj.GetName())
	if err != nil {
		log.FromContext(ctx).Error(err, "Cannot find the users that a role affects")
		return nil
	}
	names := sets.New[string]()
	for i := range bindings {
		r.addSubjects(ctx, &bindings[i], names)
	}
	return requests(names)
}

func (r *Reconciler) addSubjects(ctx context.Context, binding *v1alpha1.RoleBinding, names sets.Set[string]) {
	for _, subject := range binding.Spec.Subjects {
		switch subject.Kind {
		case v1alpha1.SubjectUser:
			names.Insert(subject.Name)
		case v1alpha1.SubjectGroup:
			users, err := index.UsersInGroup(ctx, r.Client, subject.Name)
			if err != nil {
				log.FromContext(ctx).Error(err, "Cannot find the users that a role binding affects")
				continue
			}
			for i := range users {
				names.Insert(users[i].Name)
			}
		}
	}
}

func requests(names sets.Set[string]) []ctrl.Request {
	out := make([]ctrl.Request, 0, len(names))
	for name := range names {
		out = append(out, ctrl.Request{NamespacedName: client.ObjectKey{Name: name}})
	}
	return out
}
