package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	iamv1alpha1 "github.com/kubellm/kubellm/apis/iam/v1alpha1"
	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/cluster"
	"github.com/kubellm/kubellm/internal/controller/index"
	"github.com/kubellm/kubellm/internal/controller/model"
	"github.com/kubellm/kubellm/internal/controller/rolebinding"
	"github.com/kubellm/kubellm/internal/controller/user"
	"github.com/kubellm/kubellm/internal/member"
	"github.com/kubellm/kubellm/internal/observability"
	"github.com/kubellm/kubellm/internal/version"
)

// Run 装配并运行控制器，直到 ctx 结束。
func Run(ctx context.Context, o *Options) error {
	config, err := restConfig(o)
	if err != nil {
		return err
	}
	tracing, err := observability.Open(ctx, o.TracingConfigFile, name)
	if err != nil {
		return fmt.Errorf("set up tracing: %w", err)
	}
	defer flush(tracing)
	config.Wrap(tracing.Wrapper())
	mgr, err := newManager(config, o)
	if err != nil {
		return fmt.Errorf("prepare the controllers for %s: %w", config.Host, err)
	}
	if err := setupControllers(ctx, mgr, o, tracing); err != nil {
		return fmt.Errorf("set up the controllers on %s: %w", config.Host, err)
	}
	ctrl.Log.Info("Starting the controllers", "version", version.String(), "server", config.Host,
		"defaultRole", o.DefaultRole, "leaderElection", o.Leader.Elect)
	if err := mgr.Start(ctx); err != nil {
		return fmt.Errorf("run the controllers on %s: %w", config.Host, err)
	}
	ctrl.Log.Info("The controllers have stopped")
	return nil
}

// flush 在停下之后送出剩下的追踪；送不到不算停得不干净。
func flush(tracing *observability.Tracing) {
	if err := tracing.Close(); err != nil {
		ctrl.Log.Info("The last traces are dropped", "reason", err.Error())
	}
}

// restConfig 默认不做客户端限速：平台自己有流量控制。
func restConfig(o *Options) (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", o.Kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read the connection to the platform from %q: %w", o.Kubeconfig, err)
	}
	o.Work.limit(config)
	config.UserAgent = name + "/" + version.String()
	// 平台的警告说的是别人写的 spec，控制器每写一次状态都会听一遍。
	config.WarningHandlerWithContext = rest.NoWarnings{}
	return config, nil
}

// newManager 在选主的前提下造出管理者：只有选中的实例运行控制器、连接成员。
func newManager(config *rest.Config, o *Options) (ctrl.Manager, error) {
	scheme := runtime.NewScheme()
	// 核心类型只为 Secret、租约与事件。
	for _, add := range []func(*runtime.Scheme) error{iamv1alpha1.AddToScheme, clusterv1alpha1.AddToScheme, modelv1alpha1.AddToScheme, corev1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("register the types: %w", err)
		}
	}
	options := ctrl.Options{
		Scheme:                 scheme,
		Metrics:                metricsserver.Options{BindAddress: o.MetricsBindAddress},
		HealthProbeBindAddress: o.HealthProbeBindAddress,
		Cache:                  cache.Options{DefaultTransform: slim},
	}
	o.Leader.apply(&options)
	mgr, err := ctrl.NewManager(config, options)
	if err != nil {
		return nil, err
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return nil, err
	}
	return mgr, mgr.AddReadyzCheck("caches", cachesSynced(mgr.GetCache()))
}

// slim 剥去缓存里用不着的：控制器不看字段归属，而它占去一大半；
// 只监视元数据的对象是 Secret，kubectl apply 会把内容抄进它的注解，那也不该住进内存。
func slim(obj any) (any, error) {
	if m, ok := obj.(metav1.Object); ok {
		m.SetManagedFields(nil)
	}
	if m, ok := obj.(*metav1.PartialObjectMetadata); ok {
		m.Annotations, m.Labels = nil, nil
	}
	return obj, nil
}

// cachesSynced 在读全平台的对象之前不算就绪；没选上的实例还没有缓存，随时可以接手。
func cachesSynced(c cache.Cache) healthz.Checker {
	return func(req *http.Request) error {
		ctx, cancel := context.WithTimeout(req.Context(), time.Second)
		defer cancel()
		if !c.WaitForCacheSync(ctx) {
			return errors.New("the objects of the platform server are still being read")
		}
		return nil
	}
}

func setupControllers(ctx context.Context, mgr ctrl.Manager, o *Options, tracing *observability.Tracing) error {
	if err := index.Setup(ctx, mgr.GetFieldIndexer()); err != nil {
		return err
	}
	users := &user.Reconciler{Client: mgr.GetClient(), Live: mgr.GetAPIReader(), DefaultRole: o.DefaultRole, Tracing: tracing}
	if err := users.SetupWithManager(mgr, o.Work.options()); err != nil {
		return fmt.Errorf("user controller: %w", err)
	}
	bindings := &rolebinding.Reconciler{Client: mgr.GetClient(), Tracing: tracing}
	if err := bindings.SetupWithManager(mgr, o.Work.options()); err != nil {
		return fmt.Errorf("role binding controller: %w", err)
	}
	return setupClusters(mgr, o, tracing)
}

// setupClusters 装上成员的连接、看它们的控制器与清点它们的指标。
func setupClusters(mgr ctrl.Manager, o *Options, tracing *observability.Tracing) error {
	members := member.New(member.Options{
		Logger: ctrl.Log.WithName("member"), Registerer: metrics.Registry, Wrap: tracing.Wrapper(), Workers: o.Work.Concurrency,
	})
	clusters := &cluster.Reconciler{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Members: members,
		Recorder: mgr.GetEventRecorder(name), Clock: clock.RealClock{}, Tracing: tracing,
	}
	if err := clusters.SetupWithManager(mgr, members.Source(&handler.EnqueueRequestForObject{}), o.Work.options()); err != nil {
		return fmt.Errorf("cluster controller: %w", err)
	}
	census := &cluster.Census{Reader: mgr.GetClient(), Registerer: metrics.Registry}
	for _, runnable := range []manager.Runnable{members, census} {
		if err := mgr.Add(runnable); err != nil {
			return fmt.Errorf("cluster controller: %w", err)
		}
	}
	return setupModels(mgr, o, members, tracing)
}

// setupModels 装上模型的控制器；它与看集群的共用成员的连接。
func setupModels(mgr ctrl.Manager, o *Options, members *member.Members, tracing *observability.Tracing) error {
	models := &model.Reconciler{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Members: members,
		Recorder: mgr.GetEventRecorder(name), Clock: clock.RealClock{}, Metrics: model.NewMetrics(metrics.Registry),
		Tracing: tracing,
	}
	if err := models.SetupWithManager(mgr, members.ModelSource, o.Work.options()); err != nil {
		return fmt.Errorf("model controller: %w", err)
	}
	return nil
}
