package engine

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
)

// vllm 是 vLLM。它的 /metrics 总是开着，没有开它的参数。
type vllm struct{}

const imageVLLM = "vllm/vllm-openai:v0.30.0"

func (vllm) image(bool) string { return imageVLLM }

func (vllm) command() []string { return []string{"vllm", "serve"} }

func (vllm) args(l launch) []string {
	f := flags{l.path, "--served-model-name", l.servedName}
	if hub := l.model.Spec.Source.HuggingFace; hub != nil {
		f.optional("--revision", hub.Revision)
	}
	if l.model.Spec.Source.S3 != nil {
		f.add("--load-format", "runai_streamer")
	}
	if l.accelerators > 1 {
		f.add("--tensor-parallel-size", fmt.Sprint(l.accelerators))
	}
	f.number("--max-model-len", l.model.Spec.Engine.ContextLength)
	f.lora("--lora-modules", l.adapters)
	f.address()
	return f
}

func (vllm) env(launch) []corev1.EnvVar { return nil }

func (vllm) load() (running, waiting string) {
	return "vllm:num_requests_running", "vllm:num_requests_waiting"
}
