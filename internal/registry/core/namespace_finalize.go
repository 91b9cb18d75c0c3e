package core

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"

	"github.com/kubellm/kubellm/internal/registry"
)

var _ rest.Updater = &namespaceFinalize{}

// namespaceFinalize 是 /finalize：收尾的人在内容清空之后由此放手，最后一个放手时命名空间才消失。
type namespaceFinalize struct {
	store *genericregistry.Store
}

func newNamespaceFinalize(storage *registry.Storage) rest.Storage {
	store := *storage.Main.Store
	store.UpdateStrategy = finalizeStrategy{store.UpdateStrategy}
	return &namespaceFinalize{store: &store}
}

// New 返回空对象。
func (r *namespaceFinalize) New() runtime.Object { return r.store.New() }

// Destroy 不做事：底层存储由主路径释放。
func (r *namespaceFinalize) Destroy() {}

// Update 只更新，绝不创建。
func (r *namespaceFinalize) Update(ctx context.Context, name string, info rest.UpdatedObjectInfo, validateCreate rest.ValidateObjectFunc, validateUpdate rest.ValidateObjectUpdateFunc, _ bool, options *metav1.UpdateOptions) (runtime.Object, bool, error) {
	return r.store.Update(ctx, name, info, validateCreate, validateUpdate, false, options)
}

// finalizeStrategy 只放 spec.finalizers 过去，其余取旧值。
type finalizeStrategy struct {
	rest.RESTUpdateStrategy
}

func (s finalizeStrategy) PrepareForUpdate(_ context.Context, obj, old runtime.Object) {
	updated, existing := obj.(*corev1.Namespace), old.(*corev1.Namespace)
	kept := existing.DeepCopy()
	kept.Spec.Finalizers = updated.Spec.Finalizers
	kept.ManagedFields = updated.ManagedFields
	if updated.UID != "" {
		kept.UID = updated.UID // 写者认定的对象，留给后面的校验去核对。
	}
	if len(kept.Spec.Finalizers) == 0 {
		kept.Finalizers = slices.DeleteFunc(kept.Finalizers, func(name string) bool { return name == contentFinalizer })
	}
	*updated = *kept
}
