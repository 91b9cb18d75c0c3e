// Package registry 把"一个平台种类"写成一份声明 Resource[T, L]，并由它得到存储与状态存储：
// 策略、generation、spec/status 隔离、SSA 重置字段、表格、字段选择器与归属规则都只写这一遍。
// 请求的路径始终是 REST → Strategy → genericregistry.Store → etcd。
package registry

import (
	"context"
	"fmt"
	"time"

	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metainternalversion "k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/generic"
	"k8s.io/apiserver/pkg/registry/rest"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// Object 是内部类型的约束：既是 API 对象又能取到元数据。
type Object interface {
	runtime.Object
	metav1.Object
}

// Resource 声明一个种类。必填：Kind、Plural、New、NewList、Validate；核心组的 Group 为空。
type Resource[T Object, L runtime.Object] struct {
	Group      string
	Kind       string
	Plural     string
	Singular   string
	ShortNames []string
	Namespaced bool
	// Uncategorized 的种类不出现在 kubectl get kubellm 里：核心种类只是平台的工具，不是平台管的东西。
	Uncategorized bool
	// StoredAs 让同一份数据在另一个组里也能读写；零值表示存在自己名下。
	StoredAs schema.GroupResource
	// TTL 到期的对象由 etcd 删掉；零表示一直留着。
	TTL time.Duration

	New     func() T
	NewList func() L
	// CopySpec 与 CopyStatus 各搬一半，spec 与 status 的双向隔离由通用策略用它们完成。
	// 没有 CopySpec 的种类不记 generation，没有 CopyStatus 的种类没有 /status。
	CopySpec   func(to, from T)
	CopyStatus func(to, from T)
	// Conditions 取状态条件；写状态时按条件的约定校验它们，表格也由它取值。
	Conditions func(T) []metav1.Condition
	// PrepareStatus 在校验之前规整要写的状态。
	PrepareStatus func(obj T)
	// ValidateStatus 校验条件以外的状态。
	ValidateStatus func(obj T) field.ErrorList
	// Published 是由某个子资源公布在状态里的字段；经 /status 写不了它，写状态的人就冒充不了那个子资源。
	Published *Published[T]

	Columns []Column[T]
	// BareTable 的表只有 Columns：事件的名字与年龄没有人看。
	BareTable bool
	Fields    []Field[T]

	// Prepare 在校验之前规整新对象；old 在创建时为零值。
	Prepare func(ctx context.Context, obj, old T)
	// ValidateName 校验新对象的名字；零值按 DNS 子域名。
	ValidateName apivalidation.ValidateNameFunc
	// Validate 校验整个对象，创建与更新都会经过。
	Validate func(obj T) field.ErrorList
	// ValidateUpdate 只校验新旧之间的关系（不可变字段）。
	ValidateUpdate func(obj, old T) field.ErrorList
	// Admit 判断请求者能否做这个改动（如越权授予）；old 在创建时为零值。返回 API 错误。
	Admit func(ctx context.Context, obj, old T) error
	// AdmitDelete 判断对象能不能删，逐个删与整批删都会问。返回 API 错误。
	AdmitDelete func(obj T) error
	// Warn 给出不拒绝但使用者应知道的事。
	Warn func(obj T) []string

	// DryRun 在干跑的回答上补写只在那时才说得出的事；什么也不会存下，所以补写不了也不算错。old 在创建时为零值。
	DryRun func(ctx context.Context, obj, old T)

	// Scale 让 kubectl scale 与自动伸缩改得了副本数；零值没有 /scale。
	Scale *Scale[T]
	// Subresources 是 status 之外的子资源：名字 → 由主存储造出它。
	Subresources map[string]func(store *Storage) rest.Storage
	// AfterDelete 在对象真正删除之后收拾属于它的东西；失败与否都不能让对象回来，所以没有返回值。
	AfterDelete func(obj T)
	// Terminate 在删除请求到来时改写对象；对象因 finalizer 留下时，改动随删除时间一同存下。
	Terminate func(obj T)

	// Tidy 在服务器启动之后收拾上一个进程断在半路的东西；返回错误就会再来一次。
	Tidy func(ctx context.Context) error

	// storage 是 Store 造出来的，供 List 读。
	storage *Storage
}

// Published 是状态里的一个字段与它的读写。
type Published[T Object] struct {
	// Path 是它在对象里的路径，字段记账要用。
	Path fieldpath.Path
	Get  func(obj T) string
	Set  func(obj T, value string)
}

// Category 是全部平台种类的类别，供 kubectl get kubellm 使用。
const Category = "kubellm"

// GroupResource 是组与复数名。
func (r *Resource[T, L]) GroupResource() schema.GroupResource {
	return schema.GroupResource{Group: r.Group, Resource: r.Plural}
}

// Install 以发现路径（复数名与 /status）列出一个种类的存储。
func (r *Resource[T, L]) Install(scheme *runtime.Scheme, versions []schema.GroupVersion, getter generic.RESTOptionsGetter, housing Housing, into map[string]rest.Storage) error {
	storage, err := r.Store(scheme, versions, getter)
	if err != nil {
		return err
	}
	storage.Main.housing = housing
	into[r.Plural] = storage.Main
	if storage.Status != nil {
		into[r.Plural+"/status"] = storage.Status
	}
	if r.Scale != nil {
		into[r.Plural+"/scale"] = newScaleREST(r, storage, versions)
	}
	for name, subresource := range r.Subresources {
		into[r.Plural+"/"+name] = subresource(storage)
	}
	return nil
}

// TidyUp 见 Tidier；没有 Tidy 的种类什么也不做。
func (r *Resource[T, L]) TidyUp(ctx context.Context) error {
	if r.Tidy == nil {
		return nil
	}
	return r.Tidy(ctx)
}

// List 读出全部对象，不看请求者是谁；答案不比此刻旧。内容与监听缓存共用，只许读。
func (r *Resource[T, L]) List(ctx context.Context) (L, error) {
	var none L
	if r.storage == nil {
		return none, fmt.Errorf("list %s: they are not served", r.Plural)
	}
	list, err := r.storage.Main.List(request.WithNamespace(ctx, metav1.NamespaceAll), &metainternalversion.ListOptions{})
	if err != nil {
		return none, err
	}
	return list.(L), nil
}

// Get 读出一个对象，不看请求者是谁；没有时是 404。options 不点明版本时是此刻的样子，不看缓存。
func (r *Resource[T, L]) Get(ctx context.Context, name string, options *metav1.GetOptions) (T, error) {
	var none T
	if r.storage == nil {
		return none, fmt.Errorf("get %s %q: they are not served", r.Plural, name)
	}
	obj, err := r.storage.Main.Get(ctx, name, options)
	if err != nil {
		return none, err
	}
	return obj.(T), nil
}

// objectMeta 取内嵌的元数据；所有 API 类型都内嵌 metav1.ObjectMeta。
func objectMeta[T Object](obj T) *metav1.ObjectMeta {
	return any(obj).(metav1.ObjectMetaAccessor).GetObjectMeta().(*metav1.ObjectMeta)
}
