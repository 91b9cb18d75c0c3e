package model

import (
	"strings"
	"testing"

	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/model"
	"github.com/kubellm/kubellm/internal/controller/engine/flags"
)

// TestEngineWarnings 警告只指出字段；写了什么不重复，那可能正是密文。
func TestEngineWarnings(t *testing.T) {
	const token = "hf_NotForAnyEyesNotForAnyEyes"
	type env = []model.EnvVar
	for name, c := range map[string]struct {
		why    string
		engine model.Engine
		want   []string
	}{
		"nothing given":       {"there is nothing to warn about", model.Engine{Type: model.EngineVLLM}, nil},
		"known arguments":     {"the engine takes them", model.Engine{Type: model.EngineVLLM, Args: []string{"--max-num-seqs", "64", "--no-enable-prefix-caching"}}, nil},
		"misspelt":            {"the engine would not start", model.Engine{Type: model.EngineVLLM, Args: []string{"--max-num-seqs", "64", "--max-num-sequences=64"}}, []string{"spec.engine.args[2]"}},
		"of another engine":   {"SGLang has it, vLLM does not", model.Engine{Type: model.EngineVLLM, Args: []string{"--mem-fraction-static=0.8"}}, []string{"spec.engine.args[0]"}},
		"another image":       {"nobody knows what its version takes", model.Engine{Type: model.EngineVLLM, Image: ptr.To("example.org/vllm:nightly"), Args: []string{"--brand-new"}}, nil},
		"by KServe":           {"KServe chooses the image", model.Engine{Type: model.EngineVLLM, Delivery: ptr.To(model.DeliveryKServe), Args: []string{"--brand-new"}}, nil},
		"secret in argument":  {"it is where everybody can read it", model.Engine{Type: model.EngineSGLang, Image: ptr.To("x:1"), Args: []string{"--router-api-key=" + token}}, []string{"spec.engine.args[0]"}},
		"secret follows":      {"the value is the next argument", model.Engine{Type: model.EngineSGLang, Image: ptr.To("x:1"), Args: []string{"--router_api_key", "not-for-any-eyes"}}, []string{"spec.engine.args[0]"}},
		"secret by its looks": {"the name says nothing", model.Engine{Type: model.EngineSGLang, Image: ptr.To("x:1"), Args: []string{"--extra", "a=" + token}}, []string{"spec.engine.args[1]"}},
		"words about tokens":  {"these are tokens of text", model.Engine{Type: model.EngineVLLM, Args: []string{"--max-num-batched-tokens=16384000", "--tokenizer=someone/some-tokenizer"}}, nil},
		"variable":            {"its name says what it is", model.Engine{Type: model.EngineVLLM, Env: env{{Name: "A", Value: "1"}, {Name: "WANDB_API_KEY", Value: "not-for-any-eyes"}}}, []string{"spec.engine.env[1].value"}},
		"variable's value":    {"its value says what it is", model.Engine{Type: model.EngineVLLM, Env: env{{Name: "A", Value: token}}}, []string{"spec.engine.env[0].value"}},
		"switch":              {"a number is no secret", model.Engine{Type: model.EngineVLLM, Env: env{{Name: "MAX_SECRET", Value: "16"}, {Name: "TOKENIZERS_PARALLELISM", Value: "disabled-for-now"}}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := engineWarnings(&model.Model{Spec: model.ModelSpec{Engine: c.engine}})
			if len(got) != len(c.want) {
				t.Fatalf("%d warnings, want %d, because %s: %q", len(got), len(c.want), c.why, got)
			}
			for i, at := range c.want {
				if !strings.HasPrefix(got[i], at+":") {
					t.Errorf("the warning is %q, want one about %s, because %s", got[i], at, c.why)
				}
			}
			for _, value := range []string{token, "not-for-any-eyes"} {
				if strings.Contains(strings.Join(got, "\n"), value) {
					t.Errorf("the warning repeats the secret: %q", got)
				}
			}
		})
	}
}

// TestWarn 指出合法而多半不是本意的写法；平常的写法一句也没有，免得人学会不看。
func TestWarn(t *testing.T) {
	gpus := &model.Resources{Accelerator: &model.AcceleratorRequest{Count: ptr.To[int32](1)}}
	image, oci := ptr.To("example.org/vllm:cpu"), model.ModelSource{OCI: &model.OCISource{Image: "example.org/weights:1"}}
	for name, c := range map[string]struct {
		why  string
		spec model.ModelSpec
		want string
	}{
		"ordinary":         {"nothing is odd", model.ModelSpec{Engine: model.Engine{Type: model.EngineVLLM}, Resources: gpus}, ""},
		"no accelerator":   {"the default image finds no device", model.ModelSpec{Engine: model.Engine{Type: model.EngineSGLang}}, "spec.resources.accelerator"},
		"own image":        {"it may be made for processors", model.ModelSpec{Engine: model.Engine{Type: model.EngineVLLM, Image: image}}, ""},
		"LlamaCpp":         {"it has a default image for processors", model.ModelSpec{Engine: model.Engine{Type: model.EngineLlamaCpp}}, ""},
		"cache of nothing": {"an image is mounted, not downloaded", model.ModelSpec{Engine: model.Engine{Type: model.EngineVLLM}, Resources: gpus, Source: oci, Cache: &model.Cache{}}, "spec.cache"},
		"surge":            {"a full pool has no room for it", model.ModelSpec{Engine: model.Engine{Type: model.EngineVLLM}, Resources: gpus, Rollout: &model.Rollout{MaxSurge: ptr.To[int32](1)}}, "spec.rollout.maxSurge"},
		"surge on none":    {"no accelerators are waited for", model.ModelSpec{Engine: model.Engine{Type: model.EngineVLLM, Image: image}, Rollout: &model.Rollout{MaxSurge: ptr.To[int32](1)}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := warn(&model.Model{Spec: c.spec})
			if ok := len(got) == 0; c.want == "" && !ok || c.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], c.want+":")) {
				t.Errorf("got %q, want one about %q, because %s", got, c.want, c.why)
			}
		})
	}
}

// TestListedArgumentsAreNoSecrets 引擎自己的参数里要密文的都已拒绝，其余的给了任何值都不该有警告。
func TestListedArgumentsAreNoSecrets(t *testing.T) {
	for _, engine := range []model.EngineType{model.EngineVLLM, model.EngineSGLang, model.EngineLlamaCpp} {
		for _, option := range flags.Options(engine) {
			for _, name := range option.Names {
				if secretArg([]string{name, "a-long-enough-value"}, 0) && !strings.HasSuffix(name, "api-key") && !strings.HasSuffix(name, "password") {
					t.Errorf("%s: %s would be warned about", engine, name)
				}
			}
		}
	}
}
