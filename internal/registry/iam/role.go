package iam

import (
	"context"

	rbacv1 "k8s.io/api/rbac/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/iam"
	"github.com/kubellm/kubellm/apis/iam/validation"
	"github.com/kubellm/kubellm/internal/registry"
	"github.com/kubellm/kubellm/internal/service/auth"
)

// Role 声明角色种类。
func Role(guard auth.Guard) *registry.Resource[*iam.Role, *iam.RoleList] {
	return &registry.Resource[*iam.Role, *iam.RoleList]{
		Group: iam.GroupName, Kind: "Role", Plural: "roles", Singular: "role", ShortNames: []string{"krole"},
		New:        func() *iam.Role { return &iam.Role{} },
		NewList:    func() *iam.RoleList { return &iam.RoleList{} },
		CopySpec:   func(to, from *iam.Role) { to.Spec = from.Spec },
		CopyStatus: func(to, from *iam.Role) { to.Status = from.Status },
		Conditions: func(obj *iam.Role) []metav1.Condition { return obj.Status.Conditions },
		Columns: []registry.Column[*iam.Role]{
			{Name: "Rules", Type: "integer", Description: "The number of rules.", Value: func(r *iam.Role) any { return len(r.Spec.Rules) }},
			{Name: "Description", Description: "What the role is for.", Wide: true, Value: func(r *iam.Role) any { return ptr.Deref(r.Spec.Description, "") }},
		},
		Validate: validation.ValidateRole,
		Admit: func(ctx context.Context, role, old *iam.Role) error {
			if old != nil && apiequality.Semantic.DeepEqual(role.Spec.Rules, old.Spec.Rules) {
				return nil
			}
			return guard.ConfirmRules(ctx, role.Name, policyRules(role.Spec.Rules))
		},
	}
}

func policyRules(rules []iam.PolicyRule) []rbacv1.PolicyRule {
	out := make([]rbacv1.PolicyRule, 0, len(rules))
	for _, rule := range rules {
		out = append(out, rbacv1.PolicyRule{APIGroups: rule.APIGroups, Resources: rule.Resources, Verbs: rule.Verbs, ResourceNames: rule.ResourceNames})
	}
	return out
}
