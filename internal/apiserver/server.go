// Package apiserver 把认证、授权、种类与存储装配成平台的 API 服务器。
package apiserver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	genericregistry "k8s.io/apiserver/pkg/registry/generic"
	genericapiserver "k8s.io/apiserver/pkg/server"

	"github.com/kubellm/kubellm/internal/credentials"
	"github.com/kubellm/kubellm/internal/registry"
	"github.com/kubellm/kubellm/internal/registry/cluster"
	"github.com/kubellm/kubellm/internal/registry/core"
	"github.com/kubellm/kubellm/internal/registry/iam"
	"github.com/kubellm/kubellm/internal/registry/model"
	"github.com/kubellm/kubellm/internal/registry/review"
	"github.com/kubellm/kubellm/internal/service"
	"github.com/kubellm/kubellm/internal/service/auth"
	"github.com/kubellm/kubellm/internal/service/auth/rbac"
	"github.com/kubellm/kubellm/internal/service/user"
)

// shutdownTimeout 是停止时等在途请求的上限；watch 另有自己的宽限，到时会被请走。
const shutdownTimeout = 10 * time.Second

// Groups 列出平台的 API 组；新增一组在此添一行。
func Groups(services service.ServiceProvider, namespaces *registry.Resource[*corev1.Namespace, *corev1.NamespaceList], options Options) []registry.Group {
	guard := services.Auth.Guard()
	clusters := cluster.Cluster(guard, services.Credentials)
	return append(append(core.Groups(namespaces, options.EventTTL), review.Groups(services.Auth)...),
		iam.Group(guard),
		cluster.Group(clusters),
		model.Group(guard, services.Credentials, clusters, placer{}),
	)
}

// Options 是通用配置以外的选择。
type Options struct {
	// ClientCertificates 认客户端证书。
	ClientCertificates authenticator.Request
	// EventTTL 是事件保留的时间。
	EventTTL time.Duration
}

// Server 是装配好、可以运行的平台。
type Server struct {
	generic *genericapiserver.GenericAPIServer
}

// New 由通用配置装配服务器；配置必须已带监听、环回客户端与存储。
func New(config *genericapiserver.Config, options Options) (*Server, error) {
	self, err := newLoopback(config.LoopbackClientConfig)
	if err != nil {
		return nil, err
	}
	services, err := newServices(self, options.ClientCertificates)
	if err != nil {
		return nil, fmt.Errorf("build the services: %w", err)
	}
	config.Authentication.Authenticator = services.Auth
	config.Authorization.Authorizer = services.Auth
	if config.AdmissionControl, err = namespaceLifecycle(self); err != nil {
		return nil, err
	}
	if config.AuditPolicyRuleEvaluator != nil {
		config.AuditPolicyRuleEvaluator = discreetAudit{config.AuditPolicyRuleEvaluator}
	}
	addOpenAPI(config)
	config.BuildHandlerChainFunc = func(handler http.Handler, c *genericapiserver.Config) http.Handler {
		return genericapiserver.DefaultBuildHandlerChain(limitNesting(refuseMalformed(handler, c.MaxRequestBodyBytes)), c)
	}

	completed := config.Complete(nil)
	if completed.Authentication.Authenticator == nil || completed.Authorization.Authorizer == nil {
		return nil, errors.New("refusing to start: the server has no authenticator or no authorizer and would let everyone do everything")
	}
	generic, err := completed.New("kubellm-apiserver", genericapiserver.NewEmptyDelegate())
	if err != nil {
		return nil, fmt.Errorf("build the generic API server: %w", err)
	}
	store, closeStore, err := credentials.NewStore(config.RESTOptionsGetter)
	if err != nil {
		return nil, err
	}
	generic.RegisterDestroyFunc(closeStore)
	services.Credentials = store
	namespaces := core.Namespace()
	groups := Groups(services, namespaces, options)
	for _, group := range groups {
		if err := install(generic, group, config.RESTOptionsGetter, core.Housing(namespaces)); err != nil {
			return nil, err
		}
	}
	generic.ShutdownTimeout = shutdownTimeout
	if err := addHooks(generic, self, services, groups); err != nil {
		return nil, err
	}
	return &Server{generic: generic}, nil
}

// Run 服务到 ctx 结束，并等在途请求做完。
func (s *Server) Run(ctx context.Context) error {
	return s.generic.PrepareRun().RunWithContext(ctx)
}

// install 装上一个组；核心组没有名字，路径也与别的组不同。
func install(generic *genericapiserver.GenericAPIServer, group registry.Group, getter genericregistry.RESTOptionsGetter, housing registry.Housing) error {
	info, err := group.APIGroupInfo(Scheme, Codecs, getter, housing)
	if err != nil {
		return fmt.Errorf("build API group %q: %w", group.Name, err)
	}
	if group.Name == "" {
		err = generic.InstallLegacyAPIGroup(genericapiserver.DefaultLegacyAPIPrefix, info)
	} else {
		err = generic.InstallAPIGroup(info)
	}
	if err != nil {
		return fmt.Errorf("install API group %q: %w", group.Name, err)
	}
	return nil
}

// newServices 把领域服务接到共享 informer 上。
func newServices(self *loopback, certificates authenticator.Request) (service.ServiceProvider, error) {
	iamInformers := self.informers.Iam().V1alpha1()
	index := rbac.NewIndex()
	if err := index.Feed(iamInformers.Roles().Informer(), iamInformers.RoleBindings().Informer()); err != nil {
		return service.ServiceProvider{}, err
	}
	users := user.NewService(iamInformers.Users().Lister(), iamInformers.Users().Informer().HasSyncedChecker())
	authService, err := auth.NewService(auth.Options{
		ClientCertificates: certificates,
		Index:              index,
		Users:              users,
		Roles:              self.platform.IamV1alpha1().Roles(),
	})
	if err != nil {
		return service.ServiceProvider{}, err
	}
	return service.ServiceProvider{Auth: authService, User: users}, nil
}
