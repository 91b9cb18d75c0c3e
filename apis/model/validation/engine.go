package validation

import (
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/model"
)

// managed 是平台自己要写的参数或变量，以及用户想要同样效果时该怎么做。
type managed map[string]string

const (
	useServedName = "set spec.servedName instead"
	useSource     = "set spec.source instead"
	useCount      = "set spec.resources.accelerator.count instead"
	useContext    = "set spec.engine.contextLength instead"
	useAdapters   = "set spec.adapters instead"
	addressFixed  = "the Service and the probes need the address that the platform chooses"
	plainHTTP     = "the probes and the Service speak plain HTTP to the engine"
	noSecrets     = "arguments are no place for secrets: hand the token in through models/credentials or by a Secret reference"
	noKeys        = "access to models is decided by the platform's roles, and arguments are no place for secrets"
	oneNode       = "all accelerators of a replica are on one node"
	noOtherServer = "the probes need the engine's HTTP server"
	noFile        = "a file could set what the platform sets: give the arguments one by one"
)

// managedFlags 是各引擎里归平台的参数，含别名；引擎的帮助里怎么拼这里就怎么拼。
var managedFlags = map[model.EngineType]managed{
	model.EngineVLLM: {
		"--model": useSource, "--model-tag": useSource, "--revision": "set spec.source.huggingFace.revision instead",
		"--served-model-name": useServedName, "--host": addressFixed, "--port": addressFixed, "--uds": addressFixed,
		"--tensor-parallel-size": useCount, "-tp": useCount, "--max-model-len": useContext,
		"--enable-lora": useAdapters, "--no-enable-lora": useAdapters, "--lora-modules": useAdapters,
		"--api-key": noKeys, "--hf-token": noSecrets, "--config": noFile,
		"--ssl-keyfile": plainHTTP, "--ssl-certfile": plainHTTP, "--ssl-ca-certs": plainHTTP,
		"--headless": noOtherServer, "--grpc": noOtherServer,
		"--nnodes": oneNode, "-n": oneNode, "--node-rank": oneNode, "-r": oneNode,
	},
	model.EngineSGLang: {
		"--model-path": useSource, "--model": useSource, "--revision": "set spec.source.huggingFace.revision instead",
		"--served-model-name": useServedName, "--host": addressFixed, "--port": addressFixed,
		"--tensor-parallel-size": useCount, "--tp-size": useCount, "--tp": useCount, "--context-length": useContext,
		"--enable-metrics": "it is always on", "--enable-lora": useAdapters, "--lora-paths": useAdapters,
		"--api-key": noKeys, "--admin-api-key": noKeys, "--config": noFile,
		"--ssl-keyfile": plainHTTP, "--ssl-certfile": plainHTTP, "--ssl-ca-certs": plainHTTP,
		"--grpc-mode": noOtherServer, "--nnodes": oneNode, "--node-rank": oneNode,
	},
	model.EngineLlamaCpp: {
		"--model": useSource, "-m": useSource, "--model-url": useSource, "-mu": useSource,
		"--hf-repo": useSource, "-hf": useSource, "-hfr": useSource, "--hf-file": "set spec.source.huggingFace.file instead",
		"-hff": "set spec.source.huggingFace.file instead", "--docker-repo": useSource, "-dr": useSource,
		"--models-dir": useSource, "--models-preset": useSource,
		"--alias": useServedName, "-a": useServedName, "--host": addressFixed, "--port": addressFixed, "--api-prefix": addressFixed,
		"--ctx-size": useContext, "-c": useContext, "--metrics": "it is always on",
		"--n-gpu-layers": useCount, "--gpu-layers": useCount, "-ngl": useCount,
		"--hf-token": noSecrets, "-hft": noSecrets, "--api-key": noKeys, "--api-key-file": noKeys,
		"--ssl-key-file": plainHTTP, "--ssl-cert-file": plainHTTP,
	},
}

// managedEnv 是归平台的环境变量：容器以普通用户运行，主目录与缓存只有这几处可写，凭证只从 Secret 来。
var managedEnv = managed{
	"HOME": "the platform gives the engine a writable home", "USER": "the platform names the user that the engine runs as",
	"HF_HOME": "the platform puts it on the cache: set spec.cache to keep it", "LLAMA_CACHE": "the platform puts it on the cache: set spec.cache to keep it",
	"HF_TOKEN":               "hand the token in through models/credentials or set spec.source.huggingFace.tokenSecretRef",
	"HUGGING_FACE_HUB_TOKEN": "hand the token in through models/credentials or set spec.source.huggingFace.tokenSecretRef",
	"AWS_ACCESS_KEY_ID":      "hand the keys in through models/credentials or set spec.source.s3.credentialsSecretRef",
	"AWS_SECRET_ACCESS_KEY":  "hand the keys in through models/credentials or set spec.source.s3.credentialsSecretRef",
	"AWS_SESSION_TOKEN":      "hand the keys in through models/credentials or set spec.source.s3.credentialsSecretRef",
	"AWS_REGION":             "set spec.source.s3.region instead", "AWS_DEFAULT_REGION": "set spec.source.s3.region instead",
	"AWS_ENDPOINT_URL": "set spec.source.s3.endpoint instead", "AWS_EC2_METADATA_DISABLED": "set spec.source.s3.endpoint instead",
	"RUNAI_STREAMER_S3_USE_VIRTUAL_ADDRESSING": "set spec.source.s3.endpoint instead",
	"VLLM_API_KEY": noKeys, "LLAMA_API_KEY": noKeys, "VLLM_ADDITIONAL_ARGS": "set spec.engine.args instead",
}

// ManagedFlag says whether the platform keeps an argument for itself, given as
// a user wrote it (--port, --port=1, --served_model_name, -tp), and what to do
// instead.
func ManagedFlag(engine model.EngineType, arg string) (why string, taken bool) {
	name, _, _ := strings.Cut(arg, "=")
	if !strings.HasPrefix(name, "-") {
		return "", false
	}
	flags := managedFlags[engine]
	if !strings.HasPrefix(name, "--") {
		why, taken = flags[name]
		return why, taken
	}
	// 三个引擎都把长参数里的下划线当连字符。
	name = strings.ReplaceAll(name, "_", "-")
	if why, taken = flags[name]; taken || engine == model.EngineLlamaCpp {
		return why, taken
	}
	return abbreviated(flags, name)
}

// abbreviated 认出缩写：argparse 收没有歧义的前缀，--por 也是 --port。
func abbreviated(flags managed, name string) (why string, taken bool) {
	shortest := ""
	for flag := range flags {
		if len(name) > len("--") && strings.HasPrefix(flag, name) && (shortest == "" || len(flag) < len(shortest) || len(flag) == len(shortest) && flag < shortest) {
			shortest = flag
		}
	}
	if shortest == "" {
		return "", false
	}
	return fmt.Sprintf("it could be read as %s: %s", shortest, flags[shortest]), true
}

// ManagedEnv says whether the platform keeps an environment variable for
// itself, and what to do instead.
func ManagedEnv(engine model.EngineType, name string) (why string, taken bool) {
	if why, taken = managedEnv[name]; taken {
		return why, true
	}
	// llama.cpp 的每个参数都另有一个变量，绕过参数的检查就白查了。
	if flag, found := strings.CutPrefix(name, "LLAMA_ARG_"); found && engine == model.EngineLlamaCpp {
		return fmt.Sprintf("variables of this form are arguments: put --%s in spec.engine.args", strings.ToLower(strings.ReplaceAll(flag, "_", "-"))), true
	}
	if strings.HasPrefix(name, "RCLONE_") {
		return "the platform configures the download", true
	}
	return "", false
}

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
	if auto := autoscaling(spec); auto != nil && ptr.Deref(auto.MinReplicas, 1) == 0 {
		errs = append(errs, field.Invalid(path.Child("scaling", "autoscaling", "minReplicas"), 0,
			"must be at least 1: the number of requests is read from the replicas, so nothing would wake a model without any; set spec.suspended to stop it"))
	}
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
	return field.ErrorList{field.Invalid(path, ptr.Deref(file, ""), "must name one file that ends in .gguf, because LlamaCpp loads a single file")}
}

// validateFirstArg 第一个必须是参数名：前面的参数收任意多个值，一个光杆的值会被它吞下。
func validateFirstArg(spec *model.ModelSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if args := spec.Engine.Args; len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		errs = append(errs, field.Invalid(path.Index(0), field.OmitValueType{}, "the first argument must begin with a hyphen: a bare value would be read as one more value of an argument that the platform makes"))
	}
	for i, arg := range spec.Engine.Args {
		name, _, _ := strings.Cut(strings.ReplaceAll(arg, "_", "-"), "=")
		if spec.Source.S3 != nil && spec.Engine.Type != model.EngineLlamaCpp && len(name) > len("--l") && strings.HasPrefix(loadFormat, name) {
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
		errs = append(errs, field.Invalid(path.Child("pvc", "path"), *source.PVC.Path, "must not contain an equals sign, which parts an adapter's name from its path"))
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
		errs = append(errs, field.Invalid(path.Child("engine", "delivery"), model.DeliveryKServe, "KServe's LLMInferenceService runs vLLM: choose VLLM, or the delivery Deployment"))
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
	for i, arg := range spec.Engine.Args {
		if !kserveArg.MatchString(arg) {
			errs = append(errs, field.Invalid(path.Child("engine", "args").Index(i), field.OmitValueType{}, "KServe reads arguments through a shell, so only letters, digits and _./:,=@%+- reach the engine unchanged: choose the delivery Deployment for others"))
		}
	}
	for i := range spec.Adapters {
		if spec.Adapters[i].Source.OCI != nil {
			errs = append(errs, field.Forbidden(path.Child("adapters").Index(i).Child("source", "oci"), "KServe takes adapters from huggingFace or pvc only"))
		}
	}
	return errs
}
