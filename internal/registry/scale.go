package registry

import (
	"context"
	"fmt"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/apiserver/pkg/registry/rest"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// Scale 说明一个种类的副本数在哪里，/scale 由它得来。
type Scale[T Object] struct {
	// Path 是副本数在对象里的路径，字段记账要用。
	Path fieldpath.Path
	// Replicas 与 Set 读写期望的副本数。
	Replicas func(T) int32
	Set      func(obj T, replicas int32)
	// Status 给出观察到的副本数与选中 Pod 的选择器。
	Status func(T) (replicas int32, selector string)
}

var (
	_ rest.Patcher                  = &scaleREST[Object]{}
	_ rest.GroupVersionKindProvider = &scaleREST[Object]{}
)

// scaleREST 是 /scale 子资源：请求里只有副本数，其余照旧；能不能由使用者定副本数，由主路径的校验去说。
type scaleREST[T Object] struct {
	*Scale[T]
	main      *REST
	resource  schema.GroupResource
	preferred schema.GroupVersion
	paths     managedfields.ResourcePathMappings
}

func newScaleREST[T Object, L runtime.Object](r *Resource[T, L], storage *Storage, versions []schema.GroupVersion) *scaleREST[T] {
	paths := make(managedfields.ResourcePathMappings, len(versions))
	for _, version := range versions {
		paths[version.String()] = r.Scale.Path
	}
	return &scaleREST[T]{Scale: r.Scale, main: storage.Main, resource: r.GroupResource(), preferred: versions[0], paths: paths}
}

// New 返回空的 Scale。
func (r *scaleREST[T]) New() runtime.Object { return &autoscalingv1.Scale{} }

// Destroy 不做事：底层存储由主路径释放。
func (r *scaleREST[T]) Destroy() {}

// GroupVersionKind 说明路径虽在本组之下，内容却是 autoscaling/v1 的。
func (r *scaleREST[T]) GroupVersionKind(schema.GroupVersion) schema.GroupVersionKind {
	return autoscalingv1.SchemeGroupVersion.WithKind("Scale")
}

// scaleTable 的列名与 Kubernetes 自己的各种 Scale 一样。
var scaleTable = newTable([]Column[*autoscalingv1.Scale]{
	{Name: "Desired", Type: "integer", Description: "Replicas that are asked for.", Value: func(s *autoscalingv1.Scale) any { return s.Spec.Replicas }},
	{Name: "Available", Type: "integer", Description: "Replicas that are observed.", Value: func(s *autoscalingv1.Scale) any { return s.Status.Replicas }},
}, false)

// ConvertToTable 让 kubectl get --subresource=scale 也有表格。
func (r *scaleREST[T]) ConvertToTable(ctx context.Context, object, options runtime.Object) (*metav1.Table, error) {
	return scaleTable.ConvertToTable(ctx, object, options)
}

// Get 读出副本数。
func (r *scaleREST[T]) Get(ctx context.Context, name string, options *metav1.GetOptions) (runtime.Object, error) {
	obj, err := r.main.Get(ctx, name, options)
	if err != nil {
		return nil, err
	}
	return r.scaleOf(obj.(T)), nil
}

// Update 覆盖 PUT、PATCH 与 SSA；绝不创建对象。
func (r *scaleREST[T]) Update(ctx context.Context, name string, info rest.UpdatedObjectInfo, _ rest.ValidateObjectFunc, validateUpdate rest.ValidateObjectUpdateFunc, _ bool, options *metav1.UpdateOptions) (runtime.Object, bool, error) {
	validate := func(ctx context.Context, obj, old runtime.Object) error {
		if validateUpdate == nil {
			return nil
		}
		return validateUpdate(ctx, r.scaleOf(obj.(T)), r.scaleOf(old.(T)))
	}
	obj, _, err := r.main.Update(ctx, name, &scaleUpdate[T]{scaleREST: r, info: info}, rest.ValidateAllObjectFunc, validate, false, options)
	if err != nil {
		return nil, false, err
	}
	return r.scaleOf(obj.(T)), false, nil
}

func (r *scaleREST[T]) scaleOf(obj T) *autoscalingv1.Scale {
	replicas, selector := r.Status(obj)
	return &autoscalingv1.Scale{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: obj.GetNamespace(), Name: obj.GetName(), UID: obj.GetUID(),
			ResourceVersion: obj.GetResourceVersion(), CreationTimestamp: obj.GetCreationTimestamp(),
		},
		Spec:   autoscalingv1.ScaleSpec{Replicas: r.Replicas(obj)},
		Status: autoscalingv1.ScaleStatus{Replicas: replicas, Selector: selector},
	}
}

// scaleUpdate 把对 Scale 的改动换算成对对象本身的改动。
type scaleUpdate[T Object] struct {
	*scaleREST[T]
	info rest.UpdatedObjectInfo
}

// Preconditions 原样转交。
func (u *scaleUpdate[T]) Preconditions() *metav1.Preconditions { return u.info.Preconditions() }

// UpdatedObject 让字段记账跟着走：用 kubectl scale 改过的副本数，归改的人所有，下一次 apply 才看得出冲突。
func (u *scaleUpdate[T]) UpdatedObject(ctx context.Context, old runtime.Object) (runtime.Object, error) {
	updated := old.DeepCopyObject().(T)
	entries := managedfields.NewScaleHandler(updated.GetManagedFields(), u.preferred, u.paths)
	before := u.scaleOf(updated)
	var err error
	if before.ManagedFields, err = entries.ToSubresource(); err != nil {
		return nil, fmt.Errorf("read who owns the replicas of %s %q: %w", u.resource, updated.GetName(), err)
	}
	obj, err := u.info.UpdatedObject(ctx, before)
	if err != nil {
		return nil, err
	}
	scale, ok := obj.(*autoscalingv1.Scale)
	if !ok {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("the body is a %T: send a Scale of autoscaling/v1", obj))
	}
	u.Set(updated, scale.Spec.Replicas)
	if scale.ResourceVersion != "" {
		updated.SetResourceVersion(scale.ResourceVersion)
	}
	if scale.UID != "" {
		updated.SetUID(scale.UID)
	}
	managed, err := entries.ToParent(scale.ManagedFields)
	if err != nil {
		return nil, fmt.Errorf("note who owns the replicas of %s %q: %w", u.resource, updated.GetName(), err)
	}
	updated.SetManagedFields(managed)
	return updated, nil
}
