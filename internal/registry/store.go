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

// Storage 是一个种类在服务端的几条路径；没有状态的种类 Status 与 Publish 为 nil。
type Storage struct {
	Main   *REST
	Status *StatusREST
	// Publish 与 Status 一样，另外写得了 Published 的字段；只给公布它的子资源用，不在任何路径上。
	Publish *StatusREST
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
		fields := r.statusResetFields(versions)
		storage.Status = statusREST(store, &statusStrategy[T, L]{strategy: main, resetFields: fields})
		storage.Publish = statusREST(store, &statusStrategy[T, L]{strategy: main, resetFields: fields, publishing: true})
	}
	if r.DryRun != nil {
		storage.Main.dryRun = func(ctx context.Context, obj, old runtime.Object) {
			before, _ := old.(T)
			r.DryRun(ctx, obj.(T), before)
		}
	}
	r.storage = storage
	return storage, nil
}

// statusREST 与主路径共用一份存储，只换写入的策略。
func statusREST[T Object, L runtime.Object](main *genericregistry.Store, update *statusStrategy[T, L]) *StatusREST {
	store := *main
	store.UpdateStrategy = update
	store.ResetFieldsStrategy = update
	return &StatusREST{store: &store, newObject: main.NewFunc}
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
	return resetFields(versions, fieldpath.MakePathOrDie("status"))
}

// statusResetFields 是 /status 写不进去的字段。
func (r *Resource[T, L]) statusResetFields(versions []schema.GroupVersion) map[fieldpath.APIVersion]*fieldpath.Set {
	paths := []fieldpath.Path{fieldpath.MakePathOrDie("spec"), fieldpath.MakePathOrDie("metadata")}
	if r.Published != nil {
		paths = append(paths, r.Published.Path)
	}
	return resetFields(versions, paths...)
}

func resetFields(versions []schema.GroupVersion, paths ...fieldpath.Path) map[fieldpath.APIVersion]*fieldpath.Set {
	set := fieldpath.NewSet(paths...)
	out := make(map[fieldpath.APIVersion]*fieldpath.Set, len(versions))
	for _, version := range versions {
		out[fieldpath.APIVersion(version.String())] = set
	}
	return out
}
