package validation

import (
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/fieldcheck"
	"github.com/kubellm/kubellm/apis/model"
)

const (
	maxServedName = 128
	maxAdapters   = 32
	maxArgs       = 128
	maxArg        = 4096
	maxEnv        = 128
	maxEnvValue   = 32768
	// maxEnvTotal 让一份合格的模型总是存得下：etcd 的一次写入有上限。
	maxEnvTotal = 256 << 10
	maxContext  = 100_000_000
)

var servedNameShape = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/:@-]*$`)

// validateEngine 校验引擎、它的参数与环境变量，以及它能不能这样交付。
func validateEngine(spec *model.ModelSpec, path *field.Path) field.ErrorList {
	engine := &spec.Engine
	var errs field.ErrorList
	if engine.Type == "" {
		errs = append(errs, field.Required(path.Child("type"), "choose the engine: VLLM, SGLang or LlamaCpp"))
	} else {
		errs = append(errs, oneOf(&engine.Type, path.Child("type"), model.EngineVLLM, model.EngineSGLang, model.EngineLlamaCpp)...)
	}
	errs = append(errs, oneOf(engine.Delivery, path.Child("delivery"), model.DeliveryDeployment, model.DeliveryKServe)...)
	if engine.Type == model.EngineLlamaCpp && ptr.Deref(engine.Delivery, "") == model.DeliveryKServe {
		errs = append(errs, field.Invalid(path.Child("delivery"), model.DeliveryKServe, "KServe does not run LlamaCpp: deliver it as a Deployment, or choose VLLM or SGLang"))
	}
	if engine.Image != nil {
		errs = append(errs, withoutValues(validateImage(*engine.Image, path.Child("image")))...)
	}
	errs = append(errs, fieldcheck.Range(engine.ContextLength, 1, maxContext, path.Child("contextLength"))...)
	errs = append(errs, validateArgs(engine, path.Child("args"))...)
	return append(errs, validateEnv(engine, path.Child("env"))...)
}

// validateArgs 拒绝平台自己给的参数：后写的会盖掉前面的，模型就不在平台以为的地方服务了。
func validateArgs(engine *model.Engine, path *field.Path) field.ErrorList {
	if errs := fieldcheck.Count(len(engine.Args), maxArgs, path); len(errs) > 0 {
		return errs
	}
	var errs field.ErrorList
	for i, arg := range engine.Args {
		why, managed := ManagedFlag(engine.Type, arg)
		switch {
		case len(arg) > maxArg:
			errs = append(errs, field.TooLong(path.Index(i), "", maxArg))
		case strings.ContainsRune(arg, 0):
			errs = append(errs, field.Invalid(path.Index(i), field.OmitValueType{}, "must not contain the character NUL"))
		case managed:
			errs = append(errs, field.Invalid(path.Index(i), field.OmitValueType{}, why))
		}
	}
	return errs
}

func validateEnv(engine *model.Engine, path *field.Path) field.ErrorList {
	if errs := fieldcheck.Count(len(engine.Env), maxEnv, path); len(errs) > 0 {
		return errs
	}
	var errs field.ErrorList
	names, total := make([]string, 0, len(engine.Env)), 0
	for i, env := range engine.Env {
		at := path.Index(i)
		names, total = append(names, env.Name), total+len(env.Name)+len(env.Value)
		malformed := validation.IsEnvVarName(env.Name)
		if why, managed := ManagedEnv(engine.Type, env.Name); managed && len(malformed) == 0 {
			errs = append(errs, field.Invalid(at.Child("name"), env.Name, fmt.Sprintf("is set by the platform: %s", why)))
		}
		// 名字里误写了等号和值、值里误放了密文的都有，回答不重复它们。
		errs = append(errs, fieldcheck.Messages(field.OmitValueType{}, at.Child("name"), malformed)...)
		if len(env.Value) > maxEnvValue {
			errs = append(errs, field.TooLong(at.Child("value"), "", maxEnvValue))
		}
	}
	if total > maxEnvTotal {
		errs = append(errs, field.Invalid(path, field.OmitValueType{}, fmt.Sprintf(
			"all names and values together must not be longer than %d bytes (they have %d): put large ones into the engine's image", maxEnvTotal, total)))
	}
	if len(errs) > 0 {
		return errs
	}
	return distinctNames(names, path)
}

// validateAdapters 适配器与模型本身共用一个名字空间：请求只凭名字分辨它们。
func validateAdapters(m *model.Model, path *field.Path) field.ErrorList {
	if errs := fieldcheck.Count(len(m.Spec.Adapters), maxAdapters, path); len(errs) > 0 {
		return errs
	}
	var errs field.ErrorList
	names := make([]string, 0, len(m.Spec.Adapters))
	for i := range m.Spec.Adapters {
		adapter, at := &m.Spec.Adapters[i], path.Index(i)
		names = append(names, adapter.Name)
		errs = append(errs, validateServedName(adapter.Name, at.Child("name"))...)
		if adapter.Name != "" && adapter.Name == servedName(m) {
			errs = append(errs, field.Invalid(at.Child("name"), adapter.Name, "is the name that requests call the model itself by: give the adapter another"))
		}
		errs = append(errs, withoutValues(validateSource(&adapter.Source, at.Child("source")))...)
	}
	return append(errs, distinctNames(names, path)...)
}

func validateServedName(name string, path *field.Path) field.ErrorList {
	if name == "" {
		return field.ErrorList{field.Required(path, "say by which name requests call it")}
	}
	return shaped(name, servedNameShape, maxServedName, path, "must be letters, digits and ._/:@-, starting with a letter or digit")
}

// distinctNames 报告列表里重名的项。
func distinctNames(names []string, path *field.Path) field.ErrorList {
	errs := fieldcheck.Distinct(names, path)
	for _, err := range errs {
		err.Field += ".name"
	}
	return errs
}
