package engine

import corev1 "k8s.io/api/core/v1"

// llamaCpp 是 llama.cpp 的服务器：装一个 GGUF 文件，没有加速器也能跑。
type llamaCpp struct{}

const (
	imageLlamaCpp    = "ghcr.io/ggml-org/llama.cpp:server-cuda-b11243"
	imageLlamaCppCPU = "ghcr.io/ggml-org/llama.cpp:server-b11243"

	// allLayers 比任何模型的层数都多：全放到加速器上。
	allLayers = "99"
)

func (llamaCpp) image(accelerated bool) string {
	if accelerated {
		return imageLlamaCpp
	}
	return imageLlamaCppCPU
}

func (llamaCpp) command() []string { return []string{"/app/llama-server"} }

func (llamaCpp) args(l launch) []string {
	var f flags
	if hub := l.model.Spec.Source.HuggingFace; hub != nil {
		f.add("--hf-repo", l.path)
		f.optional("--hf-file", hub.File)
	} else {
		f.add("--model", l.path)
	}
	f.add("--alias", l.servedName)
	f.number("--ctx-size", l.model.Spec.Engine.ContextLength)
	if l.accelerators > 0 {
		f.add("--n-gpu-layers", allLayers)
	}
	f.add("--metrics")
	f.address()
	return f
}

func (llamaCpp) env(launch) []corev1.EnvVar {
	return []corev1.EnvVar{{Name: "LLAMA_CACHE", Value: cachePath + "/llama.cpp"}}
}

func (llamaCpp) load() (running, waiting string) {
	return "llamacpp:requests_processing", "llamacpp:requests_deferred"
}
