package apiserver

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"

	iamclient "github.com/kubellm/kubellm/apis/generated/clientset/versioned/typed/iam/v1alpha1"
	"github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/internal/registry/core"
)

// fieldManager 是服务器自己写对象时用的名字。
const fieldManager = "kubellm-apiserver"

// builtinRoles 是开箱就有的角色；只在缺失时创建，管理员的改动不会被改回去。
func builtinRoles() []*v1alpha1.Role {
	all := []string{"*"}
	// 只读角色点名平台自己的组：核心组里有 Secret，能读 Secret 就不只是"看看"了。
	groups := []string{"iam.kubellm.io", "cluster.kubellm.io", "model.kubellm.io"}
	return []*v1alpha1.Role{
		builtinRole("kubellm-admin", "Everything on the platform.",
			v1alpha1.PolicyRule{APIGroups: all, Resources: all, Verbs: all}),
		builtinRole("kubellm-viewer", "Reading users, roles, clusters and models.",
			v1alpha1.PolicyRule{APIGroups: groups, Resources: all, Verbs: []string{"get", "list", "watch"}}),
		builtinRole("kubellm-user", "What every new user may do: see which roles there are.",
			v1alpha1.PolicyRule{APIGroups: []string{v1alpha1.GroupName}, Resources: []string{"roles"}, Verbs: []string{"get", "list", "watch"}}),
	}
}

func builtinRole(name, description string, rules ...v1alpha1.PolicyRule) *v1alpha1.Role {
	return &v1alpha1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       v1alpha1.RoleSpec{Description: ptr.To(description), Rules: rules},
	}
}

// bootstrapRoles 建出缺失的内置角色。
func bootstrapRoles(ctx context.Context, roles iamclient.RoleInterface) error {
	for _, role := range builtinRoles() {
		err := ensure(ctx, "role", role.Name, func(ctx context.Context) error {
			_, err := roles.Create(ctx, role, metav1.CreateOptions{FieldManager: fieldManager})
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// bootstrapNamespaces 建出缺失的内置命名空间。
func bootstrapNamespaces(ctx context.Context, namespaces corev1client.NamespaceInterface) error {
	for _, name := range core.BuiltinNamespaces {
		err := ensure(ctx, "namespace", name, func(ctx context.Context) error {
			namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
			_, err := namespaces.Create(ctx, namespace, metav1.CreateOptions{FieldManager: fieldManager})
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ensure 创建到成功、已存在或服务器停下；启动时存储可能还没就绪，所以重试。
func ensure(ctx context.Context, kind, name string, create func(context.Context) error) error {
	said := "" // 同一个原因只记一次。
	err := wait.PollUntilContextCancel(ctx, 100*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		err := create(ctx)
		if err == nil || apierrors.IsAlreadyExists(err) {
			return true, nil
		}
		if err.Error() != said {
			said = err.Error()
			klog.ErrorS(err, "Cannot create what is built in yet; trying again", "kind", kind, "name", name)
		}
		return false, nil
	})
	if err != nil && ctx.Err() == nil { // 启动途中就被要求停下，不算故障。
		return fmt.Errorf("create the built-in %s %q: %w", kind, name, err)
	}
	return nil
}
