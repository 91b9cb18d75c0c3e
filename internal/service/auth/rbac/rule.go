// Package rbac 由平台自己的 Role 与 RoleBinding 判断权限：主体 → 授予 → 规则，全部在内存里按主体建索引，
// 所以一次判断只看这个人和他的组被授予的东西，与绑定总数无关。
package rbac

import (
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apiserver/pkg/authorization/authorizer"

	"github.com/kubellm/kubellm/apis/iam/v1alpha1"
)

// Compile 把平台规则换成上游的同义类型：越权比较与规则查询都认它。
func Compile(rules []v1alpha1.PolicyRule) []rbacv1.PolicyRule {
	out := make([]rbacv1.PolicyRule, 0, len(rules))
	for _, rule := range rules {
		out = append(out, rbacv1.PolicyRule{
			APIGroups:     slices.Clone(rule.APIGroups),
			Resources:     slices.Clone(rule.Resources),
			Verbs:         slices.Clone(rule.Verbs),
			ResourceNames: slices.Clone(rule.ResourceNames),
		})
	}
	return out
}

// allows 判断一条规则是否放行一次资源请求。
func allows(rule *rbacv1.PolicyRule, attributes authorizer.Attributes) bool {
	return contains(rule.Verbs, attributes.GetVerb()) &&
		contains(rule.APIGroups, attributes.GetAPIGroup()) &&
		containsResource(rule.Resources, attributes.GetResource(), attributes.GetSubresource()) &&
		(len(rule.ResourceNames) == 0 || slices.Contains(rule.ResourceNames, attributes.GetName()))
}

func contains(values []string, value string) bool {
	for _, candidate := range values {
		if candidate == "*" || candidate == value {
			return true
		}
	}
	return false
}

// containsResource 认三种写法："*"、"资源[/子资源]" 与 "*/子资源"。不拼接字符串，判断不产生分配。
func containsResource(values []string, resource, subresource string) bool {
	for _, candidate := range values {
		if candidate == "*" {
			return true
		}
		name, sub, divided := strings.Cut(candidate, "/")
		if divided == (subresource != "") && sub == subresource && (name == resource || name == "*") {
			return true
		}
	}
	return false
}
