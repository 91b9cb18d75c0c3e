package iam

import (
	"context"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/iam"
	"github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/apis/iam/validation"
	"github.com/kubellm/kubellm/internal/registry"
	"github.com/kubellm/kubellm/internal/service/auth"
)

// User 声明用户种类。
func User(guard auth.Guard) *registry.Resource[*iam.User, *iam.UserList] {
	return &registry.Resource[*iam.User, *iam.UserList]{
		Group: iam.GroupName, Kind: "User", Plural: "users", Singular: "user", ShortNames: []string{"kuser"},
		New:        func() *iam.User { return &iam.User{} },
		NewList:    func() *iam.UserList { return &iam.UserList{} },
		CopySpec:   func(to, from *iam.User) { to.Spec = from.Spec },
		CopyStatus: func(to, from *iam.User) { to.Status = from.Status },
		Conditions: func(obj *iam.User) []metav1.Condition { return obj.Status.Conditions },
		Columns: []registry.Column[*iam.User]{
			{Name: "Email", Description: "The user's mail address.", Value: func(u *iam.User) any { return ptr.Deref(u.Spec.Email, "") }},
			{Name: "Suspended", Type: "boolean", Description: "Whether the user is kept from authenticating.", Value: func(u *iam.User) any { return ptr.Deref(u.Spec.Suspended, false) }},
			{Name: "Ready", Description: "Whether the platform has taken up what the spec asks for.", Value: func(u *iam.User) any {
				return registry.ConditionStatus(u.Status.Conditions, v1alpha1.ConditionReady)
			}},
			{Name: "Groups", Description: "The groups the user belongs to.", Wide: true, Value: func(u *iam.User) any { return strings.Join(u.Spec.Groups, ",") }},
			{Name: "Roles", Description: "The roles bound to the user.", Wide: true, Value: func(u *iam.User) any { return strings.Join(u.Status.Roles, ",") }},
		},
		Fields: []registry.Field[*iam.User]{
			{Path: "spec.email", Value: func(u *iam.User) string { return ptr.Deref(u.Spec.Email, "") }},
		},
		Validate: validation.ValidateUser,
		Admit: func(ctx context.Context, user, old *iam.User) error {
			return confirmGroups(ctx, guard, user, old)
		},
	}
}

// confirmGroups 只问新加的组：已有的成员身份不因改邮箱而重新受审。
func confirmGroups(ctx context.Context, guard auth.Guard, user, old *iam.User) error {
	held := sets.New[string]()
	if old != nil {
		held.Insert(old.Spec.Groups...)
	}
	for _, group := range user.Spec.Groups {
		if held.Has(group) {
			continue
		}
		if err := guard.ConfirmGroup(ctx, user.Name, group); err != nil {
			return err
		}
	}
	return nil
}
