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
	f := flags{"--model-path", l.path, "--served-model-name", l.servedName, "--enable-metrics"}
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
	f.address()
	return f
}

// env 让 /health 只答服务器在不在：默认它要等引擎生成一个词，一段长提示就能让几次探针都等不到，
// 忙着的副本因此被杀掉。真卡住了，引擎自己的看门狗会结束它。
func (sglang) env(launch) []corev1.EnvVar {
	return []corev1.EnvVar{{Name: "SGLANG_ENABLE_HEALTH_ENDPOINT_GENERATION", Value: "false"}}
}

func (sglang) load() (running, waiting string) {
	return "sglang:num_running_reqs", "sglang:num_queue_reqs"
}
