package engine

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
)

// sglang 是 SGLang。
type sglang struct{}

const imageSGLang = "lmsysorg/sglang:v0.5.18"

func (sglang) image(bool) string { return imageSGLang }

func (sglang) command() []string { return []string{"python3", "-m", "sglang.launch_server"} }

func (sglang) args(l launch) []string {
	f := flags{
		"--model-path", l.path, "--served-model-name", l.servedName,
		"--host", "0.0.0.0", "--port", fmt.Sprint(port), "--enable-metrics",
	}
	if hub := l.model.Spec.Source.HuggingFace; hub != nil {
		f.optional("--revision", hub.Revision)
	}
	if l.model.Spec.Source.S3 != nil {
		f.add("--load-format", "runai_streamer")
	}
	if l.accelerators > 1 {
		f.add("--tp-size", fmt.Sprint(l.accelerators))
	}
	f.number("--context-length", l.model.Spec.Engine.ContextLength)
	f.lora("--lora-paths", l.adapters)
	return f
}

func (sglang) env(launch) []corev1.EnvVar { return nil }

func (sglang) load() (running, waiting string) {
	return "sglang:num_running_reqs", "sglang:num_queue_reqs"
}
