package crossplane

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	xpv2 "github.com/crossplane/crossplane/apis/v2/core/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	xpcontroller "github.com/crossplane/crossplane-runtime/v2/pkg/controller"
	"github.com/crossplane/crossplane-runtime/v2/pkg/event"
	"github.com/crossplane/crossplane-runtime/v2/pkg/feature"
	"github.com/crossplane/crossplane-runtime/v2/pkg/ratelimiter"
	"github.com/crossplane/crossplane-runtime/v2/pkg/reconciler/managed"
	"github.com/crossplane/crossplane-runtime/v2/pkg/resource"

	"github.com/kubellm/kubellm/internal/external"
	"github.com/kubellm/kubellm/internal/observability"
)

const (
	// retryBase 与 retryMax 是失败或等待时重试的间隔；创建之后要再观察一次，1 秒的通用下限在这里太久。
	retryBase = 50 * time.Millisecond
	retryMax  = time.Minute
	// minPollInterval 是单个资源可用标注要求的最短轮询间隔。
	minPollInterval = 5 * time.Second
	// unreadyPollInterval 是还没就绪的资源的轮询间隔。
	unreadyPollInterval = 15 * time.Second
)

// Options 是 provider 的设置。
type Options struct {
	xpcontroller.Options

	// ControlPlane 是本控制面的身份，见 ControlPlaneID。
	ControlPlane string
	// Pool 是到各平台的连接。
	Pool *external.Pool
	// PollJitter 是轮询间隔上下浮动的比例，0.1 即一成。
	PollJitter float64
	// WatchSecrets 表示可以监视 Secret（只看元数据）；不可以的话，换了内容的 Secret 到下次轮询才被看到。
	WatchSecrets bool
	// Tracing 记下每次协调，nil 为不记。
	Tracing *observability.Tracing
	// Fail 报告启动之后才发生的设置错误（CRD 迟到的种类），并停止进程。
	Fail func(error)

	connections *connections
	secrets     *secrets
}

// Setup 设置所有控制器。有门控时，一个种类的 CRD 就绪之后它的控制器才启动。
func Setup(mgr ctrl.Manager, o Options) error {
	o.connections = newConnections(mgr.GetClient(), mgr.GetConfig(), o.Pool)
	o.secrets = newSecrets(o.secretMetadata(mgr), mgr.GetAPIReader())
	for _, kind := range configKinds {
		if err := o.gated(mgr, kind.setup, kind.config, kind.usage); err != nil {
			return err
		}
	}
	for _, kind := range managedKinds {
		needs := []client.Object{kind.object}
		for _, config := range configsFor(kind.object) {
			needs = append(needs, config.config, config.usage)
		}
		if err := o.gated(mgr, kind.setup, needs...); err != nil {
			return err
		}
	}
	return nil
}

// gated 在这些种类的 CRD 都就绪之后设置，没有门控则立即设置。
func (o Options) gated(mgr ctrl.Manager, setup func(ctrl.Manager, Options) error, needs ...client.Object) error {
	gvks := make([]schema.GroupVersionKind, 0, len(needs))
	for _, need := range needs {
		gvk, err := apiutil.GVKForObject(need, mgr.GetScheme())
		if err != nil {
			return fmt.Errorf("cannot set up a controller: %w", err)
		}
		gvks = append(gvks, gvk)
	}
	if o.Gate == nil {
		return setup(mgr, o)
	}
	o.Gate.Register(func() {
		err := awaitServed(mgr.GetRESTMapper(), gvks)
		if err == nil {
			err = setup(mgr, o)
		}
		if err != nil {
			o.Fail(err)
		}
	}, gvks...)
	return nil
}

// setup 设置一个托管资源种类的控制器。
func setup[M Managed[T], T external.Object, L runtime.Object](mgr ctrl.Manager, o Options, kind *external.Kind[T, L], mg M, list resource.ManagedList) error {
	gvk, err := apiutil.GVKForObject(mg, mgr.GetScheme())
	if err != nil {
		return fmt.Errorf("cannot set up a controller: %w", err)
	}
	name := managed.ControllerName(gvk.GroupKind().String())
	if err := addIndexes[M, T](mgr, mg); err != nil {
		return fmt.Errorf("cannot set up controller %s: %w", name, err)
	}
	if err := addStateMetrics(mgr, o, list); err != nil {
		return fmt.Errorf("cannot set up controller %s: %w", name, err)
	}
	record := event.NewAPIRecorder(mgr.GetEventRecorderFor(name), o.EventFilterFunctions...) //nolint:staticcheck // crossplane-runtime 只认旧的事件记录器。
	r := managed.NewReconciler(newQuietManager(mgr), resource.ManagedKind(gvk), append(reconcilerOptions(mgr, o, gvk, record),
		managed.WithTypedExternalConnector(&connector[M, T, L]{
			kind:         kind,
			managedKind:  gvk.GroupKind(),
			controlPlane: o.ControlPlane,
			kube:         mgr.GetClient(),
			connections:  o.connections,
			secrets:      o.secrets,
			record:       record,
			policies:     o.Features.Enabled(feature.EnableBetaManagementPolicies),
		}))...)

	users := lister{kube: mgr.GetClient(), list: list, log: o.Logger}
	b := ctrl.NewControllerManagedBy(mgr).
		Named(name).
		WithOptions(o.forController()).
		WithEventFilter(resource.DesiredStateChanged()).
		For(mg).
		WatchesRawSource(driftSource(o.Pool, kind, users))
	if o.WatchSecrets {
		b = b.WatchesRawSource(secretSource(mgr, o, mg, users))
	}
	for _, config := range configsFor(mg) {
		b = b.Watches(config.config, handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, changed client.Object) []reconcile.Request {
			return users.requests(ctx, indexConfig, config.ref(changed).indexValue())
		}))
	}
	if err := b.Complete(o.rateLimited(name, gvk.Kind, r)); err != nil {
		return fmt.Errorf("cannot set up controller %s: %w", name, err)
	}
	return nil
}

// rateLimited 让所有控制器共用一个总的速率上限；轮到了的才记成追踪。
func (o Options) rateLimited(name, kind string, r reconcile.Reconciler) reconcile.Reconciler {
	return ratelimiter.NewReconciler(name, o.Tracing.Reconciler(name, kind, r), o.GlobalRateLimiter)
}

// reconcilerOptions 是对所有种类相同的协调方式。
func reconcilerOptions(mgr ctrl.Manager, o Options, gvk schema.GroupVersionKind, record event.Recorder) []managed.ReconcilerOption {
	kube := mgr.GetClient()
	options := []managed.ReconcilerOption{
		managed.WithLogger(o.Logger.WithValues("controller", managed.ControllerName(gvk.GroupKind().String()))),
		managed.WithRecorder(record),
		managed.WithPollInterval(o.PollInterval),
		managed.WithMinPollInterval(minPollInterval),
		managed.WithPollIntervalHook(jitter(o.PollJitter)),
		managed.WithInitializers(nameInitializer{kube: kube}),
		managed.WithReferenceResolver(namedResolver{managed.NewAPISimpleReferenceResolver(kube)}),
		managed.WithFinalizer(&usageFinalizer{
			Finalizer: resource.NewAPIFinalizer(kube, managed.FinalizerName), kube: kube, live: mgr.GetAPIReader(), gvk: gvk,
		}),
		// 名字是确定的，读又紧跟着写：创建的前后都不必留下记号，也不必等对象"终于出现"。
		managed.WithDeterministicExternalName(true),
		managed.WithCreationGracePeriod(0),
		managed.WithCriticalAnnotationUpdater(managed.CriticalAnnotationUpdateFn(func(context.Context, client.Object) error { return nil })),
	}
	if o.Features.Enabled(feature.EnableBetaManagementPolicies) {
		options = append(options, managed.WithManagementPolicies())
	}
	if o.Features.Enabled(feature.EnableAlphaChangeLogs) {
		options = append(options, managed.WithChangeLogger(o.ChangeLogOptions.ChangeLogger))
	}
	if o.MetricOptions != nil && o.MetricOptions.MRMetrics != nil {
		options = append(options, managed.WithMetricRecorder(o.MetricOptions.MRMetrics))
	}
	return options
}

// jitter 让上千个资源的轮询错开；单个资源用标注要求的间隔同样浮动。还没就绪的看得勤些：
// 只有 GET 权限的凭据没有推送，不该为一次状态变化等上十分钟；有监视时这也不花请求。
func jitter(fraction float64) managed.PollIntervalHook {
	return func(mg resource.Managed, interval time.Duration) time.Duration {
		if mg.GetCondition(xpv2.TypeReady).Status != corev1.ConditionTrue {
			interval = min(interval, unreadyPollInterval)
		}
		return interval + time.Duration(fraction*(2*rand.Float64()-1)*float64(interval))
	}
}

// forController 是控制器自己的设置：重试从 retryBase 开始。
func (o Options) forController() controller.Options {
	c := o.Options.ForControllerRuntime()
	c.RateLimiter = workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](retryBase, retryMax)
	return c
}

// addIndexes 让平台对象与 provider 配置都能立刻找到指向它们的托管资源。
func addIndexes[M Managed[T], T external.Object](mgr ctrl.Manager, mg M) error {
	indexes := map[string]client.IndexerFunc{
		indexExternalKey: func(o client.Object) []string {
			mg, ok := o.(M)
			if !ok {
				return nil
			}
			return []string{externalKey[M, T](mg).String()}
		},
		indexConfig: func(o client.Object) []string {
			mg, ok := o.(M)
			if !ok {
				return nil
			}
			ref, err := configOf(mg)
			if err != nil {
				return nil
			}
			return []string{ref.indexValue()}
		},
	}
	if _, ok := any(mg).(secretHolder); ok {
		indexes[indexSecret] = secretOf
	}
	for index, value := range indexes {
		if err := mgr.GetFieldIndexer().IndexField(context.Background(), mg, index, value); err != nil {
			return fmt.Errorf("cannot index %T by %s: %w", mg, index, err)
		}
	}
	return nil
}
