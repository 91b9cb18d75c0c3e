package registry

import (
	"context"

	metainternalversion "k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/util/dryrun"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

var (
	_ rest.StandardStorage      = &REST{}
	_ rest.ShortNamesProvider   = &REST{}
	_ rest.CategoriesProvider   = &REST{}
	_ rest.SingularNameProvider = &REST{}
	_ rest.Patcher              = &StatusREST{}
	_ rest.ResetFieldsStrategy  = &StatusREST{}
)

// REST 在 genericregistry.Store 之上补短名、类别，并在落盘前插入归属与越权判断。
type REST struct {
	*genericregistry.Store
	shortNames  []string
	categories  []string
	admit       func(ctx context.Context, obj, old runtime.Object) error
	admitDelete func(obj runtime.Object) error
	dryRun      func(ctx context.Context, obj, old runtime.Object)
	housing     Housing
}

// ShortNames 供 kubectl 缩写使用。
func (r *REST) ShortNames() []string { return r.shortNames }

// Categories 让 kubectl get kubellm 一次列出全部平台种类。
func (r *REST) Categories() []string { return r.categories }

// Create 先过判断再落盘；判断放在校验之后，坏输入先得到坏输入的回答。
func (r *REST) Create(ctx context.Context, obj runtime.Object, validate rest.ValidateObjectFunc, options *metav1.CreateOptions) (runtime.Object, error) {
	var home types.UID
	created, err := r.Store.Create(ctx, obj, r.admitCreate(validate, &home), options)
	if err != nil {
		return created, err
	}
	if err := r.confirmHousing(ctx, created, home, options.DryRun); err != nil {
		return nil, err
	}
	r.answerDryRun(ctx, created, nil, options.DryRun)
	return created, nil
}

// Update 覆盖 PUT、PATCH 与 SSA（后者可能转为创建）。
func (r *REST) Update(ctx context.Context, name string, info rest.UpdatedObjectInfo, validateCreate rest.ValidateObjectFunc, validateUpdate rest.ValidateObjectUpdateFunc, forceAllowCreate bool, options *metav1.UpdateOptions) (runtime.Object, bool, error) {
	var before runtime.Object
	var home types.UID
	admitUpdate := func(ctx context.Context, obj, old runtime.Object) error {
		before = old
		if validateUpdate != nil {
			if err := validateUpdate(ctx, obj, old); err != nil {
				return err
			}
		}
		return r.admit(ctx, obj, old)
	}
	updated, created, err := r.Store.Update(ctx, name, info, r.admitCreate(validateCreate, &home), admitUpdate, forceAllowCreate, options)
	if err != nil {
		return updated, created, err
	}
	if created {
		if err := r.confirmHousing(ctx, updated, home, options.DryRun); err != nil {
			return nil, false, err
		}
	}
	r.answerDryRun(ctx, updated, before, options.DryRun)
	return updated, created, nil
}

// answerDryRun 只碰干跑的回答：它是另造的一份，没有存下。
func (r *REST) answerDryRun(ctx context.Context, obj, old runtime.Object, dryRun []string) {
	if r.dryRun != nil && dryrun.IsDryRun(dryRun) {
		r.dryRun(ctx, obj, old)
	}
}

// admitCreate 判断能不能建，并在 home 里记下放进哪一个命名空间。
func (r *REST) admitCreate(validate rest.ValidateObjectFunc, home *types.UID) rest.ValidateObjectFunc {
	return func(ctx context.Context, obj runtime.Object) (err error) {
		// 经 SSA 创建时，有没有 create 权也在 validate 里判断；先问它，无权的人才探听不到角色的内容。
		if validate != nil {
			if err := validate(ctx, obj); err != nil {
				return err
			}
		}
		if *home, err = r.enter(ctx, obj); err != nil {
			return err
		}
		return r.admit(ctx, obj, nil)
	}
}

// Delete 删一个。
func (r *REST) Delete(ctx context.Context, name string, validate rest.ValidateObjectFunc, options *metav1.DeleteOptions) (runtime.Object, bool, error) {
	return r.Store.Delete(ctx, name, r.confirmDelete(validate), options)
}

// DeleteCollection 整批删；不许删的那个让它停下，说明是谁。
func (r *REST) DeleteCollection(ctx context.Context, validate rest.ValidateObjectFunc, options *metav1.DeleteOptions, list *metainternalversion.ListOptions) (runtime.Object, error) {
	return r.Store.DeleteCollection(ctx, r.confirmDelete(validate), options, list)
}

func (r *REST) confirmDelete(validate rest.ValidateObjectFunc) rest.ValidateObjectFunc {
	return func(ctx context.Context, obj runtime.Object) error {
		if err := validate(ctx, obj); err != nil {
			return err
		}
		return r.admitDelete(obj)
	}
}

// StatusREST 是 /status 子资源：控制器写观察结果的唯一入口。
type StatusREST struct {
	store     *genericregistry.Store
	newObject func() runtime.Object
}

// New 返回空对象。
func (r *StatusREST) New() runtime.Object { return r.newObject() }

// Destroy 不做事：底层存储由主路径释放。
func (r *StatusREST) Destroy() {}

// Get 让 PATCH 先读到当前对象。
func (r *StatusREST) Get(ctx context.Context, name string, options *metav1.GetOptions) (runtime.Object, error) {
	return r.store.Get(ctx, name, options)
}

// Update 只更新；状态路径绝不创建对象。
func (r *StatusREST) Update(ctx context.Context, name string, info rest.UpdatedObjectInfo, validateCreate rest.ValidateObjectFunc, validateUpdate rest.ValidateObjectUpdateFunc, _ bool, options *metav1.UpdateOptions) (runtime.Object, bool, error) {
	return r.store.Update(ctx, name, info, validateCreate, validateUpdate, false, options)
}

// GetResetFields 告诉 SSA 哪些字段经这条路写不进去。
func (r *StatusREST) GetResetFields() map[fieldpath.APIVersion]*fieldpath.Set {
	return r.store.GetResetFields()
}

// ConvertToTable 让 kubectl get --subresource=status 也有表格。
func (r *StatusREST) ConvertToTable(ctx context.Context, object runtime.Object, options runtime.Object) (*metav1.Table, error) {
	return r.store.ConvertToTable(ctx, object, options)
}
