package engine

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	model "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// backend 是一种引擎的说法：一种一个文件，除此之外都一样。
type backend interface {
	// image 是钉住版本的镜像；换版本时 flags 要有那个版本的参数表。
	image(accelerated bool) string
	command() []string
	// args 是用户的参数之前的那些，次序固定。
	args(launch) []string
	env(launch) []corev1.EnvVar
	// load 是正在处理与排队的请求数在 /metrics 里的名字。
	load() (running, waiting string)
}

// launch 是引擎启动时要知道的。
type launch struct {
	model      *model.Model
	servedName string
	// path 是文件所在：仓库名、s3:// 地址或挂载的路径。
	path     string
	adapters []adapter
	// accelerators 为零时只用处理器。
	accelerators int32
}

// adapter 是一个 LoRA 适配器：名字与文件所在。
type adapter struct{ name, path string }

var backends = map[model.EngineType]backend{
	model.EngineVLLM:     vllm{},
	model.EngineSGLang:   sglang{},
	model.EngineLlamaCpp: llamaCpp{},
}

// engineOf 找出引擎；新的类型先要有人在这里说它怎样启动。
func engineOf(m *model.Model) (backend, error) {
	if e, ok := backends[m.Spec.Engine.Type]; ok {
		return e, nil
	}
	return nil, fmt.Errorf("render model %s/%s: no engine of type %q is known; set spec.engine.type to VLLM, SGLang or LlamaCpp", m.Namespace, m.Name, m.Spec.Engine.Type)
}

// binary 是引擎给人看的名字，用在标签里。
func binary(t model.EngineType) string {
	switch t {
	case model.EngineVLLM:
		return "vllm"
	case model.EngineSGLang:
		return "sglang"
	}
	return "llama.cpp"
}

// flags 逐个攒参数：可选的没写就不出现，引擎因此用它自己的取值。
type flags []string

func (f *flags) add(values ...string) { *f = append(*f, values...) }

func (f *flags) optional(name string, value *string) {
	if value != nil && *value != "" {
		f.add(name, *value)
	}
}

func (f *flags) number(name string, value *int32) {
	if value != nil {
		f.add(name, fmt.Sprint(*value))
	}
}

// address 是最后两个，各带恰好一个值：用户的参数里开头若是光杆的值，就没有哪个参数会把它当成自己的。
func (f *flags) address() { f.add("--host", "0.0.0.0", "--port", fmt.Sprint(port)) }

// lora 打开适配器并逐个列出；两个引擎只是列出的参数叫法不同。
func (f *flags) lora(list string, adapters []adapter) {
	if len(adapters) == 0 {
		return
	}
	f.add("--enable-lora", list)
	for _, a := range adapters {
		f.add(a.name + "=" + a.path)
	}
}
