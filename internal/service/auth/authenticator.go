package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/apis/apiserver"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/group"
	"k8s.io/apiserver/pkg/authentication/request/anonymous"
	"k8s.io/apiserver/pkg/authentication/request/union"
	"k8s.io/apiserver/pkg/authentication/user"

	userservice "github.com/kubellm/kubellm/internal/service/user"
)

// ErrSuspended 表示身份属实但用户已被停用。
var ErrSuspended = errors.New("the user is suspended")

// systemPrefix 开头的身份属于平台与集群自己的组件，没有 User 对象；内置管理员也在其中，
// 能改 User 的人因此无法用一个停用的同名 User 把最后的退路也锁上。
const systemPrefix = "system:"

// newAuthenticator 让一切凭据都经过同一个解析：停用的拒绝，登记的补上它的组。
func newAuthenticator(credentials authenticator.Request, users userservice.UserService, ready func(context.Context) error) authenticator.Request {
	conditions := make([]apiserver.AnonymousAuthCondition, 0, len(HealthPaths))
	for _, path := range HealthPaths {
		conditions = append(conditions, apiserver.AnonymousAuthCondition{Path: path})
	}
	return union.NewFailOnError(
		group.NewAuthenticatedGroupAdder(&resolver{credentials: credentials, users: users, ready: ready}),
		anonymous.NewAuthenticator(conditions),
	)
}

// resolver 把凭据里的名字换成平台用户。
type resolver struct {
	credentials authenticator.Request
	users       userservice.UserService
	// ready 等到用户与权限数据读全。
	ready func(context.Context) error
}

func (r *resolver) AuthenticateRequest(request *http.Request) (*authenticator.Response, bool, error) {
	response, ok, err := r.credentials.AuthenticateRequest(request)
	if err != nil || !ok || strings.HasPrefix(response.User.GetName(), systemPrefix) {
		return response, ok, err
	}
	if err := r.ready(request.Context()); err != nil {
		return nil, false, fmt.Errorf("authenticate user %q: %w", response.User.GetName(), err)
	}
	identity, found, err := r.users.Resolve(response.User.GetName())
	switch {
	case err != nil:
		return nil, false, fmt.Errorf("resolve user %q: %w", response.User.GetName(), err)
	case !found:
		return response, true, nil
	case identity.Suspended:
		return nil, false, fmt.Errorf("authenticate user %q: %w", identity.Name, ErrSuspended)
	}
	resolved := *response
	resolved.User = &user.DefaultInfo{
		Name:   identity.Name,
		UID:    string(identity.UID),
		Groups: mergeGroups(response.User.GetGroups(), identity.Groups),
		Extra:  response.User.GetExtra(),
	}
	return &resolved, true, nil
}

func mergeGroups(groups, more []string) []string {
	merged := slices.Clone(groups)
	seen := sets.New(groups...)
	for _, name := range more {
		if !seen.Has(name) {
			seen.Insert(name)
			merged = append(merged, name)
		}
	}
	return merged
}
