// Package user 是用户这个领域对象的服务：认证时由它把一个名字换成平台认识的用户。
package user

import (
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"

	listers "github.com/kubellm/kubellm/apis/generated/listers/iam/v1alpha1"
)

// ErrNotSynced 表示用户还没有读全，此刻无法判断一个人是否被停用。
var ErrNotSynced = errors.New("users are still being read: try again in a moment")

// Identity 是认证所需的用户事实。
type Identity struct {
	Name      string
	UID       types.UID
	Groups    []string
	Suspended bool
}

// UserService 按名字解析用户。
type UserService interface { //nolint:revive // 设计定下的名字，使用者按它查找。
	// Resolve 返回平台登记的身份；没有登记时第二个返回值为假。
	Resolve(name string) (Identity, bool, error)
	// Synced 完成之前 Resolve 只会返回 ErrNotSynced。
	Synced() cache.DoneChecker
}

type service struct {
	users  listers.UserLister
	synced cache.DoneChecker
}

// NewService 以本地缓存解析用户：每个请求都要解析，不能为它访问 etcd。
func NewService(users listers.UserLister, synced cache.DoneChecker) UserService {
	return &service{users: users, synced: synced}
}

func (s *service) Synced() cache.DoneChecker { return s.synced }

func (s *service) Resolve(name string) (Identity, bool, error) {
	if !cache.IsDone(s.synced) {
		return Identity{}, false, ErrNotSynced
	}
	user, err := s.users.Get(name)
	if apierrors.IsNotFound(err) {
		return Identity{}, false, nil
	}
	if err != nil {
		return Identity{}, false, fmt.Errorf("look up user %q: %w", name, err)
	}
	return Identity{
		Name:      user.Name,
		UID:       user.UID,
		Groups:    Groups(user),
		Suspended: ptr.Deref(user.Spec.Suspended, false),
	}, true, nil
}
