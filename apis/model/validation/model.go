// Package validation 校验 model 组的内部对象：坏输入在这里得到指名字段、说明原因与改法的回答。
package validation

import (
	"cmp"
	"fmt"
	"strconv"

	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/fieldcheck"
	"github.com/kubellm/kubellm/apis/model"
)

const (
	// maxName 给成员上由名字派生的名字留出长度。
	maxName = 40

	minStartupSeconds = 60
	maxSeconds        = 86400
)

// ValidateModelName 校验名字：成员上的 Service 就叫这个名字，所以要以字母开头，不能有点。
func ValidateModelName(name string, prefix bool) []string {
	messages := apivalidation.NameIsDNS1035Label(name, prefix)
	if len(name) > maxName {
		messages = append(messages, fmt.Sprintf("must be at most %d characters, because the names of what runs on the member clusters are made from it (it has %d)", maxName, len(name)))
	}
	return messages
}

// ValidateModel 校验一个模型；它引用的集群与 Secret 不必已经存在，那由条件说明。
func ValidateModel(m *model.Model) field.ErrorList {
	spec, path := &m.Spec, field.NewPath("spec")
	errs := fieldcheck.NotReserved(m.Name, field.NewPath("metadata", "name"))
	errs = append(errs, validateEngine(spec, path.Child("engine"))...)
	errs = append(errs, withoutValues(validateSource(&spec.Source, path.Child("source")))...)
	errs = append(errs, validateSourceForEngine(&spec.Source, spec.Engine.Type, path.Child("source"))...)
	errs = append(errs, validateRenderable(spec, path)...)
	if spec.ServedName != nil {
		errs = append(errs, validateServedName(*spec.ServedName, path.Child("servedName"))...)
	}
	errs = append(errs, validateAdapters(m, path.Child("adapters"))...)
	errs = append(errs, validateResources(spec.Resources, path.Child("resources"))...)
	errs = append(errs, validatePlacement(spec.Placement, path.Child("placement"))...)
	errs = append(errs, validateScaling(spec.Scaling, path.Child("scaling"))...)
	errs = append(errs, validateRollout(spec.Rollout, path.Child("rollout"))...)
	errs = append(errs, validateCache(spec, path.Child("cache"))...)
	errs = append(errs, fieldcheck.Range(spec.StartupTimeoutSeconds, minStartupSeconds, maxSeconds, path.Child("startupTimeoutSeconds"))...)
	return append(errs, oneOf(spec.DeletionPolicy, path.Child("deletionPolicy"), model.DeletionDelete, model.DeletionOrphan)...)
}

// withoutValues 让回答不重复写的是什么：来源的每一处都有人误贴过令牌，或带密码的地址。字段已经指名了。
func withoutValues(errs field.ErrorList) field.ErrorList {
	for _, err := range errs {
		err.BadValue = field.OmitValueType{}
	}
	return errs
}

// ValidateModelUpdate 保证换不得的没有换：换了就等于另一个模型，成员上的东西跟不过去。
func ValidateModelUpdate(m, old *model.Model) field.ErrorList {
	spec := field.NewPath("spec")
	errs := immutable(m.Spec.Engine.Type, old.Spec.Engine.Type, spec.Child("engine", "type"), "another engine is another model")
	errs = append(errs, immutable(delivery(m), delivery(old), spec.Child("engine", "delivery"), "what runs on the members is of another kind")...)
	errs = append(errs, immutable(servedName(m), servedName(old), spec.Child("servedName"), "whoever calls the model by its name would lose it")...)
	return append(errs, validateCacheUpdate(m.Spec.Cache, old.Spec.Cache, spec.Child("cache"))...)
}

// validateCacheUpdate 成员上的卷声明建好之后只能变大。
func validateCacheUpdate(cache, old *model.Cache, path *field.Path) field.ErrorList {
	if cache == nil || old == nil {
		return nil
	}
	const why = "the volume on the member cannot follow; remove spec.cache first and add it again, which downloads the files anew"
	var errs field.ErrorList
	errs = append(errs, kept(cache.StorageClassName, old.StorageClassName, path.Child("storageClassName"), why)...)
	errs = append(errs, kept(cache.AccessMode, old.AccessMode, path.Child("accessMode"), why)...)
	if cache.Size.Cmp(old.Size) < 0 {
		errs = append(errs, field.Invalid(path.Child("size"), cache.Size.String(), fmt.Sprintf("cannot become smaller (it is %s): %s", old.Size.String(), why)))
	}
	return errs
}

// kept 保证可以不写的一项没有换、没有补写、也没有去掉；没写的说成没写，而不是空的引号。
func kept(is, was *string, path *field.Path, why string) field.ErrorList {
	if ptr.Equal(is, was) {
		return nil
	}
	var value any = field.OmitValueType{}
	if is != nil {
		value = *is
	}
	before := "not set"
	if was != nil {
		before = strconv.Quote(*was)
	}
	return field.ErrorList{field.Invalid(path, value, fmt.Sprintf("cannot be changed (it is %s): %s", before, why))}
}

func immutable[V cmp.Ordered](is, was V, path *field.Path, why string) field.ErrorList {
	if is == was {
		return nil
	}
	return field.ErrorList{field.Invalid(path, is, fmt.Sprintf("is immutable (it is %q): %s; delete the model and create another", fmt.Sprint(was), why))}
}

func delivery(m *model.Model) model.Delivery {
	return ptr.Deref(m.Spec.Engine.Delivery, model.DeliveryDeployment)
}

// servedName 是请求用来叫模型的名字：写明与没写明而同名的，不算改了。
func servedName(m *model.Model) string { return ptr.Deref(m.Spec.ServedName, m.Name) }

// oneOf 校验枚举；没写就不管。
func oneOf[V ~string](value *V, path *field.Path, choices ...V) field.ErrorList {
	if value == nil {
		return nil
	}
	for _, choice := range choices {
		if *value == choice {
			return nil
		}
	}
	return field.ErrorList{field.NotSupported(path, *value, choices)}
}

func validateLabelValue(value string, path *field.Path) field.ErrorList {
	return fieldcheck.Messages(value, path, validation.IsValidLabelValue(value))
}
