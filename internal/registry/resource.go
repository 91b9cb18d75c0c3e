// Package registry 把"一个平台种类"写成一份声明 Resource[T, L]，并由它得到存储与状态存储：
// 策略、generation、spec/status 隔离、SSA 重置字段、表格、字段选择器与归属规则都只写这一遍。
// 请求的路径始终是 REST → Strategy → genericregistry.Store → etcd。
package registry

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/registry/generic"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// Object 是内部类型的约束：既是 API 对象又能取到元数据。
type Object interface {
	runtime.Object
	metav1.Object
}

// Resource 声明一个种类。必填：Group、Kind、Plural、New、NewList、CopySpec、CopyStatus、Conditions、Validate。
type Resource[T Object, L runtime.Object] struct {
	Group      string
	Kind       string
	Plural     string
	Singular   string
	ShortNames []string
	Namespaced bool

	New     func() T
	NewList func() L
	// CopySpec 与 CopyStatus 各搬一半，spec 与 status 的双向隔离由通用策略用它们完成。
	CopySpec   func(to, from T)
	CopyStatus func(to, from T)
	// Conditions 取状态条件；写状态时按条件的约定校验它们，表格也由它取值。
	Conditions func(T) []metav1.Condition

	Columns []Column[T]
	Fields  []Field[T]

	// Prepare 在校验之前规整新对象；old 在创建时为零值。
	Prepare func(ctx context.Context, obj, old T)
	// Validate 校验整个对象，创建与更新都会经过。
	Validate func(obj T) field.ErrorList
	// ValidateUpdate 只校验新旧之间的关系（不可变字段）。
	ValidateUpdate func(obj, old T) field.ErrorList
	// Admit 判断请求者能否做这个改动（如越权授予）；old 在创建时为零值。返回 API 错误。
	Admit func(ctx context.Context, obj, old T) error
	// Warn 给出不拒绝但使用者应知道的事。
	Warn func(obj T) []string

	// Subresources 是 status 之外的子资源：名字 → 由主存储造出它。
	Subresources map[string]func(store *Storage) rest.Storage
	// AfterDelete 在对象真正删除之后收拾属于它的东西；失败与否都不能让对象回来，所以没有返回值。
	AfterDelete func(obj T)
}

// Category 是全部平台种类的类别，供 kubectl get kubellm 使用。
const Category = "kubellm"

// Storage 是一个种类在服务端的两条路径。
type Storage struct {
	Main   *REST
	Status *StatusREST
}

// Store 由声明构造存储。失败只会因为声明不全或 etcd 选项有误。
func (r *Resource[T, L]) Store(scheme *runtime.Scheme, versions []schema.GroupVersion, getter generic.RESTOptionsGetter) (*Storage, error) {
	if err := r.addFieldLabels(scheme, versions); err != nil {
		return nil, fmt.Errorf("register field selectors of %s: %w", r.Plural, err)
	}
	main := &strategy[T, L]{ObjectTyper: scheme, resource: r, resetFields: resetFields(versions, "status")}
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
		store.AfterDelete = func(obj runtime.Object, _ *metav1.DeleteOptions) { r.AfterDelete(obj.(T)) }
	}
	options := &generic.StoreOptions{
		RESTOptions: prefixByGroup{getter},
		AttrFunc:    r.attributes,
		Indexers:    r.indexers(),
		TriggerFunc: r.triggers(),
	}
	if err := store.CompleteWithOptions(options); err != nil {
		return nil, fmt.Errorf("build the store of %s: %w", r.Plural, err)
	}

	status := *store
	statusUpdate := &statusStrategy[T, L]{strategy: main, resetFields: resetFields(versions, "spec", "metadata")}
	status.UpdateStrategy = statusUpdate
	status.ResetFieldsStrategy = statusUpdate
	return &Storage{
		Main:   &REST{Store: store, shortNames: r.ShortNames, admit: main.admit},
		Status: &StatusREST{store: &status, newObject: store.NewFunc},
	}, nil
}

// GroupResource 是组与复数名。
func (r *Resource[T, L]) GroupResource() schema.GroupResource {
	return schema.GroupResource{Group: r.Group, Resource: r.Plural}
}

// Install 以发现路径（复数名与 /status）列出一个种类的存储。
func (r *Resource[T, L]) Install(scheme *runtime.Scheme, versions []schema.GroupVersion, getter generic.RESTOptionsGetter, into map[string]rest.Storage) error {
	storage, err := r.Store(scheme, versions, getter)
	if err != nil {
		return err
	}
	into[r.Plural] = storage.Main
	into[r.Plural+"/status"] = storage.Status
	for name, subresource := range r.Subresources {
		into[r.Plural+"/"+name] = subresource(storage)
	}
	return nil
}

// prefixByGroup 让 etcd 的键带上组名：不同组可以有同名的种类，不能存到一起。
type prefixByGroup struct {
	generic.RESTOptionsGetter
}

func (p prefixByGroup) GetRESTOptions(resource schema.GroupResource, example runtime.Object) (generic.RESTOptions, error) {
	options, err := p.RESTOptionsGetter.GetRESTOptions(resource, example)
	options.ResourcePrefix = resource.Group + "/" + resource.Resource
	return options, err
}

// objectMeta 取内嵌的元数据；所有 API 类型都内嵌 metav1.ObjectMeta。
func objectMeta[T Object](obj T) *metav1.ObjectMeta {
	return any(obj).(metav1.ObjectMetaAccessor).GetObjectMeta().(*metav1.ObjectMeta)
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
