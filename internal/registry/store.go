package registry

import (
	"cmp"
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/registry/generic"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/util/dryrun"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// Storage 是一个种类在服务端的两条路径；没有状态的种类 Status 为 nil。
type Storage struct {
	Main   *REST
	Status *StatusREST
}

// Store 由声明构造存储。失败只会因为声明不全或 etcd 选项有误。
func (r *Resource[T, L]) Store(scheme *runtime.Scheme, versions []schema.GroupVersion, getter generic.RESTOptionsGetter) (*Storage, error) {
	if err := r.addFieldLabels(scheme, versions); err != nil {
		return nil, fmt.Errorf("register field selectors of %s: %w", r.Plural, err)
	}
	main := &strategy[T, L]{ObjectTyper: scheme, resource: r, resetFields: r.mainResetFields(versions)}
	store := r.mainStore(main)
	options := &generic.StoreOptions{
		RESTOptions: storedAs{getter, r.storedAs()},
		AttrFunc:    r.attributes,
		Indexers:    r.indexers(),
		TriggerFunc: r.triggers(),
	}
	if err := store.CompleteWithOptions(options); err != nil {
		return nil, fmt.Errorf("build the store of %s: %w", r.Plural, err)
	}
	storage := &Storage{Main: &REST{Store: store, shortNames: r.ShortNames, admit: main.admit, admitDelete: main.admitDelete}}
	if !r.Uncategorized {
		storage.Main.categories = []string{Category}
	}
	if r.CopyStatus != nil {
		status := *store
		update := &statusStrategy[T, L]{strategy: main, resetFields: resetFields(versions, "spec", "metadata")}
		status.UpdateStrategy = update
		status.ResetFieldsStrategy = update
		storage.Status = &StatusREST{store: &status, newObject: store.NewFunc}
	}
	if r.DryRun != nil {
		storage.Main.dryRun = func(ctx context.Context, obj runtime.Object) { r.DryRun(ctx, obj.(T)) }
	}
	r.storage = storage
	return storage, nil
}

func (r *Resource[T, L]) mainStore(main *strategy[T, L]) *genericregistry.Store {
	store := &genericregistry.Store{
		NewFunc:                   func() runtime.Object { return r.New() },
		NewListFunc:               func() runtime.Object { return r.NewList() },
		PredicateFunc:             r.predicate,
		DefaultQualifiedResource:  r.GroupResource(),
		SingularQualifiedResource: schema.GroupResource{Group: r.Group, Resource: r.Singular},
		CreateStrategy:            main,
		UpdateStrategy:            main,
		DeleteStrategy:            main,
		ResetFieldsStrategy:       main,
		TableConvertor:            r.table(),
	}
	if r.AfterDelete != nil {
		store.AfterDelete = func(obj runtime.Object, options *metav1.DeleteOptions) {
			// 上游在干跑删除之后也会来这里，那时对象还在。
			if !dryrun.IsDryRun(options.DryRun) {
				r.AfterDelete(obj.(T))
			}
		}
	}
	if r.TTL > 0 {
		store.TTLFunc = func(runtime.Object, uint64, bool) (uint64, error) { return uint64(r.TTL.Seconds()), nil }
	}
	return store
}

// coreGroup 在 etcd 的键里代替核心组的空名字。
const coreGroup = "core"

func (r *Resource[T, L]) storedAs() schema.GroupResource {
	if r.StoredAs.Resource == "" {
		return r.GroupResource()
	}
	return r.StoredAs
}

// storedAs 决定数据存在谁名下：编码、加密与键都跟着它。键带上组名，不同组里同名的种类才不会存到一起。
type storedAs struct {
	generic.RESTOptionsGetter
	resource schema.GroupResource
}

func (s storedAs) GetRESTOptions(_ schema.GroupResource, example runtime.Object) (generic.RESTOptions, error) {
	options, err := s.RESTOptionsGetter.GetRESTOptions(s.resource, example)
	options.ResourcePrefix = cmp.Or(s.resource.Group, coreGroup) + "/" + s.resource.Resource
	return options, err
}

// mainResetFields 是主路径写不进去的字段。
func (r *Resource[T, L]) mainResetFields(versions []schema.GroupVersion) map[fieldpath.APIVersion]*fieldpath.Set {
	if r.CopyStatus == nil {
		return nil
	}
	return resetFields(versions, "status")
}

func resetFields(versions []schema.GroupVersion, fields ...string) map[fieldpath.APIVersion]*fieldpath.Set {
	set := fieldpath.NewSet()
	for _, name := range fields {
		set.Insert(fieldpath.MakePathOrDie(name))
	}
	out := make(map[fieldpath.APIVersion]*fieldpath.Set, len(versions))
	for _, version := range versions {
		out[fieldpath.APIVersion(version.String())] = set
	}
	return out
}
