// Package emptier 清空正在结束的命名空间：独立模式没有 kube-controller-manager 来做这件事。
// 清什么由发现决定，以后新增的种类不必在这里登记。每个副本都可以跑，做的事可以重复。
package emptier

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	corev1informers "k8s.io/client-go/informers/core/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	corev1listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
)

const (
	workers = 2
	// deleters 让清空一个满的命名空间不是一个接一个地删。
	deleters = 16
	// 带 finalizer 的对象要等别人放手，那不是这里的事件，只能过一阵再看。
	minDelay = 100 * time.Millisecond
	maxDelay = 10 * time.Second
)

// Emptier 跟随命名空间，清空正在结束的那些。
type Emptier struct {
	discovery  discovery.DiscoveryInterface
	metadata   metadata.Interface
	namespaces corev1client.NamespaceInterface
	lister     corev1listers.NamespaceLister
	queue      workqueue.TypedRateLimitingInterface[string]
}

// New 让清空者跟随 informer；各客户端须有权读写一切。
func New(namespaces corev1client.NamespaceInterface, resources discovery.DiscoveryInterface, contents metadata.Interface, informer corev1informers.NamespaceInformer) (*Emptier, error) {
	e := &Emptier{
		discovery:  resources,
		metadata:   contents,
		namespaces: namespaces,
		lister:     informer.Lister(),
		queue:      workqueue.NewTypedRateLimitingQueue(workqueue.NewTypedItemExponentialFailureRateLimiter[string](minDelay, maxDelay)),
	}
	enqueue := func(obj any) {
		if namespace, ok := obj.(*corev1.Namespace); ok && terminating(namespace) {
			e.queue.Add(namespace.Name)
		}
	}
	_, err := informer.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    enqueue,
		UpdateFunc: func(_, obj any) { enqueue(obj) },
	})
	if err != nil {
		return nil, fmt.Errorf("follow namespaces: %w", err)
	}
	return e, nil
}

// Run 工作到 ctx 结束。
func (e *Emptier) Run(ctx context.Context) {
	defer e.queue.ShutDown()
	for range workers {
		go wait.UntilWithContext(ctx, e.work, time.Second)
	}
	<-ctx.Done()
}

func (e *Emptier) work(ctx context.Context) {
	for {
		name, done := e.queue.Get()
		if done {
			return
		}
		e.process(ctx, name)
		e.queue.Done(name)
	}
}

func (e *Emptier) process(ctx context.Context, name string) {
	emptied, err := e.empty(ctx, name)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		klog.FromContext(ctx).Error(err, "Cannot empty a namespace yet; trying again", "namespace", name)
		e.queue.AddRateLimited(name)
	case !emptied:
		e.queue.AddRateLimited(name)
	default:
		e.queue.Forget(name)
	}
}

// empty 删掉内容；都没了就放手，命名空间随之消失。还有剩余时在状态里说明，返回 false。
func (e *Emptier) empty(ctx context.Context, name string) (bool, error) {
	namespace, err := e.lister.Get(name)
	if apierrors.IsNotFound(err) || err == nil && !terminating(namespace) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	left, err := e.deleteContents(ctx, namespace)
	if errors.Is(err, errReplaced) {
		return true, nil // 缓存跟上之后，新的那一个若也在结束，会再来。
	}
	if err != nil {
		return false, err
	}
	if len(left) > 0 {
		return false, e.report(ctx, namespace, left)
	}
	released := namespace.DeepCopy()
	released.Spec.Finalizers = slices.DeleteFunc(released.Spec.Finalizers, func(name corev1.FinalizerName) bool { return name == corev1.FinalizerKubernetes })
	_, err = e.namespaces.Finalize(ctx, released, metav1.UpdateOptions{})
	switch {
	case apierrors.IsConflict(err):
		return false, nil // 别的副本也在写，或者换成了同名的另一个；缓存跟上之后再看。
	case err != nil && !apierrors.IsNotFound(err):
		return false, fmt.Errorf("release the emptied namespace: %w", err)
	}
	klog.FromContext(ctx).Info("Emptied a namespace", "namespace", name)
	return true, nil
}

// terminating 表示该由这里清空：删除已开始，而自己还没放手。
func terminating(namespace *corev1.Namespace) bool {
	return namespace.DeletionTimestamp != nil && slices.Contains(namespace.Spec.Finalizers, corev1.FinalizerKubernetes)
}
