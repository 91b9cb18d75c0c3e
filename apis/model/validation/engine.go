package validation

import (
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/model"
)

// loadFormat 只有从 S3 读时归平台：那时只有一种读得了。
const loadFormat = "--load-format"

// ggufSuffix 结尾的才是 llama.cpp 能装的单个文件。
const ggufSuffix = ".gguf"

// kserveArg 是经 KServe 能原样到达引擎的参数：它的预设拿一个 shell 把参数重新读一遍，别的字在那里另有意思。
var kserveArg = regexp.MustCompile(`^[A-Za-z0-9_./:,=@%+-]+$`)

// validateRenderable 拒绝引擎或交付方式做不到的组合，而不是悄悄丢掉其中一半。
func validateRenderable(spec *model.ModelSpec, path *field.Path) field.ErrorList {
	errs := validateFiles(&spec.Source, spec.Engine.Type, path.Child("source"))
	errs = append(errs, validateFirstArg(spec, path.Child("engine", "args"))...)
	errs = append(errs, validateServable(spec, path.Child("adapters"))...)
	if ptr.Deref(spec.Engine.Delivery, model.DeliveryDeployment) == model.DeliveryKServe {
		errs = append(errs, validateKServe(spec, path)...)
	}
	return errs
}

func autoscaling(spec *model.ModelSpec) *model.Autoscaling {
	if spec.Scaling == nil {
		return nil
	}
	return spec.Scaling.Autoscaling
}

// validateFiles 对照引擎装得了什么：llama.cpp 装一个 GGUF 文件，另两个装一个目录。
func validateFiles(source *model.ModelSource, engine model.EngineType, path *field.Path) field.ErrorList {
	if engine == model.EngineLlamaCpp {
		return validateSingleFile(source, path)
	}
	if source.HuggingFace != nil && source.HuggingFace.File != nil {
		return field.ErrorList{field.Forbidden(path.Child("huggingFace", "file"), fmt.Sprintf("%s loads a whole repository: remove it", engine))}
	}
	return nil
}

func validateSingleFile(source *model.ModelSource, path *field.Path) field.ErrorList {
	switch {
	case source.HuggingFace != nil && source.HuggingFace.Revision != nil:
		return field.ErrorList{field.Forbidden(path.Child("huggingFace", "revision"), "LlamaCpp takes the repository's default branch only: remove it")}
	case source.S3 != nil:
		return gguf(source.S3.Prefix, path.Child("s3", "prefix"))
	case source.PVC != nil:
		return gguf(source.PVC.Path, path.Child("pvc", "path"))
	}
	return nil
}

func gguf(file *string, path *field.Path) field.ErrorList {
	if strings.HasSuffix(ptr.Deref(file, ""), ggufSuffix) {
		return nil
	}
	return field.ErrorList{field.Invalid(path, field.OmitValueType{}, "must name one file that ends in .gguf, because LlamaCpp loads a single file")}
}

// argName 是参数名的样子：负数、光杆的连字符、名与值写在一起中间隔着空格的，引擎都当作值。
var argName = regexp.MustCompile(`^--?[A-Za-z][^\s=]*(=|$)`)

// validateFirstArg 第一个必须是参数名：光杆的值会被当成前一个参数的。
func validateFirstArg(spec *model.ModelSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if args := spec.Engine.Args; len(args) > 0 && !argName.MatchString(args[0]) {
		errs = append(errs, field.Invalid(path.Index(0), field.OmitValueType{},
			"the first argument must be the name of one, such as --max-num-seqs, with its value as an argument of its own or after an equals sign: "+
				"a bare value belongs to no argument"))
	}
	for i, arg := range spec.Engine.Args {
		if spec.Source.S3 != nil && spec.Engine.Type != model.EngineLlamaCpp && MayMean(spec.Engine.Type, arg, loadFormat) {
			errs = append(errs, field.Forbidden(path.Index(i), "the platform sets --load-format for models in S3: remove it"))
		}
	}
	return errs
}

// validateServable 校验适配器取不取得到。凭证一个模型一套，所以适配器不另带。
func validateServable(spec *model.ModelSpec, path *field.Path) field.ErrorList {
	if len(spec.Adapters) > 0 && spec.Engine.Type == model.EngineLlamaCpp {
		return field.ErrorList{field.Forbidden(path, "LlamaCpp serves no adapters under names of their own: choose VLLM or SGLang, or merge the adapter into the model")}
	}
	var errs field.ErrorList
	for i := range spec.Adapters {
		errs = append(errs, validateAdapterFiles(&spec.Adapters[i].Source, spec.Engine.Type, path.Index(i).Child("source"))...)
	}
	return errs
}

func validateAdapterFiles(source *model.ModelSource, engine model.EngineType, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	const oneSet = "a model has one set of credentials for all its files: set it in spec.source, or hand it in through models/credentials"
	if hub := source.HuggingFace; hub != nil {
		if hub.Revision != nil {
			errs = append(errs, field.Forbidden(path.Child("huggingFace", "revision"), fmt.Sprintf("%s takes the default branch of an adapter's repository only: remove it", engine)))
		}
		if hub.File != nil {
			errs = append(errs, field.Forbidden(path.Child("huggingFace", "file"), fmt.Sprintf("%s loads a whole repository: remove it", engine)))
		}
		if hub.TokenSecretRef != nil {
			errs = append(errs, field.Forbidden(path.Child("huggingFace", "tokenSecretRef"), oneSet))
		}
	}
	if source.OCI != nil && source.OCI.PullSecretRef != nil {
		errs = append(errs, field.Forbidden(path.Child("oci", "pullSecretRef"), oneSet))
	}
	if source.PVC != nil && strings.Contains(ptr.Deref(source.PVC.Path, ""), "=") {
		errs = append(errs, field.Invalid(path.Child("pvc", "path"), field.OmitValueType{}, "must not contain an equals sign, which parts an adapter's name from its path"))
	}
	if source.S3 != nil {
		errs = append(errs, field.Forbidden(path.Child("s3"), fmt.Sprintf("%s cannot read adapters from S3: use huggingFace, oci or pvc", engine)))
	}
	return errs
}

// validateKServe 拒绝 KServe 的预设会忽略或改写的。
func validateKServe(spec *model.ModelSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if spec.Engine.Type == model.EngineSGLang {
		errs = append(errs, field.Invalid(path.Child("engine", "delivery"), model.DeliveryKServe,
			"KServe's LLMInferenceService runs vLLM: choose VLLM, or the delivery Deployment"))
	}
	if autoscaling(spec) != nil {
		errs = append(errs, field.Forbidden(path.Child("scaling", "autoscaling"), "KServe owns the number of replicas it runs: set spec.scaling.replicas, or choose the delivery Deployment"))
	}
	if spec.Cache != nil {
		errs = append(errs, field.Forbidden(path.Child("cache"), "KServe downloads into the pod: remove it, or choose the delivery Deployment"))
	}
	if spec.Rollout != nil && ptr.Deref(spec.Rollout.Type, model.RolloutRolling) == model.RolloutRecreate {
		errs = append(errs, field.Invalid(path.Child("rollout", "type"), model.RolloutRecreate, "KServe rolls replicas only: choose Rolling, or the delivery Deployment"))
	}
	errs = append(errs, validateKServeRollout(spec.Rollout, path.Child("rollout"))...)
	for i, arg := range spec.Engine.Args {
		if !kserveArg.MatchString(arg) {
			errs = append(errs, field.Invalid(path.Child("engine", "args").Index(i), field.OmitValueType{},
				"KServe reads arguments through a shell, so only letters, digits and _./:,=@%+- reach the engine unchanged: "+
					"choose the delivery Deployment for others"))
		}
	}
	for i := range spec.Adapters {
		if spec.Adapters[i].Source.OCI != nil {
			errs = append(errs, field.Forbidden(path.Child("adapters").Index(i).Child("source", "oci"), "KServe takes adapters from huggingFace or pvc only"))
		}
	}
	return errs
}

// validateKServeRollout 只放行默认的数：LLMInferenceService 没有放它们的字段，写了别的也不会照办。
func validateKServeRollout(rollout *model.Rollout, path *field.Path) field.ErrorList {
	const why = "KServe rolls out by rules of its own: remove it, or choose the delivery Deployment"
	if rollout == nil {
		return nil
	}
	var errs field.ErrorList
	if surge := ptr.Deref(rollout.MaxSurge, 0); surge != 0 {
		errs = append(errs, field.Invalid(path.Child("maxSurge"), surge, why))
	}
	if unavailable := ptr.Deref(rollout.MaxUnavailable, 1); unavailable != 1 {
		errs = append(errs, field.Invalid(path.Child("maxUnavailable"), unavailable, why))
	}
	return errs
}
