package crossplane

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	ctrlevent "sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/crossplane/crossplane-runtime/v2/pkg/event"
	xpmeta "github.com/crossplane/crossplane-runtime/v2/pkg/meta"
	"github.com/crossplane/crossplane-runtime/v2/pkg/reconciler/providerconfig"
	"github.com/crossplane/crossplane-runtime/v2/pkg/resource"

	clusterscoped "github.com/kubellm/kubellm/apis/managed/clusterscoped/v1alpha1"
	namespaced "github.com/kubellm/kubellm/apis/managed/namespaced/v1alpha1"
)

// configKind 是一种 provider 配置和记录其使用的种类。
type configKind struct {
	config     resource.ProviderConfig
	configList client.ObjectList
	usage      resource.ProviderConfigUsage
	usageList  resource.ProviderConfigUsageList
	// kind 与 legacy 用来由配置对象得到托管资源里的引用。
	kind   string
	legacy bool
}

var configKinds = []configKind{
	{config: &namespaced.ProviderConfig{}, configList: &namespaced.ProviderConfigList{}, usage: &namespaced.ProviderConfigUsage{}, usageList: &namespaced.ProviderConfigUsageList{}, kind: kindProviderConfig},
	{config: &namespaced.ClusterProviderConfig{}, configList: &namespaced.ClusterProviderConfigList{}, usage: &namespaced.ProviderConfigUsage{}, usageList: &namespaced.ProviderConfigUsageList{}, kind: kindClusterProviderConfig},
	{config: &clusterscoped.ProviderConfig{}, configList: &clusterscoped.ProviderConfigList{}, usage: &clusterscoped.ProviderConfigUsage{}, usageList: &clusterscoped.ProviderConfigUsageList{}, kind: kindProviderConfig, legacy: true},
}

func (k configKind) ref(o client.Object) configRef {
	return configRef{kind: k.kind, key: client.ObjectKeyFromObject(o), legacy: k.legacy}
}

// configsFor 是这个托管资源可以指名的配置种类。
func configsFor(mg resource.Managed) []configKind {
	_, legacy := mg.(resource.LegacyManaged)
	var kinds []configKind
	for _, k := range configKinds {
		if k.legacy == legacy {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// setup 设置一种 provider 配置的控制器：统计使用者，还有人用就不让删。
func (k configKind) setup(mgr ctrl.Manager, o Options) error {
	kinds, err := k.gvks(mgr)
	if err != nil {
		return err
	}
	name := providerconfig.ControllerName(kinds.Config.GroupKind().String())
	record := event.NewAPIRecorder(mgr.GetEventRecorderFor(name), o.EventFilterFunctions...) //nolint:staticcheck // crossplane-runtime 只认旧的事件记录器。
	r := providerconfig.NewReconciler(usageManager{newQuietManager(mgr)}, kinds,
		providerconfig.WithLogger(o.Logger.WithValues("controller", name)),
		providerconfig.WithRecorder(record))
	err = ctrl.NewControllerManagedBy(mgr).
		Named(name).
		WithOptions(o.forController()).
		For(k.config).
		Watches(k.usage, countLater(k.kind)).
		Complete(o.rateLimited(name, kinds.Config.Kind, forgetting{Reconciler: r, kube: mgr.GetClient(), kind: k, connections: o.connections}))
	if err != nil {
		return fmt.Errorf("cannot set up controller %s: %w", name, err)
	}
	if k.kind == kindClusterProviderConfig {
		return nil // 与命名空间级的配置共用一种使用记录，只需一个清理者。
	}
	return k.setupReaper(mgr, o, kinds.Usage)
}

// forgetting 在配置消失之后丢弃它的凭据与连接：没有人会再来协调用它的资源。
type forgetting struct {
	reconcile.Reconciler
	kube        client.Reader
	kind        configKind
	connections *connections
}

// Reconcile 先让配置协调器做它的事。
func (f forgetting) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	result, err := f.Reconciler.Reconcile(ctx, req)
	pc, copyErr := copyOf(f.kind.config)
	if copyErr != nil {
		return result, errors.Join(err, copyErr)
	}
	if apierrors.IsNotFound(f.kube.Get(ctx, req.NamespacedName, pc, client.UnsafeDisableDeepCopy)) {
		f.connections.forget(configRef{kind: f.kind.kind, key: req.NamespacedName, legacy: f.kind.legacy})
	}
	return result, err
}

// countDelay 内的使用记录变化合起来只数一遍：每数一遍都要走遍所有记录，上千个资源同时到来时每个都数就成了平方。
const countDelay = time.Second

// countLater 在使用记录变化之后稍等再数它的配置。
func countLater(kind string) handler.EventHandler {
	count := &resource.EnqueueRequestForProviderConfig{Kind: kind}
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e ctrlevent.CreateEvent, q requestQueue) {
			count.Create(ctx, e, laterQueue{q})
		},
		UpdateFunc: func(ctx context.Context, e ctrlevent.UpdateEvent, q requestQueue) {
			count.Update(ctx, e, laterQueue{q})
		},
		DeleteFunc: func(ctx context.Context, e ctrlevent.DeleteEvent, q requestQueue) {
			count.Delete(ctx, e, laterQueue{q})
		},
	}
}

type requestQueue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// laterQueue 把加入队列变成稍后加入。
type laterQueue struct{ requestQueue }

// Add 稍后加入。
func (q laterQueue) Add(r reconcile.Request) { q.AddAfter(r, countDelay) }

// usageManager 把给配置协调器的客户端换成 usageClient。
type usageManager struct{ quietManager }

// GetClient 返回数使用者时不被陈旧缓存蒙蔽的客户端。
func (m usageManager) GetClient() client.Client {
	return usageClient{quietClient: m.client, live: m.GetAPIReader()}
}

// usageClient 在缓存说没有使用者时再向 API 服务器问一遍：刚建的记录可能还没进缓存，
// 配置若因此被放走，用它的资源就再也连不上平台。
type usageClient struct {
	quietClient
	live client.Reader
}

// List 列出使用记录。
func (c usageClient) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	// 不深拷贝：协调器只数，不改。
	if err := c.quietClient.List(ctx, list, append(opts, client.UnsafeDisableDeepCopy)...); err != nil || apimeta.LenList(list) > 0 {
		return err
	}
	return c.live.List(ctx, list, opts...)
}

func (k configKind) gvks(mgr ctrl.Manager) (resource.ProviderConfigKinds, error) {
	var kinds resource.ProviderConfigKinds
	for gvk, object := range map[*schema.GroupVersionKind]client.Object{&kinds.Config: k.config, &kinds.Usage: k.usage} {
		found, err := apiutil.GVKForObject(object, mgr.GetScheme())
		if err != nil {
			return kinds, fmt.Errorf("cannot set up a controller: %w", err)
		}
		*gvk = found
	}
	kinds.UsageList = kinds.Usage.GroupVersion().WithKind(kinds.Usage.Kind + "List")
	return kinds, nil
}

// reapInterval 是正在删除、但仍有人用的记录多久再看一次：托管资源消失时没有事件通知清理者。
const reapInterval = time.Minute

// setupReaper 设置使用记录的清理：有人强行拿掉托管资源的 finalizer，或恰在此时崩溃，就没有别人会来释放记录。
func (k configKind) setupReaper(mgr ctrl.Manager, o Options, usage schema.GroupVersionKind) error {
	name := "usage/" + usage.GroupKind().String()
	r := &usageReaper{kube: mgr.GetClient(), live: mgr.GetAPIReader(), usage: k.usage}
	terminating := predicate.NewPredicateFuncs(func(o client.Object) bool {
		return xpmeta.WasDeleted(o) && xpmeta.FinalizerExists(o, usageFinalizerName)
	})
	if err := ctrl.NewControllerManagedBy(mgr).Named(name).WithOptions(o.forController()).WithEventFilter(terminating).For(k.usage).Complete(o.Tracing.Reconciler(name, usage.Kind, r)); err != nil {
		return fmt.Errorf("cannot set up controller %s: %w", name, err)
	}
	return nil
}

// usageReaper 释放托管资源已不在的使用记录。
type usageReaper struct {
	kube  client.Client
	live  client.Reader
	usage resource.ProviderConfigUsage
}

// Reconcile 只看正在删除的记录；托管资源还在的话，由它自己在最后释放。
func (r *usageReaper) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	usage, err := copyOf(r.usage)
	if err != nil {
		return reconcile.Result{}, err
	}
	if err := r.kube.Get(ctx, req.NamespacedName, usage); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	inUse, err := r.userExists(ctx, usage)
	if err != nil {
		return reconcile.Result{}, err
	}
	if inUse {
		return reconcile.Result{RequeueAfter: reapInterval}, nil
	}
	return reconcile.Result{}, releaseUsage(ctx, r.kube, usage)
}

func (r *usageReaper) userExists(ctx context.Context, usage resource.ProviderConfigUsage) (bool, error) {
	ref := usage.GetResourceReference()
	user := &metav1.PartialObjectMetadata{}
	user.SetGroupVersionKind(schema.FromAPIVersionAndKind(ref.APIVersion, ref.Kind))
	err := r.live.Get(ctx, client.ObjectKey{Namespace: usage.GetNamespace(), Name: ref.Name}, user)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("cannot see whether %s %q still uses the provider config: %w", ref.Kind, ref.Name, err)
	}
	// 记录以使用者的 UID 为名：同名的新资源有自己的记录。
	return string(user.UID) == usage.GetName(), nil
}
