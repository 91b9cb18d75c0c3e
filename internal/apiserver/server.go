// Package apiserver 把认证、授权、种类与存储装配成平台的 API 服务器。
package apiserver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"k8s.io/apiserver/pkg/authentication/authenticator"
	genericopenapi "k8s.io/apiserver/pkg/endpoints/openapi"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/healthz"

	"github.com/kubellm/kubellm/apis/generated/clientset/versioned"
	"github.com/kubellm/kubellm/apis/generated/informers/externalversions"
	"github.com/kubellm/kubellm/apis/generated/openapi"
	"github.com/kubellm/kubellm/internal/registry"
	"github.com/kubellm/kubellm/internal/registry/iam"
	"github.com/kubellm/kubellm/internal/service"
	"github.com/kubellm/kubellm/internal/service/auth"
	"github.com/kubellm/kubellm/internal/service/auth/rbac"
	"github.com/kubellm/kubellm/internal/service/user"
)

// shutdownTimeout 是停止时等在途请求的上限；watch 另有自己的宽限，到时会被请走。
const shutdownTimeout = 10 * time.Second

// Groups 列出平台的 API 组；新增一组在此添一行。
func Groups(services service.ServiceProvider) []registry.Group {
	return []registry.Group{
		iam.Group(services.Auth.Guard()),
	}
}

// Server 是装配好、可以运行的平台。
type Server struct {
	generic *genericapiserver.GenericAPIServer
}

// New 由通用配置装配服务器；配置必须已带监听、环回客户端与存储，certificates 认客户端证书。
func New(config *genericapiserver.Config, certificates authenticator.Request) (*Server, error) {
	client, err := versioned.NewForConfig(config.LoopbackClientConfig)
	if err != nil {
		return nil, fmt.Errorf("build the loopback client: %w", err)
	}
	informers := externalversions.NewSharedInformerFactory(client, 0)
	services, err := newServices(client, certificates, informers)
	if err != nil {
		return nil, fmt.Errorf("build the services: %w", err)
	}
	config.Authentication.Authenticator = services.Auth
	config.Authorization.Authorizer = services.Auth
	addOpenAPI(config)

	completed := config.Complete(nil)
	if completed.Authentication.Authenticator == nil || completed.Authorization.Authorizer == nil {
		return nil, errors.New("refusing to start: the server has no authenticator or no authorizer and would let everyone do everything")
	}
	generic, err := completed.New("kubellm-apiserver", genericapiserver.NewEmptyDelegate())
	if err != nil {
		return nil, fmt.Errorf("build the generic API server: %w", err)
	}
	for _, group := range Groups(services) {
		info, err := group.APIGroupInfo(Scheme, Codecs, config.RESTOptionsGetter)
		if err != nil {
			return nil, fmt.Errorf("build API group %s: %w", group.Name, err)
		}
		if err := generic.InstallAPIGroup(info); err != nil {
			return nil, fmt.Errorf("install API group %s: %w", group.Name, err)
		}
	}
	generic.ShutdownTimeout = shutdownTimeout
	if err := addHooks(generic, informers, client, services); err != nil {
		return nil, err
	}
	return &Server{generic: generic}, nil
}

// Run 服务到 ctx 结束，并等在途请求做完。
func (s *Server) Run(ctx context.Context) error {
	return s.generic.PrepareRun().RunWithContext(ctx)
}

// newServices 把领域服务接到共享 informer 上。
func newServices(client versioned.Interface, certificates authenticator.Request, informers externalversions.SharedInformerFactory) (service.ServiceProvider, error) {
	iamInformers := informers.Iam().V1alpha1()
	index := rbac.NewIndex()
	if err := index.Feed(iamInformers.Roles().Informer(), iamInformers.RoleBindings().Informer()); err != nil {
		return service.ServiceProvider{}, err
	}
	users := user.NewService(iamInformers.Users().Lister(), iamInformers.Users().Informer().HasSyncedChecker())
	authService, err := auth.NewService(auth.Options{
		ClientCertificates: certificates,
		Index:              index,
		Users:              users,
		Roles:              client.IamV1alpha1().Roles(),
	})
	if err != nil {
		return service.ServiceProvider{}, err
	}
	return service.ServiceProvider{Auth: authService, User: users}, nil
}

// addHooks 启动 informer、备好内置角色，并让就绪等到权限数据读全。
func addHooks(generic *genericapiserver.GenericAPIServer, informers externalversions.SharedInformerFactory, client versioned.Interface, services service.ServiceProvider) error {
	synced := healthz.NamedCheck("iam-synced", func(*http.Request) error {
		if !services.Auth.HasSynced() {
			return rbac.ErrNotSynced
		}
		return nil
	})
	return errors.Join(
		generic.AddPostStartHook("start-iam-informers", func(hook genericapiserver.PostStartHookContext) error {
			informers.Start(hook.Done())
			return nil
		}),
		generic.AddPostStartHook("bootstrap-roles", func(hook genericapiserver.PostStartHookContext) error {
			return bootstrapRoles(hook, client.IamV1alpha1().Roles())
		}),
		generic.AddReadyzChecks(synced),
	)
}

func addOpenAPI(config *genericapiserver.Config) {
	namer := genericopenapi.NewDefinitionNamer(Scheme)
	config.OpenAPIConfig = genericapiserver.DefaultOpenAPIConfig(openapi.GetOpenAPIDefinitions, namer)
	config.OpenAPIConfig.Info.Title = "KubeLLM"
	config.OpenAPIV3Config = genericapiserver.DefaultOpenAPIV3Config(openapi.GetOpenAPIDefinitions, namer)
	config.OpenAPIV3Config.Info.Title = "KubeLLM"
}
