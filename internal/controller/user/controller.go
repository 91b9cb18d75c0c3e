// Package user 是用户控制器：在状态里说出用户实际持有哪些角色，并给新用户一个默认的角色绑定。
package user

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/sets"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/index"
	"github.com/kubellm/kubellm/internal/controller/status"
	"github.com/kubellm/kubellm/internal/observability"
	userservice "github.com/kubellm/kubellm/internal/service/user"
)

// Reconciler 让用户的状态跟上用户、角色绑定与角色。
type Reconciler struct {
	// Client 读缓存、写服务器。
	Client client.Client
	// Live 绕过缓存：给出与收走默认绑定只做一次，动手前要看最新的样子。
	Live client.Reader
	// DefaultRole 是新用户得到的角色；空则不给。
	DefaultRole string
	// Tracing 记下每次协调，nil 为不记。
	Tracing *observability.Tracing
}

// Reconcile 处理一个用户。
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (_ ctrl.Result, err error) {
	user := &v1alpha1.User{}
	if err := r.Client.Get(ctx, req.NamespacedName, user); apierrors.IsNotFound(err) {
		return ctrl.Result{}, r.releaseDefaultBinding(ctx, req.Name)
	} else if err != nil {
		return ctrl.Result{}, fmt.Errorf("get user %q: %w", req.Name, err)
	}
	observability.Object(ctx, user)
	before := user.DeepCopy()
	defer func() {
		_, failed := status.Write(ctx, r.Client, before, user)
		err = errors.Join(err, failed)
	}()

	roles, err := r.effectiveRoles(ctx, user)
	if err != nil {
		return ctrl.Result{}, err
	}
	if err := r.ensureDefaultBinding(ctx, user); err != nil {
		return ctrl.Result{}, err
	}
	user.Status.Roles = roles
	setConditions(user)
	user.Status.ObservedGeneration = user.Generation
	return ctrl.Result{}, nil
}

// effectiveRoles 返回直接或经由组授予该用户、并且确实存在的角色，按字母排序。
func (r *Reconciler) effectiveRoles(ctx context.Context, user *v1alpha1.User) ([]string, error) {
	bindings, err := index.BindingsOfSubject(ctx, r.Client, v1alpha1.SubjectUser, user.Name)
	if err != nil {
		return nil, err
	}
	for _, group := range userservice.Groups(user) {
		more, err := index.BindingsOfSubject(ctx, r.Client, v1alpha1.SubjectGroup, group)
		if err != nil {
			return nil, err
		}
		bindings = append(bindings, more...)
	}
	bound := sets.New[string]()
	for i := range bindings {
		bound.Insert(bindings[i].Spec.RoleRef.Name)
	}
	return r.existing(ctx, bound)
}

// existing 只留下存在的角色：指向不存在角色的绑定什么也没有授予。
func (r *Reconciler) existing(ctx context.Context, names sets.Set[string]) ([]string, error) {
	var roles []string
	for _, name := range sets.List(names) {
		err := r.Client.Get(ctx, client.ObjectKey{Name: name}, &v1alpha1.Role{})
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("get role %q: %w", name, err)
		}
		roles = append(roles, name)
	}
	return roles, nil
}
