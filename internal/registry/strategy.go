package registry

import (
	"context"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/storage/names"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

var (
	_ rest.RESTCreateStrategy         = &strategy[Object, runtime.Object]{}
	_ rest.RESTUpdateStrategy         = &strategy[Object, runtime.Object]{}
	_ rest.RESTGracefulDeleteStrategy = &strategy[Object, runtime.Object]{}
	_ rest.ResetFieldsStrategy        = &strategy[Object, runtime.Object]{}
	_ rest.RESTUpdateStrategy         = &statusStrategy[Object, runtime.Object]{}
	_ rest.ResetFieldsStrategy        = &statusStrategy[Object, runtime.Object]{}
)

// strategy 是主路径的策略：保住 status，spec 变了才推进 generation。
type strategy[T Object, L runtime.Object] struct {
	runtime.ObjectTyper
	resource    *Resource[T, L]
	resetFields map[fieldpath.APIVersion]*fieldpath.Set
}

func (s *strategy[T, L]) GenerateName(base string) string {
	return names.SimpleNameGenerator.GenerateName(base)
}
func (s *strategy[T, L]) NamespaceScoped() bool                         { return s.resource.Namespaced }
func (s *strategy[T, L]) AllowCreateOnUpdate(context.Context) bool      { return false }
func (s *strategy[T, L]) AllowUnconditionalUpdate(context.Context) bool { return true }
func (s *strategy[T, L]) Canonicalize(runtime.Object)                   {}

func (s *strategy[T, L]) GetResetFields() map[fieldpath.APIVersion]*fieldpath.Set {
	return s.resetFields
}

func (s *strategy[T, L]) PrepareForCreate(ctx context.Context, obj runtime.Object) {
	created := obj.(T)
	created.SetGeneration(0)
	if s.resource.CopySpec != nil {
		created.SetGeneration(1)
	}
	if s.resource.CopyStatus != nil {
		s.resource.CopyStatus(created, s.resource.New())
	}
	if s.resource.Prepare != nil {
		var none T
		s.resource.Prepare(ctx, created, none)
	}
}

func (s *strategy[T, L]) PrepareForUpdate(ctx context.Context, obj, old runtime.Object) {
	updated, existing := obj.(T), old.(T)
	if s.resource.CopyStatus != nil {
		s.resource.CopyStatus(updated, existing)
	}
	if s.resource.Prepare != nil {
		s.resource.Prepare(ctx, updated, existing)
	}
	finishAdoption(updated, existing)
	if s.specChanged(updated, existing) {
		updated.SetGeneration(existing.GetGeneration() + 1)
	}
}

// specChanged 只看 spec：标签、注解与 status 的变化不算使用者改了期望。
func (s *strategy[T, L]) specChanged(updated, existing T) bool {
	if s.resource.CopySpec == nil {
		return false
	}
	merged := existing.DeepCopyObject().(T)
	s.resource.CopySpec(merged, updated)
	return !apiequality.Semantic.DeepEqual(merged, existing)
}

func (s *strategy[T, L]) Validate(_ context.Context, obj runtime.Object) field.ErrorList {
	created := obj.(T)
	return append(s.resource.Validate(created), s.validateMeta(created)...)
}

func (s *strategy[T, L]) ValidateUpdate(_ context.Context, obj, old runtime.Object) field.ErrorList {
	updated, existing := obj.(T), old.(T)
	errs := s.resource.Validate(updated)
	if s.resource.ValidateUpdate != nil {
		errs = append(errs, s.resource.ValidateUpdate(updated, existing)...)
	}
	return errs
}

func (s *strategy[T, L]) validateMeta(obj T) field.ErrorList {
	name := s.resource.ValidateName
	if name == nil {
		name = apivalidation.NameIsDNSSubdomain
	}
	return apivalidation.ValidateObjectMetaAccessor(obj, s.resource.Namespaced, name, field.NewPath("metadata"))
}

// CheckGracefulDelete 借上游"要不要缓期删除"的时机改写对象：它是删除路径上唯一拿得到对象的地方。
// 回答总是不缓期，留不留下只由 finalizer 决定。
func (s *strategy[T, L]) CheckGracefulDelete(_ context.Context, obj runtime.Object, _ *metav1.DeleteOptions) bool {
	if s.resource.Terminate != nil {
		s.resource.Terminate(obj.(T))
	}
	return false
}

func (s *strategy[T, L]) WarningsOnCreate(_ context.Context, obj runtime.Object) []string {
	if s.resource.Warn == nil {
		return nil
	}
	return s.resource.Warn(obj.(T))
}

func (s *strategy[T, L]) WarningsOnUpdate(ctx context.Context, obj, _ runtime.Object) []string {
	return s.WarningsOnCreate(ctx, obj)
}

// admit 在校验之后、落盘之前作最后判断；old 为 nil 表示创建。
func (s *strategy[T, L]) admit(ctx context.Context, obj, old runtime.Object) error {
	updated := obj.(T)
	var existing T
	if old != nil {
		existing = old.(T)
		if err := s.checkOwner(updated, existing); err != nil {
			return err
		}
	}
	if s.resource.Admit == nil {
		return nil
	}
	return s.resource.Admit(ctx, updated, existing)
}

func (s *strategy[T, L]) admitDelete(obj runtime.Object) error {
	if s.resource.AdmitDelete == nil {
		return nil
	}
	return s.resource.AdmitDelete(obj.(T))
}

// statusStrategy 是 /status 的策略：只放 status 过去，spec 与元数据一概取旧值。
type statusStrategy[T Object, L runtime.Object] struct {
	*strategy[T, L]
	resetFields map[fieldpath.APIVersion]*fieldpath.Set
	// publishing 的写者是公布 Published 的那个子资源。
	publishing bool
}

func (s *statusStrategy[T, L]) GetResetFields() map[fieldpath.APIVersion]*fieldpath.Set {
	return s.resetFields
}

func (s *statusStrategy[T, L]) PrepareForUpdate(_ context.Context, obj, old runtime.Object) {
	updated, existing := obj.(T), old.(T)
	if s.resource.CopySpec != nil {
		s.resource.CopySpec(updated, existing)
	}
	if published := s.resource.Published; published != nil && !s.publishing {
		published.Set(updated, published.Get(existing))
	}
	if s.resource.PrepareStatus != nil {
		s.resource.PrepareStatus(updated)
	}
	// managedFields 由 SSA 记账，必须跟着本次请求走；其余元数据不许经 /status 改动。
	// uid 是写者认定的对象：留下它，后面的校验才能拒绝写到重建出来的同名对象上。
	managed, uid := updated.GetManagedFields(), updated.GetUID()
	objectMeta(existing).DeepCopyInto(objectMeta(updated))
	updated.SetManagedFields(managed)
	if uid != "" {
		updated.SetUID(uid)
	}
}

// ValidateUpdate 只校验状态：spec 与元数据原样取自旧对象，而读条件的人要能相信它们成形。
func (s *statusStrategy[T, L]) ValidateUpdate(_ context.Context, obj, _ runtime.Object) field.ErrorList {
	var errs field.ErrorList
	if s.resource.Conditions != nil {
		errs = metav1validation.ValidateConditions(s.resource.Conditions(obj.(T)), field.NewPath("status", "conditions"))
	}
	if s.resource.ValidateStatus != nil {
		errs = append(errs, s.resource.ValidateStatus(obj.(T))...)
	}
	return errs
}

func (s *statusStrategy[T, L]) WarningsOnUpdate(context.Context, runtime.Object, runtime.Object) []string {
	return nil
}
