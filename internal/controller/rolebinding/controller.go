// Package rolebinding 是角色绑定控制器：在条件里说出绑定是否真的授予了什么，以及缺了谁。
package rolebinding

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/status"
	"github.com/kubellm/kubellm/internal/observability"
)

// Reconciler 让绑定的条件跟上它所指的角色与用户。
type Reconciler struct {
	// Client 读缓存、写服务器。
	Client client.Client
	// Tracing 记下每次协调，nil 为不记。
	Tracing *observability.Tracing
}

// Reconcile 处理一个角色绑定。
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (_ ctrl.Result, err error) {
	binding := &v1alpha1.RoleBinding{}
	if err := r.Client.Get(ctx, req.NamespacedName, binding); apierrors.IsNotFound(err) {
		return ctrl.Result{}, nil
	} else if err != nil {
		return ctrl.Result{}, fmt.Errorf("get role binding %q: %w", req.Name, err)
	}
	observability.Object(ctx, binding)
	before := binding.DeepCopy()
	defer func() {
		_, failed := status.Write(ctx, r.Client, before, binding)
		err = errors.Join(err, failed)
	}()

	found, err := r.resolve(ctx, binding)
	if err != nil {
		return ctrl.Result{}, err
	}
	setConditions(binding, found)
	binding.Status.ObservedGeneration = binding.Generation
	return ctrl.Result{}, nil
}

// references 是绑定所指的东西里哪些找到了。
type references struct {
	// role 为真表示角色存在。
	role bool
	// missing 是不存在的用户，按 spec 里的次序。
	missing []string
	// unchecked 为真表示点名了组或服务账号：它们不是平台的对象，无从核对。
	unchecked bool
}

// resolve 逐一查看绑定所指的角色与用户。
func (r *Reconciler) resolve(ctx context.Context, binding *v1alpha1.RoleBinding) (references, error) {
	var found references
	var err error
	if found.role, err = r.exists(ctx, &v1alpha1.Role{}, binding.Spec.RoleRef.Name); err != nil {
		return references{}, err
	}
	for _, subject := range binding.Spec.Subjects {
		if subject.Kind != v1alpha1.SubjectUser {
			found.unchecked = true
			continue
		}
		there, err := r.exists(ctx, &v1alpha1.User{}, subject.Name)
		if err != nil {
			return references{}, err
		}
		if !there {
			found.missing = append(found.missing, subject.Name)
		}
	}
	return found, nil
}

func (r *Reconciler) exists(ctx context.Context, obj client.Object, name string) (bool, error) {
	err := r.Client.Get(ctx, client.ObjectKey{Name: name}, obj)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("get %T %q: %w", obj, name, err)
	}
	return true, nil
}
