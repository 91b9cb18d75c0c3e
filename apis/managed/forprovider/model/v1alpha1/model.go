package v1alpha1

import (
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/managed/forprovider/object"
	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// ModelParameters are what is wanted of a model of the platform.
type ModelParameters struct {
	object.Parameters `json:",inline"`

	// source is where the model's files come from: exactly one of huggingFace,
	// oci, s3 and pvc. It is required unless managementPolicies only observe.
	// +optional
	Source *ModelSource `json:"source,omitempty"`
	// engine is the program that serves the model. It is required unless
	// managementPolicies only observe.
	// +optional
	Engine *Engine `json:"engine,omitempty"`
	// servedName is the name that requests call the model by. The platform takes
	// the name of the model where it is not set. It cannot be changed once the
	// model is on the platform; writing out what it is anyway changes nothing.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9][A-Za-z0-9._/:@-]*$`
	ServedName *string `json:"servedName,omitempty"`
	// resources are what one replica needs.
	// +optional
	Resources *Resources `json:"resources,omitempty"`
	// placement says which member clusters the replicas may run on.
	// +optional
	Placement *Placement `json:"placement,omitempty"`
	// scaling says how many replicas there are in each cluster that the model is
	// placed on. Leave replicas out to scale the model on the platform.
	// +optional
	Scaling *Scaling `json:"scaling,omitempty"`
	// adapters are LoRA adapters served beside the model, with VLLM or SGLang.
	// LlamaCpp refuses them.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	Adapters []Adapter `json:"adapters,omitempty"`
	// cache keeps downloaded files, so that a replica that starts again does not
	// download them again.
	// +optional
	Cache *Cache `json:"cache,omitempty"`
	// rollout says how replicas are replaced when the model changes.
	// +optional
	Rollout *Rollout `json:"rollout,omitempty"`
	// startupTimeoutSeconds is how long a replica may take to download and load
	// the model. The platform takes 3600 where it is not set.
	// +optional
	// +kubebuilder:validation:Minimum=60
	// +kubebuilder:validation:Maximum=86400
	StartupTimeoutSeconds *int32 `json:"startupTimeoutSeconds,omitempty"`
	// suspended scales the model to nothing while it is true and keeps its
	// placement.
	// +optional
	Suspended *bool `json:"suspended,omitempty"`
	// deletionPolicy says what becomes of what runs on the member clusters when
	// the model is deleted from the platform: Delete removes it first, Orphan
	// leaves it there. The platform takes Delete where it is not set.
	// +optional
	DeletionPolicy *modelv1alpha1.DeletionPolicy `json:"deletionPolicy,omitempty"`
}

// Engine is the program that serves a model.
type Engine struct {
	// type is VLLM, SGLang or LlamaCpp. It cannot be changed once the model is on
	// the platform: delete the managed resource and make another.
	// +optional
	Type *modelv1alpha1.EngineType `json:"type,omitempty"`
	// image is the engine's image. The platform takes its own of the engine where
	// it is not set.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	Image *string `json:"image,omitempty"`
	// args are put after the arguments that the platform makes. Those that the
	// platform makes itself are refused.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=128
	// +kubebuilder:validation:items:MaxLength=4096
	Args []string `json:"args,omitempty"`
	// env is set for the engine. Names that the platform sets are refused.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=128
	Env []EnvVar `json:"env,omitempty"`
	// contextLength is the longest request with its answer, in tokens. The engine
	// takes the model's own where it is not set.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100000000
	ContextLength *int32 `json:"contextLength,omitempty"`
	// delivery is Deployment or KServe. The platform takes Deployment where it is
	// not set. It cannot be changed once the model is on the platform: delete the
	// managed resource and make another. Writing out what it is anyway changes
	// nothing.
	// +optional
	Delivery *modelv1alpha1.Delivery `json:"delivery,omitempty"`
}

// EnvVar is an environment variable.
type EnvVar struct {
	// name is the variable's name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// value is the variable's value. Do not put secrets here.
	// +optional
	// +kubebuilder:validation:MaxLength=32768
	Value string `json:"value,omitempty"`
}

// Adapter is a LoRA adapter served beside a model.
type Adapter struct {
	// name is what requests call the adapter by.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9][A-Za-z0-9._/:@-]*$`
	Name string `json:"name"`
	// source is where the adapter's files come from: huggingFace without file and
	// revision, oci or pvc. The credentials are those of the model.
	Source ModelSource `json:"source"`
}

// Desired 是这些参数所说的平台模型，名字与命名空间除外。
func (p *ModelParameters) Desired() *modelv1alpha1.Model {
	return &modelv1alpha1.Model{
		ObjectMeta: p.ObjectMeta(),
		Spec: modelv1alpha1.ModelSpec{
			Source:                p.Source.desired(),
			Engine:                p.Engine.desired(),
			ServedName:            p.ServedName,
			Resources:             p.Resources.desired(),
			Placement:             p.Placement.desired(),
			Scaling:               p.Scaling.desired(),
			Adapters:              desiredAdapters(p.Adapters),
			Cache:                 p.Cache.desired(),
			Rollout:               p.Rollout.desired(),
			StartupTimeoutSeconds: p.StartupTimeoutSeconds,
			Suspended:             p.Suspended,
			DeletionPolicy:        p.DeletionPolicy,
		},
	}
}

func (e *Engine) desired() modelv1alpha1.Engine {
	if e == nil {
		return modelv1alpha1.Engine{}
	}
	out := modelv1alpha1.Engine{Type: ptr.Deref(e.Type, ""), Image: e.Image, Args: e.Args, ContextLength: e.ContextLength, Delivery: e.Delivery}
	for _, env := range e.Env {
		out.Env = append(out.Env, modelv1alpha1.EnvVar(env))
	}
	return out
}

func desiredAdapters(adapters []Adapter) []modelv1alpha1.Adapter {
	var out []modelv1alpha1.Adapter
	for _, adapter := range adapters {
		out = append(out, modelv1alpha1.Adapter{Name: adapter.Name, Source: adapter.Source.desired()})
	}
	return out
}
