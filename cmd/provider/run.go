package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"go.uber.org/zap/zapcore"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/config"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	changelogsv1alpha1 "github.com/crossplane/crossplane-runtime/v2/apis/changelogs/proto/v1alpha1"
	"github.com/crossplane/crossplane-runtime/v2/pkg/controller"
	"github.com/crossplane/crossplane-runtime/v2/pkg/feature"
	"github.com/crossplane/crossplane-runtime/v2/pkg/gate"
	"github.com/crossplane/crossplane-runtime/v2/pkg/logging"
	"github.com/crossplane/crossplane-runtime/v2/pkg/ratelimiter"
	"github.com/crossplane/crossplane-runtime/v2/pkg/reconciler/customresourcesgate"
	"github.com/crossplane/crossplane-runtime/v2/pkg/reconciler/managed"
	"github.com/crossplane/crossplane-runtime/v2/pkg/statemetrics"

	managedapis "github.com/kubellm/kubellm/apis/managed"
	"github.com/kubellm/kubellm/internal/crossplane"
	"github.com/kubellm/kubellm/internal/external"
	"github.com/kubellm/kubellm/internal/observability"
	"github.com/kubellm/kubellm/internal/version"
)

// name 是 provider 在平台与控制面上的自称：字段管理者、User-Agent 与选主的锁。
const name = "kubellm-crossplane"

// run 组装并运行 provider，直到 ctx 结束或某个部件出错。
func run(ctx context.Context, o *options) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	logger := setLogger(o.debug)

	cfg, err := config.GetConfig()
	if err != nil {
		return fmt.Errorf("cannot find the control plane: %w; set --kubeconfig, or KUBECONFIG, or run in a cluster", err)
	}
	cfg = ratelimiter.LimitRESTConfig(cfg, o.maxReconcileRate)
	cfg.UserAgent = name + "/" + version.String()
	tracing, err := observability.Open(ctx, o.tracingConfigFile, name)
	if err != nil {
		return fmt.Errorf("cannot set up tracing: %w", err)
	}
	defer flush(tracing, logger)
	cfg.Wrap(tracing.Wrapper())
	if !o.debug {
		// API 服务器对每次写入都会提醒 crossplane-runtime 的 finalizer 名字不够规范，运维的人对此无能为力。
		cfg.WarningHandlerWithContext = rest.NoWarnings{}
	}
	mgr, err := newManager(cfg, o, logger)
	if err != nil {
		return fmt.Errorf("cannot prepare to run against %s: %w", cfg.Host, err)
	}
	pool := external.NewPool(external.Options{
		FieldManager: name,
		UserAgent:    name + "/" + version.String(),
		Reads:        external.InformerReads,
		Logger:       logger.WithName("external"),
		Registerer:   metrics.Registry,
		// 空闲的连接要活过几轮轮询：一个资源安静地躺着时，平台上的变化仍要有人听。
		UnusedAfter: max(6*time.Hour, 3*o.poll),
		Wrap:        tracing.Wrapper(),
	})
	defer pool.Close()
	if err := setup(ctx, mgr, o, pool, tracing, logger, fail); err != nil {
		return err
	}
	logger.Info("Starting", "version", version.String(), "control-plane", cfg.Host, "poll", o.poll.String())
	if err := mgr.Start(ctx); err != nil {
		return fmt.Errorf("stopped: %w", err)
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	logger.Info("Stopped")
	return nil
}

// flush 在停下之后送出剩下的追踪；送不到不算停得不干净。
func flush(tracing *observability.Tracing, logger logr.Logger) {
	if err := tracing.Close(); err != nil {
		logger.Info("The last traces are dropped", "reason", err.Error())
	}
}

// setLogger 让所有库都写同一种 JSON 日志；平常只有启动与出错才写。
func setLogger(debug bool) logr.Logger {
	level := zapcore.InfoLevel
	if debug {
		level = zapcore.DebugLevel
	}
	logger := zap.New(zap.UseDevMode(false), zap.Level(level), func(o *zap.Options) { o.TimeEncoder = zapcore.RFC3339NanoTimeEncoder })
	ctrl.SetLogger(logger)
	klog.SetLogger(logger)
	return logger
}

func newManager(cfg *rest.Config, o *options, logger logr.Logger) (ctrl.Manager, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, apiextensionsv1.AddToScheme, managedapis.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	return ctrl.NewManager(cfg, ctrl.Options{
		Scheme: scheme,
		Logger: logger,
		Cache: cache.Options{
			SyncPeriod:       &o.sync,
			DefaultTransform: cache.TransformStripManagedFields(),
			ByObject: map[client.Object]cache.ByObject{
				&apiextensionsv1.CustomResourceDefinition{}: {Transform: customresourcesgate.TransformStripCRDSchema},
				&corev1.Secret{}: {Transform: crossplane.StripSecret},
			},
		},
		// Secret 的内容只读点名的，绝不缓存；缓存的只是名字与版本，好知道它变了。
		Client:                        client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}}}},
		Metrics:                       metricsserver.Options{BindAddress: o.metricsAddress},
		HealthProbeBindAddress:        o.probeAddress,
		PprofBindAddress:              o.pprofAddress,
		LeaderElection:                o.leaderElection,
		LeaderElectionID:              name + "-provider",
		LeaderElectionNamespace:       o.leaderElectionNamespace,
		LeaderElectionReleaseOnCancel: true,
		LeaseDuration:                 ptr.To(60 * time.Second),
		RenewDeadline:                 ptr.To(50 * time.Second),
	})
}

func setup(ctx context.Context, mgr ctrl.Manager, o *options, pool *external.Pool, tracing *observability.Tracing, logger logr.Logger, fail context.CancelCauseFunc) error {
	if err := errors.Join(mgr.AddHealthzCheck("ping", healthz.Ping), mgr.AddReadyzCheck("ping", healthz.Ping)); err != nil {
		return fmt.Errorf("cannot add health checks: %w", err)
	}
	controlPlane := o.controlPlaneID
	if controlPlane == "" {
		var err error
		if controlPlane, err = crossplane.ControlPlaneID(ctx, mgr.GetAPIReader()); err != nil {
			return err
		}
	}
	options := crossplane.Options{
		Options: controller.Options{
			Logger:                  logging.NewLogrLogger(logger),
			GlobalRateLimiter:       ratelimiter.NewGlobal(o.maxReconcileRate),
			PollInterval:            o.poll,
			MaxConcurrentReconciles: o.maxConcurrentReconciles,
			Features:                &feature.Flags{},
			MetricOptions:           metricOptions(o),
		},
		ControlPlane: controlPlane,
		Pool:         pool,
		PollJitter:   float64(o.pollJitterPercentage) / 100,
		Tracing:      tracing,
		Fail:         func(err error) { fail(err) },
	}
	metrics.Registry.MustRegister(options.MetricOptions.MRMetrics, options.MetricOptions.MRStateMetrics)
	if o.managementPolicies {
		options.Features.Enable(feature.EnableBetaManagementPolicies)
	}
	if o.changeLogs {
		options.Features.Enable(feature.EnableAlphaChangeLogs)
		changes, err := changeLogger(o.changeLogsSocket)
		if err != nil {
			return err
		}
		options.ChangeLogOptions = &controller.ChangeLogOptions{ChangeLogger: changes}
	}
	return setupGated(ctx, mgr, options, logger)
}

// setupGated 在能监视 CRD 时等各种类的 CRD 就绪再启动其控制器（safe-start），否则一次全部启动。
func setupGated(ctx context.Context, mgr ctrl.Manager, o crossplane.Options, logger logr.Logger) error {
	kube, err := client.New(mgr.GetConfig(), client.Options{Scheme: mgr.GetScheme()})
	if err != nil {
		return fmt.Errorf("cannot ask for the provider's permissions: %w", err)
	}
	watchCRDs, err := canWatch(ctx, kube, apiextensionsv1.Resource("customresourcedefinitions"))
	if err != nil {
		return err
	}
	if o.WatchSecrets, err = canWatch(ctx, kube, corev1.Resource("secrets")); err != nil {
		return err
	}
	if !o.WatchSecrets {
		logger.Info("The provider may not watch Secrets: changed ones are noticed when the managed resources that use them are polled")
	}
	if watchCRDs {
		o.Gate = new(gate.Gate[schema.GroupVersionKind])
		if err := customresourcesgate.Setup(mgr, o.Options); err != nil {
			return fmt.Errorf("cannot watch for CRDs: %w", err)
		}
	} else {
		logger.Info("The provider may not watch CustomResourceDefinitions: starting the controllers of all kinds at once, whose CRDs must all be there")
	}
	return crossplane.Setup(mgr, o)
}

// canWatch 问控制面自己有没有在整个集群里监视这种资源的权限；权限不全的安装里没有。
func canWatch(ctx context.Context, kube client.Client, resource schema.GroupResource) (bool, error) {
	for _, verb := range []string{"get", "list", "watch"} {
		review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
			ResourceAttributes: &authorizationv1.ResourceAttributes{Group: resource.Group, Resource: resource.Resource, Verb: verb},
		}}
		if err := kube.Create(ctx, review); err != nil {
			return false, fmt.Errorf("cannot ask for the provider's permissions: %w", err)
		}
		if !review.Status.Allowed {
			return false, nil
		}
	}
	return true, nil
}

func metricOptions(o *options) *controller.MetricOptions {
	return &controller.MetricOptions{
		PollStateMetricInterval: o.pollStateMetric,
		MRMetrics:               managed.NewMRMetricRecorder(),
		MRStateMetrics:          statemetrics.NewMRStateMetrics(),
	}
}

// changeLogger 把每次改动发给同一个 pod 里的变更日志服务；unix 套接字不需要 TLS。
func changeLogger(socket string) (managed.ChangeLogger, error) {
	conn, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, fmt.Errorf("cannot prepare to send change logs to %s: %w", socket, err)
	}
	return managed.NewGRPCChangeLogger(changelogsv1alpha1.NewChangeLogServiceClient(conn), managed.WithProviderVersion("provider-kubellm:"+version.String())), nil
}
