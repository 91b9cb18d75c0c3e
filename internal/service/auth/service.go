// Package auth 是"你是谁、你能做什么、你能授予什么"三个问题的唯一出处；
// 请求路径、越权检查与之后的访问评估都问同一个判断者，答案不会互相矛盾。
package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/authorization/authorizerfactory"
	"k8s.io/apiserver/pkg/authorization/path"
	"k8s.io/apiserver/pkg/authorization/union"
	"k8s.io/client-go/tools/cache"

	"github.com/kubellm/kubellm/apis/cluster"
	"github.com/kubellm/kubellm/apis/model"
	"github.com/kubellm/kubellm/internal/service/auth/rbac"
	userservice "github.com/kubellm/kubellm/internal/service/user"
)

// HealthPaths 是不登录也能看的路径；负载均衡与编排系统靠它们判断死活。
var HealthPaths = []string{"/healthz", "/livez", "/readyz"}

// syncTimeout 是请求最多为启动等多久。
const syncTimeout = 10 * time.Second

// AuthService 回答认证与授权。
type AuthService interface { //nolint:revive // 设计定下的名字，使用者按它查找。
	authenticator.Request
	authorizer.Authorizer
	authorizer.RuleResolver
	// Guard 返回越权检查。
	Guard() Guard
	// HasSynced 为真之前服务不应报告就绪。
	HasSynced() bool
}

// Options 是构造 AuthService 所需的一切，缺任何一项都拒绝构造。
type Options struct {
	// ClientCertificates 校验客户端证书的认证者。
	ClientCertificates authenticator.Request
	Index              *rbac.Index
	Users              userservice.UserService
	Roles              RoleGetter
}

type service struct {
	authenticator.Request
	authorizer.Authorizer
	guard *guard
	index *rbac.Index
	users userservice.UserService
}

// NewService 装配认证链与授权链。没有认证或授权的服务器等于全放行，因此缺件即报错。
func NewService(options Options) (AuthService, error) {
	var missing []error
	if options.ClientCertificates == nil {
		missing = append(missing, errors.New("no authenticator"))
	}
	if options.Index == nil {
		missing = append(missing, errors.New("no authorization index"))
	}
	if options.Users == nil {
		missing = append(missing, errors.New("no user service"))
	}
	if options.Roles == nil {
		missing = append(missing, errors.New("no way to read roles"))
	}
	if len(missing) > 0 {
		return nil, errors.Join(missing...)
	}
	healthPaths, err := path.NewAuthorizer(HealthPaths)
	if err != nil {
		return nil, err
	}
	evaluator := rbac.NewAuthorizer(options.Index)
	chain, err := union.New(
		union.NamedAuthorizer{AuthorizerName: "controller", Authorizer: authorizer.AuthorizerFunc(refuseControllerImpersonation)},
		union.NamedAuthorizer{AuthorizerName: "credentials", Authorizer: authorizer.AuthorizerFunc(refuseReadingCredentials)},
		union.NamedAuthorizer{AuthorizerName: "superuser", Authorizer: authorizerfactory.NewPrivilegedGroups(user.SystemPrivilegedGroup)},
		union.NamedAuthorizer{AuthorizerName: "impersonation", Authorizer: authorizer.AuthorizerFunc(refuseSystemImpersonation)},
		union.NamedAuthorizer{AuthorizerName: "health", Authorizer: healthPaths},
		union.NamedAuthorizer{AuthorizerName: "discovery", Authorizer: authorizer.AuthorizerFunc(authorizeDiscovery)},
		union.NamedAuthorizer{AuthorizerName: "self", Authorizer: authorizer.AuthorizerFunc(authorizeSelfReviews)},
		union.NamedAuthorizer{AuthorizerName: "rbac", Authorizer: evaluator},
	)
	if err != nil {
		return nil, fmt.Errorf("chain the authorizers: %w", err)
	}
	built := &service{
		Authorizer: chain,
		guard:      &guard{index: options.Index, authorizer: evaluator, everyone: chain, roles: options.Roles},
		index:      options.Index,
		users:      options.Users,
	}
	built.Request = newAuthenticator(options.ClientCertificates, options.Users, built.waitForSync)
	return built, nil
}

func (s *service) Guard() Guard { return s.guard }

func (s *service) HasSynced() bool { return s.index.HasSynced() && cache.IsDone(s.users.Synced()) }

// waitForSync 让启动那一刻到来的请求等一等：对的凭据得到 401 会被各种客户端当成凭据坏了。
func (s *service) waitForSync(ctx context.Context) error {
	if s.HasSynced() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, syncTimeout)
	defer cancel()
	if !cache.WaitFor(ctx, "", append(s.index.Synced(), s.users.Synced())...) {
		return userservice.ErrNotSynced
	}
	return nil
}

// refuseControllerImpersonation 连超级用户也不让扮成控制器：交来的凭据只给控制器看，扮得成它就看得到。
func refuseControllerImpersonation(_ context.Context, attributes authorizer.Attributes) (authorizer.Decision, string, error) {
	if strings.HasPrefix(attributes.GetVerb(), "impersonate") && attributes.GetName() == rbac.ControllerUser {
		return authorizer.DecisionDeny, fmt.Sprintf("%q can be impersonated by nobody: it may read credentials that were handed in", rbac.ControllerUser), nil
	}
	return authorizer.DecisionNoOpinion, "", nil
}

// refuseReadingCredentials 交来的凭据只给控制器，角色再大也读不回去；子资源自己也守着这一条，
// 写在这里，kubectl auth can-i 才不会答应一件做不成的事。
func refuseReadingCredentials(_ context.Context, attributes authorizer.Attributes) (authorizer.Decision, string, error) {
	handedIn := attributes.GetSubresource() == CredentialsSubresource && slices.Contains([]string{cluster.GroupName, model.GroupName}, attributes.GetAPIGroup())
	if handedIn && attributes.IsReadOnly() && attributes.GetUser().GetName() != rbac.ControllerUser {
		return authorizer.DecisionDeny, fmt.Sprintf("credentials that were handed in are given to nobody but %q, whatever a role allows", rbac.ControllerUser), nil
	}
	return authorizer.DecisionNoOpinion, "", nil
}

// refuseSystemImpersonation 不让任何角色借出平台自己的身份：管理用户的人常有 users 上的全部动词，
// 那不该等于能扮成控制器或超级用户。
func refuseSystemImpersonation(_ context.Context, attributes authorizer.Attributes) (authorizer.Decision, string, error) {
	if strings.HasPrefix(attributes.GetVerb(), "impersonate") && strings.HasPrefix(attributes.GetName(), systemPrefix) {
		return authorizer.DecisionDeny, fmt.Sprintf("identities starting with %q cannot be impersonated", systemPrefix), nil
	}
	return authorizer.DecisionNoOpinion, "", nil
}

// discoveryPaths 是登录者查看"这里有哪些 API"所需的路径；没有它们 kubectl 连资源名都解析不了。
var discoveryPaths = sets.New("/", "/api", "/apis", "/openapi", "/version")

// monitoringPaths 是监控系统要看的；没有这个组，抓指标就得用超级用户的证书。
var monitoringPaths = sets.New("/metrics", "/healthz", "/livez", "/readyz")

func authorizeDiscovery(_ context.Context, attributes authorizer.Attributes) (authorizer.Decision, string, error) {
	if attributes.IsResourceRequest() || !strings.EqualFold(attributes.GetVerb(), http.MethodGet) {
		return authorizer.DecisionNoOpinion, "", nil
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(attributes.GetPath(), "/"), "/")
	groups := sets.New(attributes.GetUser().GetGroups()...)
	if groups.Has(user.MonitoringGroup) && monitoringPaths.Has("/"+first) {
		return authorizer.DecisionAllow, "monitoring may read metrics and health", nil
	}
	if !discoveryPaths.Has("/"+first) || !groups.Has(user.AllAuthenticated) {
		return authorizer.DecisionNoOpinion, "", nil
	}
	return authorizer.DecisionAllow, "every authenticated user may discover the API", nil
}
