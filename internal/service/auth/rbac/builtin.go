package rbac

import (
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/kubellm/kubellm/apis/iam"
)

// ControllerUser 是平台控制器的身份；它的权限写在程序里，谁也改不掉、借不走。
const ControllerUser = "system:kubellm-controller"

var builtinGrant = &Grant{Binding: "built-in", AllNamespaces: true}

// builtinRules 给控制器恰好够用的权限：读、写状态、维护默认绑定。
// 默认角色由控制器的参数决定，所以它能绑定任何角色：它的凭据要像管理员的一样保管。
func builtinRules() map[string][]rbacv1.PolicyRule {
	groups := []string{iam.GroupName}
	return map[string][]rbacv1.PolicyRule{
		ControllerUser: {
			{APIGroups: groups, Resources: []string{"users", "roles", "rolebindings"}, Verbs: []string{"get", "list", "watch"}},
			{APIGroups: groups, Resources: []string{"users/status", "roles/status", "rolebindings/status"}, Verbs: []string{"get", "update", "patch"}},
			{APIGroups: groups, Resources: []string{"rolebindings"}, Verbs: []string{"create", "delete"}},
			{APIGroups: groups, Resources: []string{"roles"}, Verbs: []string{"bind"}},
		},
	}
}
