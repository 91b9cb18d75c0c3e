package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// LabelClusterUID is on every object that KubeLLM places on a member cluster;
// its value is the UID of the Cluster it was placed for. Draining removes what
// bears it, and nothing else; namespaces stay, because others may keep things
// in them.
const LabelClusterUID = "cluster.kubellm.io/uid"

// FinalizerMember keeps a Cluster that is being deleted until its member is
// drained, where the deletion policy asks for that.
const FinalizerMember = "cluster.kubellm.io/member"

// +genclient
// +genclient:nonNamespaced
// +genclient:method=CreateCredentials,verb=create,subresource=credentials,input=ClusterCredentials,result=ClusterCredentials
// +genclient:method=GetCredentials,verb=get,subresource=credentials,result=ClusterCredentials
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// Cluster is a member Kubernetes cluster that models can be placed on.
type Cluster struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what is wanted of the member cluster.
	// +optional
	Spec ClusterSpec `json:"spec,omitempty"`
	// status is what the platform has observed of the member cluster.
	// +optional
	Status ClusterStatus `json:"status,omitempty"`
}

// ClusterSpec is what is wanted of a member cluster.
type ClusterSpec struct {
	// credentials say how the platform gets into the member cluster.
	// +optional
	Credentials *CredentialsSource `json:"credentials,omitempty"`
	// region is where the member cluster is, for people and for selectors, at
	// most 63 characters.
	// +optional
	Region *string `json:"region,omitempty"`
	// zones are the failure domains that the member's nodes are in, at most 64.
	// +optional
	// +listType=atomic
	Zones []string `json:"zones,omitempty"`
	// taints keep models that do not tolerate them off the member cluster, at
	// most 64.
	// +optional
	// +listType=atomic
	Taints []Taint `json:"taints,omitempty"`
	// heartbeat says how often the member is probed and when it counts as
	// unreachable.
	// +optional
	Heartbeat *Heartbeat `json:"heartbeat,omitempty"`
	// workloadNamespacePrefix is put before a model's namespace to name the
	// namespace on the member cluster that the model runs in, at most 32
	// characters. It cannot be changed, because what runs there would be
	// lost sight of. Defaults to "kubellm-".
	// +optional
	WorkloadNamespacePrefix *string `json:"workloadNamespacePrefix,omitempty"`
	// suspended takes the platform off the member cluster while it is true:
	// nothing is probed, watched, placed or removed there, and what runs there
	// is left alone. Defaults to false.
	// +optional
	Suspended *bool `json:"suspended,omitempty"`
	// deletionPolicy says what becomes of the things that KubeLLM placed on the
	// member when the Cluster is deleted: Drain removes them first, and the
	// deletion waits until they are gone; Orphan leaves them there. The
	// namespaces that KubeLLM made stay in any case, with what others keep in
	// them. It may be changed while the Cluster is being deleted: Orphan
	// releases a deletion that waits for an unreachable member. Defaults to
	// Drain.
	// +optional
	DeletionPolicy *DeletionPolicy `json:"deletionPolicy,omitempty"`
}

// CredentialsSource says how the platform gets into a member cluster.
type CredentialsSource struct {
	// kubeconfigSecretRef points at a Secret of the platform that holds a
	// kubeconfig. Whoever sets it must be allowed to get that Secret. Without
	// it the kubeconfig is the one handed in through the subresource
	// clusters/credentials.
	// +optional
	KubeconfigSecretRef *SecretKeyReference `json:"kubeconfigSecretRef,omitempty"`
	// insecureSkipTLSVerify must be true for a kubeconfig that does not verify
	// the member's certificate to be accepted. Anybody between the platform and
	// the member can then take its credentials. Defaults to false.
	// +optional
	InsecureSkipTLSVerify *bool `json:"insecureSkipTLSVerify,omitempty"`
}

// SecretKeyReference points at one key of a Secret of the platform.
type SecretKeyReference struct {
	// namespace is the Secret's namespace.
	Namespace string `json:"namespace"`
	// name is the Secret's name.
	Name string `json:"name"`
	// key is the key in the Secret's data. Defaults to "kubeconfig".
	// +optional
	Key *string `json:"key,omitempty"`
}

// TaintEffect is what a taint does to models that do not tolerate it.
// +enum
// +kubebuilder:validation:Enum=NoSchedule;NoExecute
type TaintEffect string

// The effects of taints.
const (
	// TaintNoSchedule keeps new models away; those placed before stay.
	TaintNoSchedule TaintEffect = "NoSchedule"
	// TaintNoExecute keeps new models away and takes those placed before to
	// other member clusters.
	TaintNoExecute TaintEffect = "NoExecute"
)

// Taint keeps models that do not tolerate it off a member cluster.
type Taint struct {
	// key is a label key, such as maintenance or example.org/team.
	Key string `json:"key"`
	// value is a label value.
	// +optional
	Value string `json:"value,omitempty"`
	// effect is NoSchedule or NoExecute.
	Effect TaintEffect `json:"effect"`
}

// Heartbeat says how a member cluster is probed.
type Heartbeat struct {
	// intervalSeconds is the time between two probes, 1 to 3600. Defaults to 30.
	// +optional
	IntervalSeconds *int32 `json:"intervalSeconds,omitempty"`
	// timeoutSeconds is how long one probe may take, 1 to 300. Defaults to 10.
	// +optional
	TimeoutSeconds *int32 `json:"timeoutSeconds,omitempty"`
	// failureThreshold is how many probes in a row must fail before the member
	// counts as unreachable, 1 to 100. Defaults to 3.
	// +optional
	FailureThreshold *int32 `json:"failureThreshold,omitempty"`
}

// DeletionPolicy is what becomes of the things placed on a member cluster.
// +enum
// +kubebuilder:validation:Enum=Drain;Orphan
type DeletionPolicy string

// The deletion policies.
const (
	// DeletionDrain removes what KubeLLM placed on the member, except for
	// namespaces, and waits for it.
	DeletionDrain DeletionPolicy = "Drain"
	// DeletionOrphan leaves what KubeLLM placed on the member where it is.
	DeletionOrphan DeletionPolicy = "Orphan"
)

// ClusterStatus is what the platform has observed of a member cluster.
type ClusterStatus struct {
	// observedGeneration is the generation that this status was computed from.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions are the latest observations: Ready, CredentialsValid,
	// Reachable and CapacityKnown, and Drained while the Cluster is being
	// deleted. A condition is Unknown when there is no fresh evidence for it.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +patchMergeKey=type
	// +patchStrategy=merge
	Conditions []metav1.Condition `json:"conditions,omitempty" patchStrategy:"merge" patchMergeKey:"type"`
	// credentialsVersion is the opaque version of the credentials last handed in
	// through clusters/credentials.
	// +optional
	CredentialsVersion string `json:"credentialsVersion,omitempty"`
	// observedCredentialsVersion is the version of the credentials that this
	// status was computed from.
	// +optional
	ObservedCredentialsVersion string `json:"observedCredentialsVersion,omitempty"`
	// credentialsExpireAt is when the client certificate or token in use expires,
	// where it says so.
	// +optional
	CredentialsExpireAt *metav1.Time `json:"credentialsExpireAt,omitempty"`
	// id identifies the member cluster: the UID of its namespace kube-system. It
	// is set once; credentials that lead to another member are refused.
	// +optional
	ID string `json:"id,omitempty"`
	// version is the member's Kubernetes version, such as v1.37.2.
	// +optional
	Version string `json:"version,omitempty"`
	// endpoint is the address of the member's API server.
	// +optional
	Endpoint string `json:"endpoint,omitempty"`
	// lastHeartbeatTime is when the member last answered a probe; it is written
	// at most once an interval.
	// +optional
	LastHeartbeatTime *metav1.Time `json:"lastHeartbeatTime,omitempty"`
	// nodes counts the member's nodes.
	// +optional
	Nodes *NodeSummary `json:"nodes,omitempty"`
	// accelerators are the member's accelerators, one entry a product and
	// resource, in alphabetical order. The numbers are those last seen; the
	// condition CapacityKnown says whether they still hold.
	// +optional
	// +listType=map
	// +listMapKey=product
	// +listMapKey=resourceName
	Accelerators []Accelerator `json:"accelerators,omitempty"`
	// capabilities are what the member offers beyond plain Kubernetes, in
	// alphabetical order: GatewayAPI, ImageVolumes, KEDA, KServe.
	// +optional
	// +listType=set
	Capabilities []Capability `json:"capabilities,omitempty"`
}

// NodeSummary counts the nodes of a member cluster.
type NodeSummary struct {
	// total is the number of nodes.
	Total int32 `json:"total"`
	// ready is the number of nodes that are ready.
	Ready int32 `json:"ready"`
	// schedulable is the number of nodes that are ready and not cordoned.
	Schedulable int32 `json:"schedulable"`
}

// Accelerator is one product of accelerators in a member cluster.
type Accelerator struct {
	// product is the product's name as the nodes are labelled with it, such as
	// NVIDIA-H100-80GB-HBM3, or unknown.
	Product string `json:"product"`
	// resourceName is the extended resource that pods ask for, such as
	// nvidia.com/gpu.
	ResourceName string `json:"resourceName"`
	// memory is the memory of one accelerator, where the nodes are labelled with
	// it.
	// +optional
	Memory *resource.Quantity `json:"memory,omitempty"`
	// nodes is the number of nodes that have this product.
	Nodes int32 `json:"nodes"`
	// capacity is the number of accelerators in all nodes.
	Capacity int32 `json:"capacity"`
	// allocatable is the number of those that pods can use, on schedulable nodes.
	Allocatable int32 `json:"allocatable"`
	// allocated is the number that pods have been given, on all nodes.
	Allocated int32 `json:"allocated"`
	// free is the number that are left on schedulable nodes.
	Free int32 `json:"free"`
	// largestFreeBlock is the largest number that is free on one node: no pod
	// that asks for more can be scheduled.
	LargestFreeBlock int32 `json:"largestFreeBlock"`
	// freeBlocks says on how many schedulable nodes how many are free, largest
	// first; nodes without a free one are left out.
	// +optional
	// +listType=map
	// +listMapKey=size
	FreeBlocks []FreeBlock `json:"freeBlocks,omitempty"`
}

// FreeBlock counts the nodes on which the same number of accelerators is free.
type FreeBlock struct {
	// size is the number of accelerators free on each of these nodes.
	Size int32 `json:"size"`
	// nodes is the number of such nodes.
	Nodes int32 `json:"nodes"`
}

// Capability is something a member cluster offers beyond plain Kubernetes.
// +enum
type Capability string

// The capabilities.
const (
	// CapabilityGatewayAPI: gateway.networking.k8s.io is served.
	CapabilityGatewayAPI Capability = "GatewayAPI"
	// CapabilityImageVolumes: pods can mount OCI images as volumes.
	CapabilityImageVolumes Capability = "ImageVolumes"
	// CapabilityKEDA: keda.sh is served.
	CapabilityKEDA Capability = "KEDA"
	// CapabilityKServe: LLMInferenceService of serving.kserve.io is served.
	CapabilityKServe Capability = "KServe"
)

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// ClusterList is a list of member clusters.
type ClusterList struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is standard list metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	// items are the member clusters.
	Items []Cluster `json:"items"`
}
