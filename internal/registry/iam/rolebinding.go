package iam

import (
	"context"
	"fmt"
	"strings"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/iam"
	"github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/apis/iam/validation"
	"github.com/kubellm/kubellm/internal/registry"
	"github.com/kubellm/kubellm/internal/service/auth"
)

// RoleBinding 声明角色绑定种类。
func RoleBinding(guard auth.Guard) *registry.Resource[*iam.RoleBinding, *iam.RoleBindingList] {
	return &registry.Resource[*iam.RoleBinding, *iam.RoleBindingList]{
		Group: iam.GroupName, Kind: "RoleBinding", Plural: "rolebindings", Singular: "rolebinding", ShortNames: []string{"krb"},
		New:        func() *iam.RoleBinding { return &iam.RoleBinding{} },
		NewList:    func() *iam.RoleBindingList { return &iam.RoleBindingList{} },
		CopySpec:   func(to, from *iam.RoleBinding) { to.Spec = from.Spec },
		CopyStatus: func(to, from *iam.RoleBinding) { to.Status = from.Status },
		Conditions: func(obj *iam.RoleBinding) []metav1.Condition { return obj.Status.Conditions },
		Columns: []registry.Column[*iam.RoleBinding]{
			{Name: "Role", Description: "The role that is granted.", Value: func(b *iam.RoleBinding) any { return b.Spec.RoleRef.Name }},
			{Name: "Subjects", Description: "Those the role is granted to.", Value: func(b *iam.RoleBinding) any { return subjects(b.Spec.Subjects) }},
			{Name: "Ready", Description: "Whether the binding grants its role, as the platform observed.", Value: func(b *iam.RoleBinding) any {
				return registry.ConditionStatus(b.Status.Conditions, v1alpha1.ConditionReady)
			}},
			{Name: "Namespaces", Description: "Where the role is granted.", Wide: true, Value: func(b *iam.RoleBinding) any { return reach(&b.Spec) }},
		},
		Fields: []registry.Field[*iam.RoleBinding]{
			{Path: "spec.roleRef.name", Value: func(b *iam.RoleBinding) string { return b.Spec.RoleRef.Name }},
		},
		Validate:       validation.ValidateRoleBinding,
		ValidateUpdate: validation.ValidateRoleBindingUpdate,
		Admit: func(ctx context.Context, binding, old *iam.RoleBinding) error {
			if old != nil && apiequality.Semantic.DeepEqual(binding.Spec, old.Spec) {
				return nil
			}
			return guard.ConfirmBinding(ctx, binding.Name, binding.Spec.RoleRef.Name, binding.Spec.Namespaces, ptr.Deref(binding.Spec.AllNamespaces, false))
		},
	}
}

// subjects 画出前几个主体，列宽才不会失控。
func subjects(list []iam.Subject) string {
	const most = 3
	var parts []string
	for i, subject := range list {
		if i == most {
			parts = append(parts, fmt.Sprintf("+%d", len(list)-most))
			break
		}
		parts = append(parts, string(subject.Kind)+"/"+subject.Name)
	}
	return strings.Join(parts, ",")
}

func reach(spec *iam.RoleBindingSpec) string {
	if ptr.Deref(spec.AllNamespaces, false) {
		return "*"
	}
	return strings.Join(spec.Namespaces, ",")
}
