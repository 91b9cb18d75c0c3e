// Package service 把各领域服务装在一处，供服务端装配时注入；实现可以换，使用者只见接口。
package service

import (
	"github.com/kubellm/kubellm/internal/credentials"
	"github.com/kubellm/kubellm/internal/service/auth"
	"github.com/kubellm/kubellm/internal/service/user"
)

// ServiceProvider 是注入给服务端的全部领域服务。
type ServiceProvider struct { //nolint:revive // 设计定下的名字，使用者按它查找。
	Auth auth.AuthService
	User user.UserService
	// Credentials 是从不对外提供的凭据库。
	Credentials credentials.Store
}
