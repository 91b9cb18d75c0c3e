package apiserver

import (
	"context"
	"errors"
	"net/http"
	"time"

	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/healthz"

	"github.com/kubellm/kubellm/internal/apiserver/emptier"
	"github.com/kubellm/kubellm/internal/registry"
	"github.com/kubellm/kubellm/internal/service"
	"github.com/kubellm/kubellm/internal/service/auth/rbac"
)

// errNamespacesNotSynced 表示还不知道有哪些命名空间，此刻什么也建不进去。
var errNamespacesNotSynced = errors.New("namespaces are still being read: try again in a moment")

// addHooks 启动 informer、备好内置的角色与命名空间、清空正在结束的命名空间，
// 并让就绪等到权限与命名空间都读全。
func addHooks(generic *genericapiserver.GenericAPIServer, self *loopback, services service.ServiceProvider, groups []registry.Group) error {
	cleaner, err := emptier.New(self.core.Namespaces(), self.discovery, self.metadata, self.namespaces)
	if err != nil {
		return err
	}
	// background 比服务器先停：停到一半的服务器会拒绝自己的监视，那些拒绝会被当成故障记进日志。
	background, stop := context.WithCancel(context.Background())
	return errors.Join(
		generic.AddPostStartHook("start-informers", func(genericapiserver.PostStartHookContext) error {
			self.start(background.Done())
			return nil
		}),
		generic.AddPostStartHook("bootstrap-namespaces", func(hook genericapiserver.PostStartHookContext) error {
			return bootstrapNamespaces(hook, self.core.Namespaces())
		}),
		generic.AddPostStartHook("bootstrap-roles", func(hook genericapiserver.PostStartHookContext) error {
			return bootstrapRoles(hook, self.platform.IamV1alpha1().Roles())
		}),
		generic.AddPostStartHook("empty-namespaces", func(genericapiserver.PostStartHookContext) error {
			go cleaner.Run(background)
			return nil
		}),
		generic.AddPostStartHook("tidy-up", func(genericapiserver.PostStartHookContext) error {
			go tidyUp(background, groups)
			return nil
		}),
		generic.AddPreShutdownHook("stop-background", func() error {
			// 停机宽限里还在接请求，权限索引要一直跟着变。
			time.Sleep(generic.ShutdownDelayDuration)
			stop()
			self.wait()
			return nil
		}),
		generic.AddReadyzChecks(
			syncCheck("iam-synced", services.Auth.HasSynced, rbac.ErrNotSynced),
			syncCheck("namespaces-synced", self.namespaces.Informer().HasSynced, errNamespacesNotSynced),
		),
	)
}

func syncCheck(name string, synced func() bool, otherwise error) healthz.HealthChecker {
	return healthz.NamedCheck(name, func(*http.Request) error {
		if !synced() {
			return otherwise
		}
		return nil
	})
}
