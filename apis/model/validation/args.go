package validation

import (
	"fmt"
	"strings"

	"github.com/kubellm/kubellm/apis/model"
)

// managed 是平台自己要写的、或会让平台看不见引擎的参数与变量，以及用户想要同样效果时该怎么做。
type managed map[string]string

const (
	useServedName = "set spec.servedName instead"
	useSource     = "set spec.source instead"
	useRevision   = "set spec.source.huggingFace.revision instead"
	useFile       = "set spec.source.huggingFace.file instead"
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
	alwaysOn      = "it is always on"
	onlyPrints    = "the engine would print something and end"
)

// managedFlags 是各引擎里归平台的参数，一个参数的每种写法都在；引擎的帮助里怎么拼这里就怎么拼。
var managedFlags = map[model.EngineType]managed{
	model.EngineVLLM: {
		"--model": useSource, "--revision": useRevision,
		"--served-model-name": useServedName, "--host": addressFixed, "--port": addressFixed, "--uds": addressFixed,
		"--tensor-parallel-size": useCount, "-tp": useCount, "--max-model-len": useContext,
		"--enable-lora": useAdapters, "--no-enable-lora": useAdapters, "--lora-modules": useAdapters,
		"--api-key": noKeys, "--hf-token": noSecrets, "--config": noFile,
		"--ssl-keyfile": plainHTTP, "--ssl-certfile": plainHTTP, "--ssl-ca-certs": plainHTTP,
		"--headless": noOtherServer, "--grpc": noOtherServer,
		"--data-parallel-multi-port-external-lb": addressFixed, "-dpm": addressFixed,
		"--nnodes": oneNode, "-n": oneNode, "--node-rank": oneNode, "-r": oneNode,
		"--help": onlyPrints, "-h": onlyPrints,
	},
	model.EngineSGLang: {
		"--model-path": useSource, "--model": useSource, "--revision": useRevision,
		"--served-model-name": useServedName, "--host": addressFixed, "--port": addressFixed,
		"--tensor-parallel-size": useCount, "--tp-size": useCount, "--context-length": useContext,
		"--enable-metrics": alwaysOn, "--enable-lora": useAdapters, "--lora-paths": useAdapters,
		"--api-key": noKeys, "--admin-api-key": noKeys, "--config": noFile,
		"--ssl-keyfile": plainHTTP, "--ssl-certfile": plainHTTP, "--ssl-ca-certs": plainHTTP, "--ssl-keyfile-password": noSecrets,
		"--grpc-mode": noOtherServer, "--smg-grpc-mode": noOtherServer, "--encoder-only": noOtherServer,
		"--nnodes": oneNode, "--node-rank": oneNode,
		"--help": onlyPrints, "-h": onlyPrints,
	},
	model.EngineLlamaCpp: {
		"--model": useSource, "-m": useSource, "--model-url": useSource, "-mu": useSource,
		"--hf-repo": useSource, "-hf": useSource, "-hfr": useSource, "--hf-file": useFile, "-hff": useFile,
		"--docker-repo": useSource, "-dr": useSource, "--models-dir": useSource, "--models-preset": useSource,
		"--alias": useServedName, "-a": useServedName, "--host": addressFixed, "--port": addressFixed, "--api-prefix": addressFixed,
		"--ctx-size": useContext, "-c": useContext, "--metrics": alwaysOn,
		"--n-gpu-layers": useCount, "--gpu-layers": useCount, "-ngl": useCount,
		"--hf-token": noSecrets, "-hft": noSecrets, "--api-key": noKeys, "--api-key-file": noKeys,
		"--ssl-key-file": plainHTTP, "--ssl-cert-file": plainHTTP,
		"--help": onlyPrints, "-h": onlyPrints, "--usage": onlyPrints, "--version": onlyPrints, "--cache-list": onlyPrints, "-cl": onlyPrints,
		"--completion-bash": onlyPrints, "--list-devices": onlyPrints,
	},
}

// wholeNames 是自成一名的参数，虽然也是归平台的某个的开头；引擎先认整个的名字。
var wholeNames = map[model.EngineType]string{model.EngineVLLM: "-dp"}

// managedEnv 是归平台的环境变量：容器以普通用户运行，主目录与缓存只有这几处可写，凭证只从 Secret 来。
var managedEnv = managed{
	"HOME": "the platform gives the engine a writable home", "USER": "the platform names the user that the engine runs as",
	"HF_HOME": useCache, "HF_HUB_CACHE": useCache, "HUGGINGFACE_HUB_CACHE": useCache, "LLAMA_CACHE": useCache,
	"HF_TOKEN": useToken, "HUGGING_FACE_HUB_TOKEN": useToken,
	"AWS_ACCESS_KEY_ID": useKeys, "AWS_SECRET_ACCESS_KEY": useKeys, "AWS_SESSION_TOKEN": useKeys,
	"AWS_REGION": "set spec.source.s3.region instead", "AWS_DEFAULT_REGION": "set spec.source.s3.region instead",
	"AWS_ENDPOINT_URL": useEndpoint, "AWS_ENDPOINT_URL_S3": useEndpoint, "AWS_EC2_METADATA_DISABLED": useEndpoint,
	"RUNAI_STREAMER_S3_USE_VIRTUAL_ADDRESSING": useEndpoint,
	"SGLANG_ENABLE_HEALTH_ENDPOINT_GENERATION": "the probes must be answered while the engine is busy",
	"VLLM_API_KEY": noKeys, "LLAMA_API_KEY": noKeys, "VLLM_ADDITIONAL_ARGS": "set spec.engine.args instead",
}

const (
	useCache    = "the platform puts it on the cache: set spec.cache to keep it"
	useToken    = "hand the token in through models/credentials or set spec.source.huggingFace.tokenSecretRef"
	useKeys     = "hand the keys in through models/credentials or set spec.source.s3.credentialsSecretRef"
	useEndpoint = "set spec.source.s3.endpoint instead"
)

// ManagedFlag says whether the platform keeps an argument for itself, given as
// a user wrote it (--port, --port=1, --served_model_name, -tp, --por), and why
// and what to do instead. The answer never repeats what the user wrote, which
// may hold a secret.
func ManagedFlag(engine model.EngineType, arg string) (why string, taken bool) {
	found := ""
	for flag := range managedFlags[engine] {
		if MayMean(engine, arg, flag) && (found == "" || nearer(flag, found)) {
			found = flag
		}
	}
	switch {
	case found != "":
		return fmt.Sprintf("%s, or what could be read as it, is the platform's: %s", found, managedFlags[engine][found]), true
	case engine == model.EngineLlamaCpp && preset(spelled(engine, arg)):
		return fmt.Sprintf("an argument of the kind --…-default chooses a model and an address: %s", useSource), true
	}
	return "", false
}

// nearer 让回答只有一种：短的离写的更近，一样长的按字母。
func nearer(flag, than string) bool {
	return len(flag) < len(than) || len(flag) == len(than) && flag < than
}

// preset 是 llama.cpp 的成套参数：它们换掉模型，有的还换掉端口。--spec-default 只管推测解码。
func preset(name string) bool {
	return name != "--spec-default" && strings.HasPrefix(name, "--") && (strings.HasSuffix(name, "-default") || strings.HasSuffix(name, "-spec"))
}

// MayMean says whether an engine could read an argument, given as a user wrote
// it, as the option that its help spells flag.
func MayMean(engine model.EngineType, arg, flag string) bool {
	name := spelled(engine, arg)
	if name == flag {
		return true
	}
	if engine == model.EngineLlamaCpp || len(name) < 2 || name[0] != '-' || name == wholeNames[engine] {
		return false
	}
	long := strings.HasPrefix(name, "--")
	switch {
	case long && len(name) == len("--"):
		return false
	case strings.HasPrefix(flag, name) && long == strings.HasPrefix(flag, "--"):
		return true // argparse 收没有歧义的缩写：--por 也是 --port，-t 也是 -tp。
	}
	// argparse 让一个字母的参数与值连写：-n4 就是 -n 4。
	return !long && len(flag) == 2 && strings.HasPrefix(name, flag)
}

// spelled 是参数的名字，写成帮助里的样子：去掉等号之后的值，长名里的下划线换成连字符。
func spelled(engine model.EngineType, arg string) string {
	name, _, _ := strings.Cut(arg, "=")
	if engine == model.EngineVLLM {
		// vLLM 把 --lora-modules.name x 并成 --lora-modules 的 JSON 值。
		name, _, _ = strings.Cut(name, ".")
	}
	if strings.HasPrefix(name, "--") {
		name = strings.ReplaceAll(name, "_", "-")
	}
	return name
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
