package user

import (
	"slices"

	authuser "k8s.io/apiserver/pkg/authentication/user"

	"github.com/kubellm/kubellm/apis/iam/v1alpha1"
)

// Groups 是一个用户所在的全部组：登记的那些，以及凡登录的人都在的那个。
// 认证时给的、状态里算角色用的是同一份，状态说的才是他真能做的。
func Groups(user *v1alpha1.User) []string {
	return append(slices.Clone(user.Spec.Groups), authuser.AllAuthenticated)
}
