package engine

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	cluster "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	model "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

const (
	tokenValue     = "hf_NotForAnyEyes"
	accessKeyValue = "AKIANOTFORANYEYES"
	secretKeyValue = "s3NotForAnyEyes"
	pullValue      = `{"auths":{"registry.example.org":{"auth":"Tm90Rm9yQW55RXllcw=="}}}`
)

// scenario 是一份黄金清单：一种说得通的组合。
type scenario struct {
	name   string
	change func(*Input)
}

// scenarios 是每种引擎、来源与交付方式说得通的组合，加上会改变清单的各个开关。
func scenarios() []scenario {
	all := []scenario{}
	for _, engine := range []model.EngineType{model.EngineVLLM, model.EngineSGLang, model.EngineLlamaCpp} {
		for _, source := range []string{"huggingface", "oci", "s3", "pvc"} {
			all = append(all, scenario{strings.ToLower(string(engine)) + "-" + source, func(in *Input) { from(in, engine, source) }})
		}
	}
	for _, source := range []string{"huggingface", "oci", "s3", "pvc"} {
		all = append(all, scenario{"kserve-" + source, func(in *Input) {
			from(in, model.EngineVLLM, source)
			in.Model.Spec.Engine.Delivery = ptr.To(model.DeliveryKServe)
		}})
	}
	return append(all, switches()...)
}

// switches 是会改变清单的各个开关。
func switches() []scenario {
	return []scenario{
		{"minimal", func(in *Input) {
			in.Model.Spec = model.ModelSpec{Source: model.ModelSource{HuggingFace: &model.HuggingFaceSource{Repo: "Qwen/Qwen3-8B"}}, Engine: model.Engine{Type: model.EngineVLLM}}
			in.Credentials, in.CredentialsVersion, in.Placement.Product = nil, "", ""
		}},
		{"suspended", func(in *Input) { in.Model.Spec.Suspended = ptr.To(true) }},
		{"autoscaled", func(in *Input) { autoscale(in) }},
		{"autoscaled-suspended", func(in *Input) { autoscale(in); in.Model.Spec.Suspended = ptr.To(true) }},
		{"autoscaled-sglang", func(in *Input) { from(in, model.EngineSGLang, "huggingface"); autoscale(in) }},
		{"autoscaled-llamacpp", func(in *Input) { from(in, model.EngineLlamaCpp, "huggingface"); autoscale(in) }},
		{"adapters-vllm", func(in *Input) { adapt(in) }},
		{"adapters-sglang", func(in *Input) { from(in, model.EngineSGLang, "huggingface"); adapt(in) }},
		{"adapters-kserve", func(in *Input) {
			in.Model.Spec.Engine.Delivery = ptr.To(model.DeliveryKServe)
			in.Model.Spec.Adapters = []model.Adapter{{Name: "law", Source: model.ModelSource{PVC: &model.PVCSource{ClaimName: "adapters", Path: ptr.To("law/v2")}}}}
		}},
		{"kserve-suspended", func(in *Input) {
			in.Model.Spec.Engine.Delivery, in.Model.Spec.Suspended = ptr.To(model.DeliveryKServe), ptr.To(true)
			in.Model.Spec.Engine.Image = ptr.To("registry.example.org/vllm:v1")
		}},
		{"cache", func(in *Input) {
			in.Model.Spec.Cache = &model.Cache{Size: resource.MustParse("100Gi"), StorageClassName: ptr.To("nfs")}
		}},
		{"cache-once", func(in *Input) {
			in.Placement.Replicas = 1
			in.Model.Spec.Cache = &model.Cache{Size: resource.MustParse("100Gi"), AccessMode: ptr.To("ReadWriteOnce")}
		}},
		{"recreate", func(in *Input) { in.Model.Spec.Rollout = &model.Rollout{Type: ptr.To(model.RolloutRecreate)} }},
		{"processors-only", func(in *Input) {
			from(in, model.EngineLlamaCpp, "huggingface")
			in.Model.Spec.Resources.Accelerator, in.Placement.Product = nil, ""
		}},
		{"mig", func(in *Input) {
			in.Model.Spec.Resources.Accelerator = &model.AcceleratorRequest{ResourceName: ptr.To("nvidia.com/mig-3g.40gb")}
			in.Placement.Product = "NVIDIA-H100-80GB-HBM3-MIG-3g.40gb"
		}},
		{"unlabelled", func(in *Input) { in.Model.Spec.Resources.Accelerator.Products, in.Placement.Product = nil, "unknown" }},
	}
}

// base 是一个什么都写了的模型的一处放置。
func base() Input {
	return Input{
		Model: &model.Model{
			ObjectMeta: metav1.ObjectMeta{Name: "qwen3-8b", Namespace: "research", UID: "11111111-1111-1111-1111-111111111111", Generation: 1},
			Spec: model.ModelSpec{
				Engine: model.Engine{
					Type: model.EngineVLLM, ContextLength: ptr.To[int32](32768),
					Args: []string{"--enable-prefix-caching"}, Env: []model.EnvVar{{Name: "ZETA", Value: "1"}, {Name: "ALPHA", Value: "$(HF_TOKEN)"}},
				},
				Source: source("huggingface", model.EngineVLLM),
				Resources: &model.Resources{
					Accelerator: &model.AcceleratorRequest{Count: ptr.To[int32](2), Products: []string{"NVIDIA-L40S", "NVIDIA-H100-80GB-HBM3"}},
					CPU:         ptr.To(resource.MustParse("8")), Memory: ptr.To(resource.MustParse("64Gi")), SharedMemory: ptr.To(resource.MustParse("8Gi")),
				},
				ServedName: ptr.To("Qwen/Qwen3-8B"), StartupTimeoutSeconds: ptr.To[int32](3605),
			},
		},
		Cluster:   &cluster.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "fra-h100", UID: "22222222-2222-2222-2222-222222222222"}},
		Placement: model.ModelPlacement{Cluster: "fra-h100", ClusterUID: "22222222-2222-2222-2222-222222222222", Namespace: "kubellm-research", Product: "NVIDIA-H100-80GB-HBM3", Replicas: 2},
		Credentials: map[string][]byte{
			model.CredentialToken: []byte(tokenValue), model.CredentialAccessKeyID: []byte(accessKeyValue),
			model.CredentialSecretAccessKey: []byte(secretKeyValue), model.CredentialDockerConfigJSON: []byte(pullValue),
		},
		CredentialsVersion: "v-7f3a",
	}
}

func from(in *Input, engine model.EngineType, kind string) {
	in.Model.Spec.Engine.Type, in.Model.Spec.Source = engine, source(kind, engine)
	if engine == model.EngineSGLang {
		in.Model.Spec.Engine.Args = []string{"--mem-fraction-static", "0.85"}
	}
	if engine == model.EngineLlamaCpp {
		in.Model.Spec.Engine.Args = []string{"--parallel", "4"}
	}
}

// source 是一种来源；llama.cpp 的指到一个文件。
func source(kind string, engine model.EngineType) model.ModelSource {
	single := engine == model.EngineLlamaCpp
	folder := ptr.To("qwen3/8b")
	if single {
		folder = ptr.To("qwen3/8b.gguf")
	}
	switch kind {
	case "oci":
		return model.ModelSource{OCI: &model.OCISource{Image: "registry.example.org/models/qwen3:8b", PullSecretRef: &model.SecretKeyReference{Name: "pull", Key: "config"}}}
	case "s3":
		return model.ModelSource{S3: &model.S3Source{Bucket: "models", Prefix: folder, Endpoint: ptr.To("https://minio.example.org:9000"), Region: ptr.To("eu-central-1")}}
	case "pvc":
		return model.ModelSource{PVC: &model.PVCSource{ClaimName: "weights", Path: folder}}
	}
	hub := &model.HuggingFaceSource{Repo: "Qwen/Qwen3-8B", Revision: ptr.To("main"), TokenSecretRef: &model.SecretKeyReference{Name: "hf", Key: "token"}}
	if single {
		hub = &model.HuggingFaceSource{Repo: "Qwen/Qwen3-8B-GGUF", File: ptr.To("Qwen3-8B-Q4_K_M.gguf"), TokenSecretRef: hub.TokenSecretRef}
	}
	return model.ModelSource{HuggingFace: hub}
}

func autoscale(in *Input) {
	in.Model.Spec.Scaling = &model.Scaling{Autoscaling: &model.Autoscaling{MaxReplicas: 4}}
	in.Placement.Replicas = 4
}

func adapt(in *Input) {
	in.Model.Spec.Adapters = []model.Adapter{
		{Name: "law", Source: model.ModelSource{PVC: &model.PVCSource{ClaimName: "adapters", Path: ptr.To("law/v2")}}},
		{Name: "code", Source: model.ModelSource{HuggingFace: &model.HuggingFaceSource{Repo: "acme/qwen3-code-lora"}}},
		{Name: "care", Source: model.ModelSource{OCI: &model.OCISource{Image: "registry.example.org/adapters/care:1"}}},
	}
}

// each 对每份清单跑一次；每次都是新的输入，互不影响。
func each(t *testing.T, check func(t *testing.T, in Input)) {
	t.Helper()
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			in := base()
			s.change(&in)
			check(t, in)
		})
	}
}
