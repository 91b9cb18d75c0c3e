package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/index"
	"github.com/kubellm/kubellm/internal/controller/rolebinding"
	"github.com/kubellm/kubellm/internal/controller/user"
	"github.com/kubellm/kubellm/internal/version"
)

// Run 装配并运行控制器，直到 ctx 结束。
func Run(ctx context.Context, o *Options) error {
	config, err := restConfig(o.Kubeconfig)
	if err != nil {
		return err
	}
	mgr, err := newManager(config, o)
	if err != nil {
		return fmt.Errorf("prepare the controllers for %s: %w", config.Host, err)
	}
	if err := setupControllers(ctx, mgr, o); err != nil {
		return fmt.Errorf("set up the controllers on %s: %w", config.Host, err)
	}
	ctrl.Log.Info("Starting the controllers", "version", version.String(), "server", config.Host, "defaultRole", o.DefaultRole)
	if err := mgr.Start(ctx); err != nil {
		return fmt.Errorf("run the controllers on %s: %w", config.Host, err)
	}
	ctrl.Log.Info("The controllers have stopped")
	return nil
}

// restConfig 不做客户端限速：平台自己有流量控制。
func restConfig(kubeconfig string) (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read the connection to the platform from %q: %w", kubeconfig, err)
	}
	config.QPS = -1
	config.UserAgent = "kubellm-controller/" + version.String()
	return config, nil
}

// newManager 不选主：平台还没有提供租约，所以每个平台只运行一个实例。
func newManager(config *rest.Config, o *Options) (ctrl.Manager, error) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("register the iam types: %w", err)
	}
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:                 scheme,
		Metrics:                metricsserver.Options{BindAddress: o.MetricsBindAddress},
		HealthProbeBindAddress: o.HealthProbeBindAddress,
		// 控制器不看字段归属，而它占去缓存的一大半。
		Cache: cache.Options{DefaultTransform: cache.TransformStripManagedFields()},
	})
	if err != nil {
		return nil, err
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return nil, err
	}
	return mgr, mgr.AddReadyzCheck("caches", cachesSynced(mgr.GetCache()))
}

// cachesSynced 在读全用户、角色与绑定之前不算就绪。
func cachesSynced(c cache.Cache) healthz.Checker {
	return func(req *http.Request) error {
		ctx, cancel := context.WithTimeout(req.Context(), time.Second)
		defer cancel()
		if !c.WaitForCacheSync(ctx) {
			return errors.New("users, roles and role bindings are still being read from the platform server")
		}
		return nil
	}
}

func setupControllers(ctx context.Context, mgr ctrl.Manager, o *Options) error {
	if err := index.Setup(ctx, mgr.GetFieldIndexer()); err != nil {
		return err
	}
	users := &user.Reconciler{Client: mgr.GetClient(), Live: mgr.GetAPIReader(), DefaultRole: o.DefaultRole}
	if err := users.SetupWithManager(mgr, o.Concurrency); err != nil {
		return fmt.Errorf("user controller: %w", err)
	}
	bindings := &rolebinding.Reconciler{Client: mgr.GetClient()}
	if err := bindings.SetupWithManager(mgr, o.Concurrency); err != nil {
		return fmt.Errorf("role binding controller: %w", err)
	}
	return nil
}
