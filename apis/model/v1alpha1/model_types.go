package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// LabelModelUID is on every object that is placed for a Model on a member
// cluster; its value is the UID of the Model.
const LabelModelUID = "model.kubellm.io/uid"

// AnnotationPlan with the value PlanAlways makes the answer to a dry run bear
// status.plan also where the Model would stay as it is.
const (
	AnnotationPlan = "model.kubellm.io/plan"
	PlanAlways     = "always"
)

// FinalizerPlacements keeps a Model that is being deleted until what was placed
// for it is gone from the member clusters, where the deletion policy asks for
// that.
const FinalizerPlacements = "model.kubellm.io/placements"

// +genclient
// +genclient:method=GetScale,verb=get,subresource=scale,result=k8s.io/api/autoscaling/v1.Scale
// +genclient:method=UpdateScale,verb=update,subresource=scale,input=k8s.io/api/autoscaling/v1.Scale,result=k8s.io/api/autoscaling/v1.Scale
// +genclient:method=CreateCredentials,verb=create,subresource=credentials,input=ModelCredentials,result=ModelCredentials
// +genclient:method=GetCredentials,verb=get,subresource=credentials,result=ModelCredentials
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// Model is a large language model that is served on member clusters.
type Model struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is standard object metadata. The name is at most 40 characters,
	// because the names of what runs on the member clusters are made from it.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what is wanted of the model.
	Spec ModelSpec `json:"spec"`
	// status is what the platform has observed of the model.
	// +optional
	Status ModelStatus `json:"status,omitempty"`
}

// ModelSpec is what is wanted of a model.
type ModelSpec struct {
	// source is where the model's files come from.
	Source ModelSource `json:"source"`
	// engine is the program that serves the model.
	Engine Engine `json:"engine"`
	// servedName is the name that requests call the model by, at most 128
	// characters; it cannot be changed. Without it requests use the name of the
	// Model.
	// +optional
	ServedName *string `json:"servedName,omitempty"`
	// resources are what one replica needs.
	// +optional
	Resources *Resources `json:"resources,omitempty"`
	// placement says which member clusters the replicas may run on.
	// +optional
	Placement *Placement `json:"placement,omitempty"`
	// scaling says how many replicas there are in each cluster that the model
	// is placed on.
	// +optional
	Scaling *Scaling `json:"scaling,omitempty"`
	// adapters are LoRA adapters served beside the model, at most 32, with VLLM or
	// SGLang. LlamaCpp refuses them.
	// +optional
	// +listType=map
	// +listMapKey=name
	Adapters []Adapter `json:"adapters,omitempty"`
	// cache keeps downloaded files, so that a replica that starts again does not
	// download them again. Without it they are kept as long as the pod.
	// +optional
	Cache *Cache `json:"cache,omitempty"`
	// rollout says how replicas are replaced when the model changes.
	// +optional
	Rollout *Rollout `json:"rollout,omitempty"`
	// startupTimeoutSeconds is how long a replica may take to download and load
	// the model, 60 to 86400. Defaults to 3600.
	// +optional
	StartupTimeoutSeconds *int32 `json:"startupTimeoutSeconds,omitempty"`
	// suspended scales the model to nothing while it is true and keeps its
	// placement. Defaults to false.
	// +optional
	Suspended *bool `json:"suspended,omitempty"`
	// deletionPolicy says what becomes of what runs on the member clusters when
	// the Model is deleted: Delete removes it first, and the deletion waits
	// until it is gone; Orphan leaves it there. It may be changed while the
	// Model is being deleted. Defaults to Delete.
	// +optional
	DeletionPolicy *DeletionPolicy `json:"deletionPolicy,omitempty"`
}

// ModelSource is where a model's files come from: exactly one of its fields.
type ModelSource struct {
	// huggingFace is a repository of the Hugging Face Hub.
	// +optional
	HuggingFace *HuggingFaceSource `json:"huggingFace,omitempty"`
	// oci is an OCI image that holds the files, mounted as an image volume; for
	// LlamaCpp the file model.gguf at its root.
	// +optional
	OCI *OCISource `json:"oci,omitempty"`
	// s3 is a folder of an S3 bucket, or one file of it for LlamaCpp.
	// +optional
	S3 *S3Source `json:"s3,omitempty"`
	// pvc is a folder of a PersistentVolumeClaim on the member clusters, or one
	// file of it for LlamaCpp.
	// +optional
	PVC *PVCSource `json:"pvc,omitempty"`
}

// HuggingFaceSource is a repository of the Hugging Face Hub.
type HuggingFaceSource struct {
	// repo is the repository, such as Qwen/Qwen3-8B.
	Repo string `json:"repo"`
	// revision is a branch, tag or commit. Without it the engine takes the
	// repository's default branch. LlamaCpp refuses it, and so do adapters:
	// both know the default branch only.
	// +optional
	Revision *string `json:"revision,omitempty"`
	// file is one GGUF file of the repository. LlamaCpp needs it; VLLM and SGLang
	// refuse it, because they load a whole repository.
	// +optional
	File *string `json:"file,omitempty"`
	// tokenSecretRef points at a token in a Secret of the Model's namespace.
	// Whoever sets it, or changes what gets to see the token (source, adapters,
	// image, args and env of the engine, and clusterNames, clusterSelector and
	// tolerations of the placement), must be allowed to get that Secret. Without
	// it the token is the key "token" of what was handed in through
	// models/credentials.
	// +optional
	TokenSecretRef *SecretKeyReference `json:"tokenSecretRef,omitempty"`
}

// OCISource is an OCI image that holds a model's files.
type OCISource struct {
	// image is the image's reference.
	Image string `json:"image"`
	// pullSecretRef points at a key of a Secret of the Model's namespace that
	// holds a Docker configuration. Whoever sets it, or changes what gets to see
	// it, must be allowed to get that Secret, as with tokenSecretRef. Without it
	// the configuration is the key "dockerconfigjson" of what was handed in
	// through models/credentials.
	// +optional
	PullSecretRef *SecretKeyReference `json:"pullSecretRef,omitempty"`
}

// S3Source is a folder of an S3 bucket.
type S3Source struct {
	// bucket is the bucket's name.
	Bucket string `json:"bucket"`
	// prefix is the folder in the bucket. With LlamaCpp it is required and names
	// one file that ends in .gguf.
	// +optional
	Prefix *string `json:"prefix,omitempty"`
	// endpoint is the address of an S3 service other than Amazon's.
	// +optional
	Endpoint *string `json:"endpoint,omitempty"`
	// region is the bucket's region.
	// +optional
	Region *string `json:"region,omitempty"`
	// credentialsSecretRef points at a Secret of the Model's namespace with the
	// keys accessKeyID and secretAccessKey. Whoever sets it, or changes what gets
	// to see them, must be allowed to get that Secret, as with tokenSecretRef.
	// Without it they are the keys of the same names of what was handed in
	// through models/credentials.
	// +optional
	CredentialsSecretRef *SecretReference `json:"credentialsSecretRef,omitempty"`
}

// PVCSource is a folder of a PersistentVolumeClaim that exists on every member
// cluster that the model is placed on, in the namespace that it runs in.
type PVCSource struct {
	// claimName is the claim's name.
	ClaimName string `json:"claimName"`
	// path is the folder in the volume. Defaults to its root. With LlamaCpp it is
	// required and names one file that ends in .gguf.
	// +optional
	Path *string `json:"path,omitempty"`
}

// SecretKeyReference points at one key of a Secret of the Model's namespace.
type SecretKeyReference struct {
	// name is the Secret's name.
	Name string `json:"name"`
	// key is the key in the Secret's data.
	Key string `json:"key"`
}

// SecretReference points at a Secret of the Model's namespace.
type SecretReference struct {
	// name is the Secret's name.
	Name string `json:"name"`
}

// EngineType is the program that serves a model.
// +enum
// +kubebuilder:validation:Enum=VLLM;SGLang;LlamaCpp
type EngineType string

// The engines.
const (
	// EngineVLLM is vLLM.
	EngineVLLM EngineType = "VLLM"
	// EngineSGLang is SGLang.
	EngineSGLang EngineType = "SGLang"
	// EngineLlamaCpp is the server of llama.cpp.
	EngineLlamaCpp EngineType = "LlamaCpp"
)

// Delivery is how a model is run on a member cluster.
// +enum
// +kubebuilder:validation:Enum=Deployment;KServe
type Delivery string

// The deliveries.
const (
	// DeliveryDeployment makes a Deployment and a Service.
	DeliveryDeployment Delivery = "Deployment"
	// DeliveryKServe makes an LLMInferenceService of KServe.
	DeliveryKServe Delivery = "KServe"
)

// Engine is the program that serves a model.
type Engine struct {
	// type is VLLM, SGLang or LlamaCpp. It cannot be changed.
	Type EngineType `json:"type"`
	// image is the engine's image. Without it the platform's image of the engine
	// is used, which status shows.
	// +optional
	Image *string `json:"image,omitempty"`
	// args are put after the arguments that the platform makes. Those that the
	// platform makes itself are refused. At most 128.
	// +optional
	// +listType=atomic
	Args []string `json:"args,omitempty"`
	// env is set for the engine. Names that the platform sets are refused. At
	// most 128.
	// +optional
	// +listType=map
	// +listMapKey=name
	Env []EnvVar `json:"env,omitempty"`
	// contextLength is the longest request with its answer, in tokens. Without
	// it the engine takes the model's own.
	// +optional
	ContextLength *int32 `json:"contextLength,omitempty"`
	// delivery is Deployment or KServe. It cannot be changed. Defaults to
	// Deployment.
	// +optional
	Delivery *Delivery `json:"delivery,omitempty"`
}

// EnvVar is an environment variable.
type EnvVar struct {
	// name is the variable's name.
	Name string `json:"name"`
	// value is the variable's value. Do not put secrets here.
	// +optional
	Value string `json:"value,omitempty"`
}

// Resources are what one replica needs.
type Resources struct {
	// accelerator is the accelerators of one replica, all on one node. Without
	// it the model runs on processors alone.
	// +optional
	Accelerator *AcceleratorRequest `json:"accelerator,omitempty"`
	// cpu is the processor time of one replica, such as 8 or 500m.
	// +optional
	CPU *resource.Quantity `json:"cpu,omitempty"`
	// memory is the memory of one replica, such as 64Gi; sharedMemory counts
	// toward it.
	// +optional
	Memory *resource.Quantity `json:"memory,omitempty"`
	// sharedMemory is the size of /dev/shm, which engines need with several
	// accelerators. It must be less than memory, where that is set. Defaults to
	// 1Gi.
	// +optional
	SharedMemory *resource.Quantity `json:"sharedMemory,omitempty"`
}

// AcceleratorRequest is the accelerators of one replica.
// +structType=atomic
type AcceleratorRequest struct {
	// resourceName is the extended resource that the pods ask for. Defaults to
	// nvidia.com/gpu.
	// +optional
	ResourceName *string `json:"resourceName,omitempty"`
	// count is the number of accelerators, 1 to 64. Defaults to 1.
	// +optional
	Count *int32 `json:"count,omitempty"`
	// products are the products that will do, as Cluster status names them, at
	// most 32. Without them any will do.
	// +optional
	// +listType=atomic
	Products []string `json:"products,omitempty"`
}

// PlacementStrategy is how clusters are chosen among those that fit.
// +enum
// +kubebuilder:validation:Enum=Spread;Pack
type PlacementStrategy string

// The placement strategies.
const (
	// PlacementSpread takes the clusters with the most free accelerators.
	PlacementSpread PlacementStrategy = "Spread"
	// PlacementPack takes the clusters that are left with the fewest, so that
	// large free blocks stay whole.
	PlacementPack PlacementStrategy = "Pack"
)

// Placement says which member clusters a model may run on.
type Placement struct {
	// clusterNames are the Clusters to choose from; at most one of clusterNames
	// and clusterSelector is given, and without both all are. At most 64.
	// +optional
	// +listType=atomic
	ClusterNames []string `json:"clusterNames,omitempty"`
	// clusterSelector chooses from the Clusters by their labels.
	// +optional
	ClusterSelector *metav1.LabelSelector `json:"clusterSelector,omitempty"`
	// tolerations let the model onto Clusters with taints, at most 64.
	// +optional
	// +listType=atomic
	Tolerations []Toleration `json:"tolerations,omitempty"`
	// clusters is the number of Clusters that the model is placed on, each with
	// all its replicas, 1 to 64. Defaults to 1.
	// +optional
	Clusters *int32 `json:"clusters,omitempty"`
	// strategy is Spread or Pack. Defaults to Spread.
	// +optional
	Strategy *PlacementStrategy `json:"strategy,omitempty"`
	// failover moves the model away from Clusters that are lost.
	// +optional
	Failover *Failover `json:"failover,omitempty"`
}

// TolerationOperator is how a toleration compares values.
// +enum
// +kubebuilder:validation:Enum=Equal;Exists
type TolerationOperator string

// The operators of tolerations.
const (
	// TolerationEqual tolerates taints with the same value.
	TolerationEqual TolerationOperator = "Equal"
	// TolerationExists tolerates taints with any value.
	TolerationExists TolerationOperator = "Exists"
)

// Toleration lets a model onto Clusters with matching taints.
type Toleration struct {
	// key is the taint's key; empty with the operator Exists tolerates all keys.
	// +optional
	Key string `json:"key,omitempty"`
	// operator is Equal or Exists. Defaults to Equal.
	// +optional
	Operator *TolerationOperator `json:"operator,omitempty"`
	// value is the taint's value, with the operator Equal.
	// +optional
	Value string `json:"value,omitempty"`
	// effect is NoSchedule or NoExecute; without it both are tolerated.
	// +optional
	Effect string `json:"effect,omitempty"`
}

// Failover moves a model away from Clusters that are lost.
type Failover struct {
	// afterSeconds is how long a Cluster must have been lost before the model is
	// placed elsewhere, 30 to 86400. Without failover a model waits for its
	// Cluster for good.
	AfterSeconds int32 `json:"afterSeconds"`
}

// Scaling says how many replicas there are in each cluster: replicas or
// autoscaling.
type Scaling struct {
	// replicas is the number of replicas in each cluster, 0 to 1000. Defaults to
	// 1 without autoscaling. kubectl scale sets it. What the scale subresource
	// reports is the number in each cluster too.
	// +optional
	Replicas *int32 `json:"replicas,omitempty"`
	// autoscaling lets the member cluster choose the number, which takes KEDA
	// there.
	// +optional
	Autoscaling *Autoscaling `json:"autoscaling,omitempty"`
}

// Autoscaling lets a member cluster choose the number of replicas.
// +structType=atomic
type Autoscaling struct {
	// minReplicas is the least number of replicas, 1 to 1000. Defaults to 1.
	// +optional
	MinReplicas *int32 `json:"minReplicas,omitempty"`
	// maxReplicas is the greatest number of replicas, 1 to 1000; the placement
	// reserves room for as many.
	MaxReplicas int32 `json:"maxReplicas"`
	// targetRequestsPerReplica is how many requests one replica is to work on at
	// a time, 1 to 10000. Defaults to 16.
	// +optional
	TargetRequestsPerReplica *int32 `json:"targetRequestsPerReplica,omitempty"`
}

// Adapter is a LoRA adapter served beside a model.
type Adapter struct {
	// name is what requests call the adapter by.
	Name string `json:"name"`
	// source is where the adapter's files come from: huggingFace without file and
	// revision, oci or pvc. The credentials are those of the model.
	Source ModelSource `json:"source"`
}

// Cache keeps downloaded files.
// +structType=atomic
type Cache struct {
	// size is the size of the volume. It can only become larger.
	Size resource.Quantity `json:"size"`
	// storageClassName is the member's storage class. Without it the member's
	// default is used. It cannot be changed.
	// +optional
	StorageClassName *string `json:"storageClassName,omitempty"`
	// accessMode is ReadWriteMany, which all replicas share, or ReadWriteOnce,
	// which only one replica can use. It cannot be changed. Defaults to
	// ReadWriteMany.
	// +optional
	AccessMode *string `json:"accessMode,omitempty"`
}

// RolloutType is how replicas are replaced.
// +enum
// +kubebuilder:validation:Enum=Rolling;Recreate
type RolloutType string

// The rollout types.
const (
	// RolloutRolling replaces replicas one after the other.
	RolloutRolling RolloutType = "Rolling"
	// RolloutRecreate stops all replicas first.
	RolloutRecreate RolloutType = "Recreate"
)

// Rollout says how replicas are replaced when a model changes.
// +structType=atomic
type Rollout struct {
	// type is Rolling or Recreate. Defaults to Rolling.
	// +optional
	Type *RolloutType `json:"type,omitempty"`
	// maxSurge is how many replicas there may be beyond the wanted number, with
	// Rolling. Defaults to 0: with more, a rollout waits for good where all
	// accelerators are taken.
	// +optional
	MaxSurge *int32 `json:"maxSurge,omitempty"`
	// maxUnavailable is how many replicas may be missing meanwhile, with
	// Rolling. Defaults to 1.
	// +optional
	MaxUnavailable *int32 `json:"maxUnavailable,omitempty"`
}

// DeletionPolicy is what becomes of what runs on the member clusters.
// +enum
// +kubebuilder:validation:Enum=Delete;Orphan
type DeletionPolicy string

// The deletion policies.
const (
	// DeletionDelete removes what runs on the members and waits for it.
	DeletionDelete DeletionPolicy = "Delete"
	// DeletionOrphan leaves what runs on the members where it is.
	DeletionOrphan DeletionPolicy = "Orphan"
)

// ModelStatus is what the platform has observed of a model.
type ModelStatus struct {
	// observedGeneration is the generation that this status was computed from.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions are the latest observations: Ready, Accepted, Scheduled,
	// Applied, Available and Progressing. A condition is Unknown when there is no
	// fresh evidence for it.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +patchMergeKey=type
	// +patchStrategy=merge
	Conditions []metav1.Condition `json:"conditions,omitempty" patchStrategy:"merge" patchMergeKey:"type"`
	// credentialsVersion is the opaque version of the credentials last handed in
	// through models/credentials.
	// +optional
	CredentialsVersion string `json:"credentialsVersion,omitempty"`
	// observedCredentialsVersion is the version of the credentials that this
	// status was computed from.
	// +optional
	ObservedCredentialsVersion string `json:"observedCredentialsVersion,omitempty"`
	// servedName is the name that requests call the model by.
	// +optional
	ServedName string `json:"servedName,omitempty"`
	// image is the engine's image in use.
	// +optional
	Image string `json:"image,omitempty"`
	// endpoint is the address of the placement that requests are best sent to. It
	// is an address within the member of endpointCluster.
	// +optional
	Endpoint string `json:"endpoint,omitempty"`
	// endpointCluster is the Cluster whose placement endpoint is the address of.
	// +optional
	EndpointCluster string `json:"endpointCluster,omitempty"`
	// replicas is the number of replicas on all clusters.
	// +optional
	Replicas int32 `json:"replicas,omitempty"`
	// readyReplicas is the number of replicas that are ready.
	// +optional
	ReadyReplicas int32 `json:"readyReplicas,omitempty"`
	// selector selects the model's pods on the member clusters, for the scale
	// subresource.
	// +optional
	Selector string `json:"selector,omitempty"`
	// placements are the Clusters that the model is placed on, in alphabetical
	// order. They are written before anything is applied there, and count as
	// reservations.
	// +optional
	// +listType=map
	// +listMapKey=cluster
	Placements []ModelPlacement `json:"placements,omitempty"`
	// removedPlacements are the Clusters that the model has left and on which
	// something of it may still run; it is removed as soon as they can be
	// reached.
	// +optional
	// +listType=map
	// +listMapKey=cluster
	RemovedPlacements []RemovedPlacement `json:"removedPlacements,omitempty"`
	// rejectedClusters are the Clusters that do not fit, with the reason of each,
	// in alphabetical order.
	// +optional
	// +listType=map
	// +listMapKey=cluster
	RejectedClusters []RejectedCluster `json:"rejectedClusters,omitempty"`
	// plan is in the answers to dry runs alone: what the request would do.
	// +optional
	Plan *Plan `json:"plan,omitempty"`
}

// PlacementPhase is how far a placement has come.
// +enum
type PlacementPhase string

// The phases of placements.
const (
	// PlacementPending: the Cluster is chosen and its accelerators are reserved.
	PlacementPending PlacementPhase = "Pending"
	// PlacementApplying: what runs there is being applied.
	PlacementApplying PlacementPhase = "Applying"
	// PlacementLoading: replicas are starting, downloading or loading.
	PlacementLoading PlacementPhase = "Loading"
	// PlacementReady: all replicas are ready.
	PlacementReady PlacementPhase = "Ready"
	// PlacementFailed: replicas cannot start; reason and message say why.
	PlacementFailed PlacementPhase = "Failed"
	// PlacementUnreachable: the Cluster cannot be reached; what runs there is not
	// known.
	PlacementUnreachable PlacementPhase = "Unreachable"
)

// ModelPlacement is one Cluster that a model is placed on.
type ModelPlacement struct {
	// cluster is the Cluster's name.
	Cluster string `json:"cluster"`
	// clusterUID is the Cluster's UID.
	// +optional
	ClusterUID string `json:"clusterUID,omitempty"`
	// namespace is the namespace on the member cluster that the model runs in.
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// product is the accelerator that the replicas are reserved on.
	// +optional
	Product string `json:"product,omitempty"`
	// resourceName is the extended resource that the accelerators are reserved
	// of.
	// +optional
	ResourceName string `json:"resourceName,omitempty"`
	// acceleratorCount is the number of accelerators that are reserved for each
	// replica. It is not what the spec asks for while there is no room for that.
	// +optional
	AcceleratorCount int32 `json:"acceleratorCount,omitempty"`
	// phase is how far the placement has come.
	// +optional
	Phase PlacementPhase `json:"phase,omitempty"`
	// replicas is the wanted number of replicas.
	Replicas int32 `json:"replicas"`
	// observedReplicas is the number of replicas whose accelerators the
	// Cluster's status counts as taken already; the others are reserved.
	// +optional
	ObservedReplicas int32 `json:"observedReplicas,omitempty"`
	// readyReplicas is the number of replicas that are ready.
	// +optional
	ReadyReplicas int32 `json:"readyReplicas,omitempty"`
	// endpoint is the address on the member cluster.
	// +optional
	Endpoint string `json:"endpoint,omitempty"`
	// manifestHash identifies what was last applied.
	// +optional
	ManifestHash string `json:"manifestHash,omitempty"`
	// reason says in one word why the placement is in its phase.
	// +optional
	Reason string `json:"reason,omitempty"`
	// message says it for people.
	// +optional
	Message string `json:"message,omitempty"`
	// lastTransitionTime is when the phase last changed.
	// +optional
	LastTransitionTime *metav1.Time `json:"lastTransitionTime,omitempty"`
}

// RemovedPlacement is a Cluster that a model has left.
type RemovedPlacement struct {
	// cluster is the Cluster's name.
	Cluster string `json:"cluster"`
	// clusterUID is the Cluster's UID.
	// +optional
	ClusterUID string `json:"clusterUID,omitempty"`
	// product is the accelerator that the replicas were reserved on.
	// +optional
	Product string `json:"product,omitempty"`
	// resourceName is the extended resource that the accelerators were reserved
	// of.
	// +optional
	ResourceName string `json:"resourceName,omitempty"`
	// acceleratorCount is the number of accelerators of each replica.
	// +optional
	AcceleratorCount int32 `json:"acceleratorCount,omitempty"`
	// replicas is the number of replicas that may run or still start there. Their
	// accelerators stay reserved until nothing of the model is left there.
	// +optional
	Replicas int32 `json:"replicas,omitempty"`
	// observedReplicas is the number of replicas whose accelerators the Cluster's
	// status counts as taken already.
	// +optional
	ObservedReplicas int32 `json:"observedReplicas,omitempty"`
	// message says what the removal waits for.
	// +optional
	Message string `json:"message,omitempty"`
}

// RejectedCluster is a Cluster that a model does not fit on.
type RejectedCluster struct {
	// cluster is the Cluster's name.
	Cluster string `json:"cluster"`
	// reason says in one word why it does not fit.
	Reason string `json:"reason"`
	// message says it for people.
	Message string `json:"message"`
}

// Plan is what a request would do, as of a moment.
type Plan struct {
	// time is the moment that the plan was made; capacity may move afterwards.
	Time metav1.Time `json:"time"`
	// message sums the plan up in one line.
	Message string `json:"message"`
	// placements are the Clusters that would be chosen.
	// +optional
	// +listType=map
	// +listMapKey=cluster
	Placements []ModelPlacement `json:"placements,omitempty"`
	// rejectedClusters are the Clusters that do not fit.
	// +optional
	// +listType=map
	// +listMapKey=cluster
	RejectedClusters []RejectedCluster `json:"rejectedClusters,omitempty"`
	// manifests are what would be applied to each chosen Cluster, as YAML; no
	// secret is in them.
	// +optional
	// +listType=map
	// +listMapKey=cluster
	Manifests []PlannedManifests `json:"manifests,omitempty"`
}

// PlannedManifests are what would be applied to one Cluster.
type PlannedManifests struct {
	// cluster is the Cluster's name.
	Cluster string `json:"cluster"`
	// yaml is the objects, as YAML documents.
	YAML string `json:"yaml"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// ModelList is a list of models.
type ModelList struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is standard list metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	// items are the models.
	Items []Model `json:"items"`
}
