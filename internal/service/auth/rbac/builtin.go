package rbac

import (
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/kubellm/kubellm/apis/cluster"
	"github.com/kubellm/kubellm/apis/iam"
	"github.com/kubellm/kubellm/apis/model"
)

// ControllerUser 是平台控制器的身份；它的权限写在程序里，谁也改不掉、借不走。
const ControllerUser = "system:kubellm-controller"

var builtinGrant = &Grant{Binding: "built-in", AllNamespaces: true}

// builtinRules 给控制器恰好够用的权限：读、写状态、维护默认绑定、选主与记事件。
// 默认角色由控制器的参数决定，所以它能绑定任何角色：它的凭据要像管理员的一样保管。
func builtinRules() map[string][]rbacv1.PolicyRule {
	groups, clusters, models := []string{iam.GroupName}, []string{cluster.GroupName}, []string{model.GroupName}
	return map[string][]rbacv1.PolicyRule{
		ControllerUser: {
			{APIGroups: groups, Resources: []string{"users", "roles", "rolebindings"}, Verbs: []string{"get", "list", "watch"}},
			{APIGroups: groups, Resources: []string{"users/status", "roles/status", "rolebindings/status"}, Verbs: []string{"get", "update", "patch"}},
			{APIGroups: groups, Resources: []string{"rolebindings"}, Verbs: []string{"create", "delete"}},
			{APIGroups: groups, Resources: []string{"roles"}, Verbs: []string{"bind"}},
			// update 与 patch 是为了 finalizer：成员没清空之前，集群不能消失。
			{APIGroups: clusters, Resources: []string{"clusters"}, Verbs: []string{"get", "list", "watch", "update", "patch"}},
			{APIGroups: clusters, Resources: []string{"clusters/status"}, Verbs: []string{"get", "update", "patch"}},
			{APIGroups: clusters, Resources: []string{"clusters/credentials"}, Verbs: []string{"get"}},
			// 模型也一样：成员上的东西没收拾完之前，它不能消失。
			{APIGroups: models, Resources: []string{"models"}, Verbs: []string{"get", "list", "watch", "update", "patch"}},
			{APIGroups: models, Resources: []string{"models/status"}, Verbs: []string{"get", "update", "patch"}},
			{APIGroups: models, Resources: []string{"models/credentials"}, Verbs: []string{"get"}},
			// 集群与模型可以点名任何命名空间里的 Secret；点名的人读不读得到，在准入时已经问过。
			{APIGroups: []string{""}, Resources: []string{"secrets", "namespaces"}, Verbs: []string{"get", "list", "watch"}},
			{APIGroups: []string{"", "events.k8s.io"}, Resources: []string{"events"}, Verbs: []string{"create", "update", "patch"}},
			{APIGroups: []string{"coordination.k8s.io"}, Resources: []string{"leases"}, Verbs: []string{"get", "list", "watch", "create", "update", "patch"}},
		},
	}
}
