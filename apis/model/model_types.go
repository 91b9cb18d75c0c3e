package model

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Model 是在成员集群上提供服务的一个大语言模型。
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
type Model struct {
	metav1.TypeMeta
	metav1.ObjectMeta

	Spec   ModelSpec
	Status ModelStatus
}

// ModelSpec 是使用者声明的部分；字段含义见 v1alpha1。
type ModelSpec struct {
	Source                ModelSource
	Engine                Engine
	ServedName            *string
	Resources             *Resources
	Placement             *Placement
	Scaling               *Scaling
	Adapters              []Adapter
	Cache                 *Cache
	Rollout               *Rollout
	StartupTimeoutSeconds *int32
	Suspended             *bool
	DeletionPolicy        *DeletionPolicy
}

// ModelSource 说模型文件从哪里来，恰好一种。
type ModelSource struct {
	HuggingFace *HuggingFaceSource
	OCI         *OCISource
	S3          *S3Source
	PVC         *PVCSource
}

// HuggingFaceSource 是 Hugging Face 的一个仓库。
type HuggingFaceSource struct {
	Repo           string
	Revision       *string
	File           *string
	TokenSecretRef *SecretKeyReference
}

// OCISource 是装着模型文件的镜像。
type OCISource struct {
	Image         string
	PullSecretRef *SecretKeyReference
}

// S3Source 是 S3 桶里的一个目录。
type S3Source struct {
	Bucket               string
	Prefix               *string
	Endpoint             *string
	Region               *string
	CredentialsSecretRef *SecretReference
}

// PVCSource 是成员集群上一个卷里的目录。
type PVCSource struct {
	ClaimName string
	Path      *string
}

// SecretKeyReference 指模型所在命名空间里一个 Secret 的一个键。
type SecretKeyReference struct {
	Name string
	Key  string
}

// SecretReference 指模型所在命名空间里的一个 Secret。
type SecretReference struct {
	Name string
}

// EngineType 是跑模型的程序。
type EngineType string

// Delivery 是在成员上交付的方式。
type Delivery string

// Engine 是跑模型的程序与它的参数。
type Engine struct {
	Type          EngineType
	Image         *string
	Args          []string
	Env           []EnvVar
	ContextLength *int32
	Delivery      *Delivery
}

// EnvVar 是一个环境变量。
type EnvVar struct {
	Name  string
	Value string
}

// Resources 是一个副本要的资源。
type Resources struct {
	Accelerator  *AcceleratorRequest
	CPU          *resource.Quantity
	Memory       *resource.Quantity
	SharedMemory *resource.Quantity
}

// AcceleratorRequest 是一个副本要的卡，都在一个节点上。
type AcceleratorRequest struct {
	ResourceName *string
	Count        *int32
	Products     []string
}

// PlacementStrategy 说在放得下的集群里怎样挑。
type PlacementStrategy string

// Placement 说模型可以放到哪些集群。
type Placement struct {
	ClusterNames    []string
	ClusterSelector *metav1.LabelSelector
	Tolerations     []Toleration
	Clusters        *int32
	Strategy        *PlacementStrategy
	Failover        *Failover
}

// TolerationOperator 是容忍时怎样比较。
type TolerationOperator string

// Toleration 让模型能放到有污点的集群。
type Toleration struct {
	Key      string
	Operator *TolerationOperator
	Value    string
	Effect   string
}

// Failover 说集群失联多久之后换地方。
type Failover struct {
	AfterSeconds int32
}

// Scaling 是副本数，或者让成员自己定。
type Scaling struct {
	Replicas    *int32
	Autoscaling *Autoscaling
}

// Autoscaling 让成员集群决定副本数。
type Autoscaling struct {
	MinReplicas              *int32
	MaxReplicas              int32
	TargetRequestsPerReplica *int32
}

// Adapter 是随模型一起提供的 LoRA 适配器。
type Adapter struct {
	Name   string
	Source ModelSource
}

// Cache 留住下载好的文件。
type Cache struct {
	Size             resource.Quantity
	StorageClassName *string
	AccessMode       *string
}

// RolloutType 是替换副本的方式。
type RolloutType string

// Rollout 说模型变了之后怎样替换副本。
type Rollout struct {
	Type           *RolloutType
	MaxSurge       *int32
	MaxUnavailable *int32
}

// DeletionPolicy 说删除时成员上的东西怎么办。
type DeletionPolicy string

// ModelStatus 由模型控制器写入，credentialsVersion 除外：它由收下凭据的子资源写入。
type ModelStatus struct {
	ObservedGeneration         int64
	Conditions                 []metav1.Condition
	CredentialsVersion         string
	ObservedCredentialsVersion string
	ServedName                 string
	Image                      string
	Endpoint                   string
	EndpointCluster            string
	Replicas                   int32
	ReadyReplicas              int32
	Selector                   string
	Placements                 []ModelPlacement
	RemovedPlacements          []RemovedPlacement
	RejectedClusters           []RejectedCluster
	Plan                       *Plan
}

// PlacementPhase 是一处放置走到了哪一步。
type PlacementPhase string

// ModelPlacement 是模型放到的一个集群。
type ModelPlacement struct {
	Cluster            string
	ClusterUID         string
	Namespace          string
	Product            string
	ResourceName       string
	AcceleratorCount   int32
	Phase              PlacementPhase
	Replicas           int32
	ObservedReplicas   int32
	ReadyReplicas      int32
	Endpoint           string
	ManifestHash       string
	Reason             string
	Message            string
	LastTransitionTime *metav1.Time
}

// RemovedPlacement 是模型已离开、还要收拾的一个集群。
type RemovedPlacement struct {
	Cluster          string
	ClusterUID       string
	Product          string
	ResourceName     string
	AcceleratorCount int32
	Replicas         int32
	ObservedReplicas int32
	Message          string
}

// RejectedCluster 是放不下的一个集群与原因。
type RejectedCluster struct {
	Cluster string
	Reason  string
	Message string
}

// Plan 是一个请求将会做什么，只在干跑的回答里。
type Plan struct {
	Time             metav1.Time
	Message          string
	Placements       []ModelPlacement
	RejectedClusters []RejectedCluster
	Manifests        []PlannedManifests
}

// PlannedManifests 是将应用到一个集群的清单。
type PlannedManifests struct {
	Cluster string
	YAML    string
}

// ModelList 是 Model 的列表。
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
type ModelList struct {
	metav1.TypeMeta
	metav1.ListMeta

	Items []Model
}

// 引擎；取值见 v1alpha1。
const (
	EngineVLLM     EngineType = "VLLM"
	EngineSGLang   EngineType = "SGLang"
	EngineLlamaCpp EngineType = "LlamaCpp"
)

// 交付方式；取值见 v1alpha1。
const (
	DeliveryDeployment Delivery = "Deployment"
	DeliveryKServe     Delivery = "KServe"
)

// 放置策略；取值见 v1alpha1。
const (
	PlacementSpread PlacementStrategy = "Spread"
	PlacementPack   PlacementStrategy = "Pack"
)

// 比较方式；取值见 v1alpha1。
const (
	TolerationEqual  TolerationOperator = "Equal"
	TolerationExists TolerationOperator = "Exists"
)

// 替换方式；取值见 v1alpha1。
const (
	RolloutRolling  RolloutType = "Rolling"
	RolloutRecreate RolloutType = "Recreate"
)

// 删除策略；取值见 v1alpha1。
const (
	DeletionDelete DeletionPolicy = "Delete"
	DeletionOrphan DeletionPolicy = "Orphan"
)

// 放置的阶段；取值见 v1alpha1。
const (
	PlacementPending     PlacementPhase = "Pending"
	PlacementApplying    PlacementPhase = "Applying"
	PlacementLoading     PlacementPhase = "Loading"
	PlacementReady       PlacementPhase = "Ready"
	PlacementFailed      PlacementPhase = "Failed"
	PlacementUnreachable PlacementPhase = "Unreachable"
)
