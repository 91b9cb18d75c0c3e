package validation

import (
	"testing"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/model"
)

func TestManagedFlag(t *testing.T) {
	cases := []struct {
		engine model.EngineType
		arg    string
		want   bool
		reason string
	}{
		{model.EngineVLLM, "--port", true, "the Service needs the port"},
		{model.EngineVLLM, "--port=9000", true, "a value may follow an equals sign"},
		{model.EngineVLLM, "--served_model_name", true, "vLLM reads underscores as hyphens"},
		{model.EngineVLLM, "--served_model_name=x", true, "both at once"},
		{model.EngineVLLM, "--served-model", true, "argparse completes prefixes"},
		{model.EngineVLLM, "-tp", true, "a short alias"},
		{model.EngineVLLM, "-tp=4", true, "a short alias with a value"},
		{model.EngineVLLM, "--api-key", true, "arguments are no place for secrets"},
		{model.EngineVLLM, "--enable-prefix-caching", false, "an argument of the user's own"},
		{model.EngineVLLM, "--load-format", false, "only models in S3 settle it"},
		{model.EngineVLLM, "--model-impl", false, "longer than an argument of the platform, not a prefix of it"},
		{model.EngineVLLM, "8000", false, "a value, not an argument"},
		{model.EngineVLLM, "--", false, "too short to be a prefix of anything"},
		{model.EngineSGLang, "--tp", true, "an abbreviation that SGLang documents"},
		{model.EngineSGLang, "--enable_metrics", true, "metrics are always on"},
		{model.EngineSGLang, "--mem-fraction-static", false, "an argument of the user's own"},
		{model.EngineLlamaCpp, "-m", true, "a short alias"},
		{model.EngineLlamaCpp, "-hf", true, "a short alias of several letters"},
		{model.EngineLlamaCpp, "--ctx_size", true, "llama.cpp reads underscores as hyphens"},
		{model.EngineLlamaCpp, "--ctx", false, "llama.cpp completes no prefixes; it refuses this itself"},
		{model.EngineLlamaCpp, "--parallel", false, "an argument of the user's own"},
	}
	for _, c := range cases {
		why, got := ManagedFlag(c.engine, c.arg)
		if got != c.want {
			t.Errorf("%s %s: managed %v, want %v, because %s", c.engine, c.arg, got, c.want, c.reason)
		}
		if got && why == "" {
			t.Errorf("%s %s is refused without a word on what to do instead", c.engine, c.arg)
		}
	}
}

func TestManagedEnv(t *testing.T) {
	cases := []struct {
		engine model.EngineType
		name   string
		want   bool
		reason string
	}{
		{model.EngineVLLM, "HF_TOKEN", true, "credentials come from a Secret only"},
		{model.EngineVLLM, "HOME", true, "the home must be writable"},
		{model.EngineVLLM, "VLLM_ADDITIONAL_ARGS", true, "arguments by another way"},
		{model.EngineVLLM, "VLLM_LOGGING_LEVEL", false, "a variable of the user's own"},
		{model.EngineVLLM, "LLAMA_ARG_PORT", false, "means nothing to vLLM"},
		{model.EngineLlamaCpp, "LLAMA_ARG_PORT", true, "an argument by another way"},
		{model.EngineLlamaCpp, "LLAMA_LOG_COLORS", false, "a variable of the user's own"},
	}
	for _, c := range cases {
		if _, got := ManagedEnv(c.engine, c.name); got != c.want {
			t.Errorf("%s %s: managed %v, want %v, because %s", c.engine, c.name, got, c.want, c.reason)
		}
	}
}

// served 是一个渲染得出的模型。
func served() *model.ModelSpec {
	return &model.ModelSpec{
		Source: model.ModelSource{HuggingFace: &model.HuggingFaceSource{Repo: "Qwen/Qwen3-8B", Revision: ptr.To("main")}},
		Engine: model.Engine{Type: model.EngineVLLM, Args: []string{"--max-num-seqs", "64"}},
	}
}

func TestValidateRenderable(t *testing.T) {
	cases := map[string]struct {
		reason string
		change func(*model.ModelSpec)
		want   []string
	}{
		"Served": {"nothing stands against it", func(*model.ModelSpec) {}, nil},
		"KServe": {"vLLM runs under KServe", kserve, nil},
		"OneFileOfARepositoryForVLLM": {"vLLM loads a whole repository", func(s *model.ModelSpec) {
			s.Source.HuggingFace.File = ptr.To("x.gguf")
		}, []string{"spec.source.huggingFace.file"}},
		"RevisionForLlamaCpp": {"llama.cpp has no argument for it", func(s *model.ModelSpec) {
			s.Engine.Type = model.EngineLlamaCpp
		}, []string{"spec.source.huggingFace.revision"}},
		"FolderForLlamaCpp": {"llama.cpp loads a single file", func(s *model.ModelSpec) {
			s.Engine.Type = model.EngineLlamaCpp
			s.Source = model.ModelSource{PVC: &model.PVCSource{ClaimName: "weights", Path: ptr.To("qwen")}}
		}, []string{"spec.source.pvc.path"}},
		"WholeBucketForLlamaCpp": {"llama.cpp loads a single file", func(s *model.ModelSpec) {
			s.Engine.Type = model.EngineLlamaCpp
			s.Source = model.ModelSource{S3: &model.S3Source{Bucket: "models"}}
		}, []string{"spec.source.s3.prefix"}},
		"FileForLlamaCpp": {"one file is what it loads", func(s *model.ModelSpec) {
			s.Engine.Type = model.EngineLlamaCpp
			s.Source = model.ModelSource{S3: &model.S3Source{Bucket: "models", Prefix: ptr.To("a/b.gguf")}}
		}, nil},
		"BareFirstArgument": {"an argument before it that takes several values would swallow it", func(s *model.ModelSpec) {
			s.Engine.Args = []string{"evil=/path", "--x"}
		}, []string{"spec.engine.args[0]"}},
		"LoadFormatWithS3": {"the platform sets it there", func(s *model.ModelSpec) {
			s.Source = model.ModelSource{S3: &model.S3Source{Bucket: "models"}}
			s.Engine.Args = []string{"--load_format=auto"}
		}, []string{"spec.engine.args[0]"}},
		"LoadFormatWithoutS3": {"users may choose it", func(s *model.ModelSpec) {
			s.Engine.Args = []string{"--load-format", "fastsafetensors"}
		}, nil},
		"AdaptersForLlamaCpp": {"it serves none by name", func(s *model.ModelSpec) {
			s.Engine.Type, s.Source.HuggingFace.Revision = model.EngineLlamaCpp, nil
			s.Adapters = []model.Adapter{{Name: "a", Source: model.ModelSource{PVC: &model.PVCSource{ClaimName: "a"}}}}
		}, []string{"spec.adapters"}},
		"AdapterFromS3": {"no engine reads adapters there", func(s *model.ModelSpec) {
			s.Adapters = []model.Adapter{{Name: "a", Source: model.ModelSource{S3: &model.S3Source{Bucket: "b"}}}}
		}, []string{"spec.adapters[0].source.s3"}},
		"AdapterWithCredentialsOfItsOwn": {"a model has one set", func(s *model.ModelSpec) {
			s.Adapters = []model.Adapter{{Name: "a", Source: model.ModelSource{HuggingFace: &model.HuggingFaceSource{
				Repo: "a/b", Revision: ptr.To("v1"), TokenSecretRef: &model.SecretKeyReference{Name: "x", Key: "y"},
			}}}}
		}, []string{"spec.adapters[0].source.huggingFace.revision", "spec.adapters[0].source.huggingFace.tokenSecretRef"}},
		"AdapterPathWithEqualsSign": {"it parts the name from the path", func(s *model.ModelSpec) {
			s.Adapters = []model.Adapter{{Name: "a", Source: model.ModelSource{PVC: &model.PVCSource{ClaimName: "a", Path: ptr.To("x=y")}}}}
		}, []string{"spec.adapters[0].source.pvc.path"}},
		"KServeWithWhatItIgnores": {"half a spec must not be dropped unseen", func(s *model.ModelSpec) {
			kserve(s)
			s.Engine.Type = model.EngineSGLang
			s.Scaling = &model.Scaling{Autoscaling: &model.Autoscaling{MaxReplicas: 2}}
			s.Cache = &model.Cache{}
			s.Rollout = &model.Rollout{Type: ptr.To(model.RolloutRecreate)}
		}, []string{"spec.engine.delivery", "spec.scaling.autoscaling", "spec.cache", "spec.rollout.type"}},
		"KServeWithItsRollout": {"the defaults are what everybody has", func(s *model.ModelSpec) {
			kserve(s)
			s.Rollout = &model.Rollout{Type: ptr.To(model.RolloutRolling), MaxSurge: ptr.To[int32](0), MaxUnavailable: ptr.To[int32](1)}
		}, nil},
		"KServeWithARolloutOfOnesOwn": {"KServe has no field for it", func(s *model.ModelSpec) {
			kserve(s)
			s.Rollout = &model.Rollout{MaxSurge: ptr.To[int32](1), MaxUnavailable: ptr.To[int32](0)}
		}, []string{"spec.rollout.maxSurge", "spec.rollout.maxUnavailable"}},
		"KServeWithShellCharacters": {"KServe reads arguments through a shell", func(s *model.ModelSpec) {
			kserve(s)
			s.Engine.Args = []string{"--x", "$(id)", "a;b", "a b", "`id`", "ok-1.5"}
		}, []string{"spec.engine.args[1]", "spec.engine.args[2]", "spec.engine.args[3]", "spec.engine.args[4]"}},
		"KServeWithAdapterImage": {"KServe cannot mount it", func(s *model.ModelSpec) {
			kserve(s)
			s.Adapters = []model.Adapter{{Name: "a", Source: model.ModelSource{OCI: &model.OCISource{Image: "x/y:1"}}}}
		}, []string{"spec.adapters[0].source.oci"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			spec := served()
			c.change(spec)
			errs := validateRenderable(spec, field.NewPath("spec"))
			got := map[string]bool{}
			for _, err := range errs {
				got[err.Field] = true
			}
			if len(errs) != len(c.want) {
				t.Errorf("%d errors, want %d, because %s: %v", len(errs), len(c.want), c.reason, errs)
			}
			for _, path := range c.want {
				if !got[path] {
					t.Errorf("no error at %s, because %s: %v", path, c.reason, errs)
				}
			}
		})
	}
}

func kserve(s *model.ModelSpec) { s.Engine.Delivery = ptr.To(model.DeliveryKServe) }
