package member

import (
	"context"
	"errors"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
)

// livingPods 不看已经结束的 Pod：它们不占加速器，批处理的集群里却有成千上万。
const livingPods = "status.phase!=" + string(corev1.PodSucceeded) + ",status.phase!=" + string(corev1.PodFailed)

// newCache 造出成员的监视缓存与客户端，不碰网络。
func (c *connection) newCache() (cache.Cache, error) {
	alive, err := fields.ParseSelector(livingPods)
	if err != nil {
		return nil, err
	}
	watched, err := cache.New(c.config, cache.Options{
		HTTPClient: c.http, Scheme: clientgoscheme.Scheme, Mapper: watchedMapper(),
		ReaderFailOnMissingInformer: true,
		ByObject:                    c.selected(alive),
		NewInformer:                 c.newInformer,
		DefaultWatchErrorHandler:    c.reflectorFailed,
	})
	if err != nil {
		return nil, err
	}
	// 监视的就是这两种，读别的种类不会另开监视。
	for _, object := range []client.Object{&corev1.Node{}, &corev1.Pod{}} {
		if _, err := watched.GetInformer(context.Background(), object, cache.BlockUntilSynced(false)); err != nil {
			return nil, err
		}
	}
	through := httpClient(c.gate, liveTimeout)
	mapper, err := newMapper(c.config, through)
	if err != nil {
		return nil, err
	}
	live, err := client.New(c.config, client.Options{HTTPClient: through, Scheme: clientgoscheme.Scheme, Mapper: mapper})
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.client = &memberClient{Client: live, cached: watched}
	return watched, nil
}

// selected 是每一种只看哪些：放上去的只看带着自己 UID 的，别人的同类再多也与平台无关。
func (c *connection) selected(alive fields.Selector) map[client.Object]cache.ByObject {
	mine := labels.SelectorFromSet(labels.Set{v1alpha1.LabelClusterUID: string(c.target.UID)})
	selected := map[client.Object]cache.ByObject{&corev1.Pod{}: {Field: alive}}
	for _, object := range followable {
		selected[object] = cache.ByObject{Label: mine}
	}
	return selected
}

// newInformer 让节点与 Pod 经过 feed。
func (c *connection) newInformer(lw toolscache.ListerWatcher, object runtime.Object, resync time.Duration, indexers toolscache.Indexers) toolscache.SharedIndexInformer {
	next := toolscache.ToListerWatcherWithContext(lw)
	switch object := object.(type) {
	case *corev1.Node:
		lw = c.nodeFeed(next)
	case *corev1.Pod:
		lw = c.podFeed(next)
	case *appsv1.Deployment:
		lw = placedFeed(c, deploymentKind, next, stripDeployment, bareDeployment)
	case *metav1.PartialObjectMetadata:
		lw = placedFeed(c, object.GroupVersionKind().GroupKind(), next, stripMetadata, barePartial)
	case *unstructured.Unstructured:
		lw = placedFeed(c, object.GroupVersionKind().GroupKind(), next, stripUnstructured, bareObject)
	}
	return toolscache.NewSharedIndexInformer(lw, object, resync, indexers)
}

func (c *connection) nodeFeed(next toolscache.ListerWatcherWithContext) *feed[*corev1.Node] {
	return &feed[*corev1.Node]{
		conn: c, watching: c.nodes, next: next, strip: stripNode,
		bare:    func(n *corev1.Node) *corev1.Node { return &corev1.Node{ObjectMeta: bareMeta(n)} },
		set:     c.ledger.setNode,
		remove:  c.ledger.removeNode,
		replace: c.ledger.replaceNodes,
	}
}

func (c *connection) podFeed(next toolscache.ListerWatcherWithContext) *feed[*corev1.Pod] {
	return &feed[*corev1.Pod]{
		conn: c, watching: c.pods, next: next, strip: stripPod,
		bare: func(p *corev1.Pod) *corev1.Pod { return &corev1.Pod{ObjectMeta: bareMeta(p)} },
		set: func(p *corev1.Pod) {
			c.ledger.setPod(p)
			c.book.set(podKind, p)
		},
		remove: func(key types.NamespacedName) {
			c.ledger.removePod(key)
			c.book.remove(podKind, key)
		},
		replace: func(pods map[types.NamespacedName]*corev1.Pod) {
			c.ledger.replacePods(pods)
			c.book.drops(podKind, func(key types.NamespacedName) bool { return pods[key] != nil })
			for _, pod := range pods {
				c.book.set(podKind, pod)
			}
		},
	}
}

func bareMeta(o client.Object) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: o.GetName(), Namespace: o.GetNamespace(), UID: o.GetUID(), ResourceVersion: o.GetResourceVersion()}
}

// reflectorFailed 只在调试时说：该说的已经进了证据。
func (c *connection) reflectorFailed(_ context.Context, _ *toolscache.Reflector, err error) {
	c.log.V(1).Info("A watch of a member cluster starts again", "reason", err.Error())
}

// usable 返回客户端；心跳没有通过时说为什么不能用。
func (c *connection) usable() (client.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.reachable():
		return c.client, nil
	case c.evidence.Probe.Err != nil:
		return nil, c.evidence.Probe.Err
	default:
		return nil, errNotProbed
	}
}

var errNotProbed = errors.New("it has not answered a probe yet")

// memberClient 读节点与 Pod 用缓存，其余一概直接问成员：读一次就开一个监视的客户端，会把别人的 Secret 都搬进内存。
// 缓存里的节点与 Pod 是剥过的，而且只有与平台有关的 Pod。
type memberClient struct {
	client.Client
	cached client.Reader
}

// Get 实现 client.Reader。
func (c *memberClient) Get(ctx context.Context, key types.NamespacedName, object client.Object, opts ...client.GetOption) error {
	switch object.(type) {
	case *corev1.Node, *corev1.Pod:
		return c.cached.Get(ctx, key, object, opts...)
	default:
		return c.Client.Get(ctx, key, object, opts...)
	}
}

// List 实现 client.Reader。
func (c *memberClient) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	switch list.(type) {
	case *corev1.NodeList, *corev1.PodList:
		if err := c.cached.List(ctx, list, opts...); err != nil {
			return fmt.Errorf("read the member's cache: %w", err)
		}
		return nil
	default:
		return c.Client.List(ctx, list, opts...)
	}
}
