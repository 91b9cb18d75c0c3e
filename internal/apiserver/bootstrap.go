package apiserver

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"

	iamclient "github.com/kubellm/kubellm/apis/generated/clientset/versioned/typed/iam/v1alpha1"
	"github.com/kubellm/kubellm/apis/iam/v1alpha1"
)

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

// bootstrapRoles 建出缺失的内置角色；启动时存储可能还没就绪，所以重试到成功或服务器停下。
func bootstrapRoles(ctx context.Context, roles iamclient.RoleInterface) error {
	said := "" // 同一个原因只记一次。
	for _, role := range builtinRoles() {
		err := wait.PollUntilContextCancel(ctx, 100*time.Millisecond, true, func(ctx context.Context) (bool, error) {
			_, err := roles.Create(ctx, role, metav1.CreateOptions{FieldManager: "kubellm-apiserver"})
			if err == nil || apierrors.IsAlreadyExists(err) {
				return true, nil
			}
			if err.Error() != said {
				said = err.Error()
				klog.ErrorS(err, "Cannot create a built-in role yet; trying again", "role", role.Name)
			}
			return false, nil
		})
		if ctx.Err() != nil {
			return nil // 启动途中就被要求停下，不算故障。
		}
		if err != nil {
			return fmt.Errorf("create the built-in role %q: %w", role.Name, err)
		}
	}
	return nil
}
