package cluster

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Cluster 是一个可以放模型的成员 Kubernetes 集群。
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
type Cluster struct {
	metav1.TypeMeta
	metav1.ObjectMeta

	Spec   ClusterSpec
	Status ClusterStatus
}

// ClusterSpec 是使用者声明的部分；字段含义见 v1alpha1。
type ClusterSpec struct {
	Credentials             *CredentialsSource
	Region                  *string
	Zones                   []string
	Taints                  []Taint
	Heartbeat               *Heartbeat
	WorkloadNamespacePrefix *string
	Suspended               *bool
	DeletionPolicy          *DeletionPolicy
}

// CredentialsSource 说平台凭什么进入成员集群。
type CredentialsSource struct {
	KubeconfigSecretRef   *SecretKeyReference
	InsecureSkipTLSVerify *bool
}

// SecretKeyReference 指平台上一个 Secret 的一个键。
type SecretKeyReference struct {
	Namespace string
	Name      string
	Key       *string
}

// TaintEffect 是污点对不容忍它的模型的作用。
type TaintEffect string

// Taint 让不容忍它的模型不放到这个成员集群上。
type Taint struct {
	Key    string
	Value  string
	Effect TaintEffect
}

// Heartbeat 是探测的节拍。
type Heartbeat struct {
	IntervalSeconds  *int32
	TimeoutSeconds   *int32
	FailureThreshold *int32
}

// DeletionPolicy 说删除时成员集群上的东西怎么办。
type DeletionPolicy string

// ClusterStatus 由集群控制器写入，credentialsVersion 除外：它由收下凭据的子资源写入。
type ClusterStatus struct {
	ObservedGeneration         int64
	Conditions                 []metav1.Condition
	CredentialsVersion         string
	ObservedCredentialsVersion string
	CredentialsExpireAt        *metav1.Time
	ID                         string
	Version                    string
	Endpoint                   string
	LastHeartbeatTime          *metav1.Time
	Nodes                      *NodeSummary
	Accelerators               []Accelerator
	Capabilities               []Capability
}

// NodeSummary 是成员集群的节点数。
type NodeSummary struct {
	Total       int32
	Ready       int32
	Schedulable int32
}

// Accelerator 是成员集群里一种加速卡。
type Accelerator struct {
	Product          string
	ResourceName     string
	Memory           *resource.Quantity
	Nodes            int32
	Capacity         int32
	Allocatable      int32
	Allocated        int32
	Free             int32
	LargestFreeBlock int32
	FreeBlocks       []FreeBlock
}

// FreeBlock 是空闲卡数相同的节点数。
type FreeBlock struct {
	Size  int32
	Nodes int32
}

// Capability 是成员集群在普通 Kubernetes 之外的能力。
type Capability string

// ClusterList 是 Cluster 的列表。
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
type ClusterList struct {
	metav1.TypeMeta
	metav1.ListMeta

	Items []Cluster
}

// 删除策略；取值见 v1alpha1。
const (
	DeletionDrain  DeletionPolicy = "Drain"
	DeletionOrphan DeletionPolicy = "Orphan"
)

// 污点的作用；取值见 v1alpha1。
const (
	TaintNoSchedule TaintEffect = "NoSchedule"
	TaintNoExecute  TaintEffect = "NoExecute"
)
