package emptier

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/util/workqueue"
)

// remainder 是一个种类里删了还在的对象。
type remainder struct {
	resource   schema.GroupResource
	count      int
	finalizers map[string]int
}

// errReplaced 表示要清空的命名空间已经没了，同名的即使在也是另一个。
var errReplaced = errors.New("the namespace is gone, or another of its name stands in its place")

// deleteContents 删掉命名空间里每个种类的对象，返回还在的。
func (e *Emptier) deleteContents(ctx context.Context, namespace *corev1.Namespace) ([]remainder, error) {
	resources, err := e.resources()
	if err != nil {
		return nil, err
	}
	var left []remainder
	var errs []error
	for _, resource := range resources {
		rest, err := e.deleteAll(ctx, resource, namespace)
		if err != nil {
			errs = append(errs, err)
		}
		if errors.Is(err, errReplaced) {
			break
		}
		if rest.count > 0 {
			left = append(left, rest)
		}
	}
	return left, errors.Join(errs...)
}

// resources 列出服务器提供的、能列能删的命名空间种类。发现不完整就不能说"空了"，所以是错误。
func (e *Emptier) resources() ([]schema.GroupVersionResource, error) {
	lists, err := e.discovery.ServerPreferredNamespacedResources()
	if err != nil {
		return nil, fmt.Errorf("discover what a namespace can hold: %w", err)
	}
	found, err := discovery.GroupVersionResources(discovery.FilteredBy(discovery.SupportsAllVerbs{Verbs: []string{"list", "delete"}}, lists))
	if err != nil {
		return nil, fmt.Errorf("discover what a namespace can hold: %w", err)
	}
	resources := make([]schema.GroupVersionResource, 0, len(found))
	for resource := range found {
		resources = append(resources, resource)
	}
	return resources, nil
}

// deleteAll 只看元数据：这里不需要、也不该碰密文的内容。
func (e *Emptier) deleteAll(ctx context.Context, resource schema.GroupVersionResource, namespace *corev1.Namespace) (remainder, error) {
	rest := remainder{resource: resource.GroupResource(), finalizers: map[string]int{}}
	objects := e.metadata.Resource(resource).Namespace(namespace.Name)
	found, err := objects.List(ctx, metav1.ListOptions{})
	if err != nil || len(found.Items) == 0 {
		return rest, ignoreGone(err, "list", resource, namespace.Name)
	}
	if err := e.confirm(ctx, namespace); err != nil {
		return rest, err
	}
	if err := deleteEach(ctx, objects, found.Items); err != nil {
		return rest, ignoreGone(err, "delete", resource, namespace.Name)
	}
	left, err := objects.List(ctx, metav1.ListOptions{})
	if err != nil {
		return rest, ignoreGone(err, "list", resource, namespace.Name)
	}
	rest.count = len(left.Items)
	for _, object := range left.Items {
		for _, finalizer := range object.Finalizers {
			rest.finalizers[finalizer]++
		}
	}
	return rest, nil
}

// confirm 在列出之后、动手之前看命名空间是不是还是那一个：别的副本可能已经清空了它，
// 有人又建了同名的，这里的缓存却还停在以前。仍是那一个，列到的就都是它的。
func (e *Emptier) confirm(ctx context.Context, namespace *corev1.Namespace) error {
	live, err := e.namespaces.Get(ctx, namespace.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err), err == nil && live.UID != namespace.UID:
		return errReplaced
	case err != nil:
		return fmt.Errorf("confirm that namespace %s is still the one to be emptied: %w", namespace.Name, err)
	}
	return nil
}

// deleteEach 逐个删列到的那些，认 UID：整批删只认名字，会删到同名的新对象。已经在等人放手的不必再删。
func deleteEach(ctx context.Context, objects metadata.ResourceInterface, found []metav1.PartialObjectMetadata) error {
	errs := make([]error, len(found))
	workqueue.ParallelizeUntil(ctx, deleters, len(found), func(at int) {
		object := &found[at]
		if object.DeletionTimestamp != nil {
			return
		}
		err := objects.Delete(ctx, object.Name, metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(object.UID))})
		if !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			errs[at] = err
		}
	})
	return errors.Join(append(errs, ctx.Err())...)
}

// ignoreGone 把"没有这个种类了"当作没有东西可删。
func ignoreGone(err error, doing string, resource schema.GroupVersionResource, namespace string) error {
	if err == nil || apierrors.IsNotFound(err) {
		return nil
	}
	return fmt.Errorf("%s the %s in namespace %s: %w", doing, resource.GroupResource(), namespace, err)
}
