package emptier

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
)

// remainder 是一个种类里删了还在的对象。
type remainder struct {
	resource   schema.GroupResource
	count      int
	finalizers map[string]int
}

// deleteContents 删掉命名空间里每个种类的对象，返回还在的。
func (e *Emptier) deleteContents(ctx context.Context, namespace string) ([]remainder, error) {
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
		if rest.count > 0 {
			left = append(left, rest)
		}
	}
	return left, errors.Join(errs...)
}

// resources 列出服务器提供的、能整批删除的命名空间种类。发现不完整就不能说"空了"，所以是错误。
func (e *Emptier) resources() ([]schema.GroupVersionResource, error) {
	lists, err := e.discovery.ServerPreferredNamespacedResources()
	if err != nil {
		return nil, fmt.Errorf("discover what a namespace can hold: %w", err)
	}
	found, err := discovery.GroupVersionResources(discovery.FilteredBy(discovery.SupportsAllVerbs{Verbs: []string{"list", "deletecollection"}}, lists))
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
func (e *Emptier) deleteAll(ctx context.Context, resource schema.GroupVersionResource, namespace string) (remainder, error) {
	rest := remainder{resource: resource.GroupResource(), finalizers: map[string]int{}}
	objects := e.metadata.Resource(resource).Namespace(namespace)
	// 空的占多数，先看一眼省得白删。
	some, err := objects.List(ctx, metav1.ListOptions{Limit: 1})
	if err != nil || len(some.Items) == 0 {
		return rest, ignoreGone(err, "list", resource, namespace)
	}
	if err := objects.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
		return rest, ignoreGone(err, "delete", resource, namespace)
	}
	left, err := objects.List(ctx, metav1.ListOptions{})
	if err != nil {
		return rest, ignoreGone(err, "list", resource, namespace)
	}
	rest.count = len(left.Items)
	for _, object := range left.Items {
		for _, finalizer := range object.Finalizers {
			rest.finalizers[finalizer]++
		}
	}
	return rest, nil
}

// ignoreGone 把"没有这个种类了"当作没有东西可删。
func ignoreGone(err error, doing string, resource schema.GroupVersionResource, namespace string) error {
	if err == nil || apierrors.IsNotFound(err) {
		return nil
	}
	return fmt.Errorf("%s the %s in namespace %s: %w", doing, resource.GroupResource(), namespace, err)
}
