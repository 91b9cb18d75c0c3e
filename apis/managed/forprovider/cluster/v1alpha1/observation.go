package v1alpha1

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/managed/forprovider/object"
)

// ClusterObservation is what the platform shows of a member cluster.
type ClusterObservation struct {
	object.Observation          `json:",inline"`
	clusterv1alpha1.ClusterSpec `json:",inline"`

	// observedGeneration is the generation that the platform's status was
	// computed from.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions are the platform's: Ready, CredentialsValid, Reachable and
	// CapacityKnown, and Drained while the Cluster is being deleted.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// credentialsVersion is the opaque version of the credentials last handed in.
	// +optional
	CredentialsVersion string `json:"credentialsVersion,omitempty"`
	// observedCredentialsVersion is the version of the credentials that the
	// platform's status was computed from.
	// +optional
	ObservedCredentialsVersion string `json:"observedCredentialsVersion,omitempty"`
	// credentialsExpireAt is when the client certificate or token in use expires,
	// where it says so.
	// +optional
	CredentialsExpireAt *metav1.Time `json:"credentialsExpireAt,omitempty"`
	// id identifies the member cluster: the UID of its namespace kube-system.
	// +optional
	ID string `json:"id,omitempty"`
	// version is the member's Kubernetes version, such as v1.37.2.
	// +optional
	Version string `json:"version,omitempty"`
	// endpoint is the address of the member's API server.
	// +optional
	Endpoint string `json:"endpoint,omitempty"`
	// nodes counts the member's nodes.
	// +optional
	Nodes *clusterv1alpha1.NodeSummary `json:"nodes,omitempty"`
	// freeAccelerators sums the accelerators of all products up: free/allocatable,
	// such as 5/16, and "(stale)" while the platform does not know whether the
	// numbers still hold.
	// +optional
	FreeAccelerators string `json:"freeAccelerators,omitempty"`
	// accelerators are the member's accelerators, one entry a product and
	// resource.
	// +optional
	// +listType=map
	// +listMapKey=product
	// +listMapKey=resourceName
	Accelerators []clusterv1alpha1.Accelerator `json:"accelerators,omitempty"`
	// capabilities are what the member offers beyond plain Kubernetes.
	// +optional
	// +listType=set
	Capabilities []clusterv1alpha1.Capability `json:"capabilities,omitempty"`
}

// ObserveCluster 摘出成员集群里要展示的部分；c 与缓存共享，所以先复制。
// 心跳时刻不在其中：它每个节拍都变，抄过来的话，静止的集群也会一直写控制面。
func ObserveCluster(c *clusterv1alpha1.Cluster) *ClusterObservation {
	spec, status := c.Spec.DeepCopy(), c.Status.DeepCopy()
	return &ClusterObservation{
		Observation:                object.Observe(c),
		ClusterSpec:                *spec,
		ObservedGeneration:         status.ObservedGeneration,
		Conditions:                 status.Conditions,
		CredentialsVersion:         status.CredentialsVersion,
		ObservedCredentialsVersion: status.ObservedCredentialsVersion,
		CredentialsExpireAt:        status.CredentialsExpireAt,
		ID:                         status.ID,
		Version:                    status.Version,
		Endpoint:                   status.Endpoint,
		Nodes:                      status.Nodes,
		FreeAccelerators:           freeAccelerators(status),
		Accelerators:               status.Accelerators,
		Capabilities:               status.Capabilities,
	}
}

// DeletionWaitsFor 是平台说删除在等什么，没说的为空。
func (o *ClusterObservation) DeletionWaitsFor() string {
	if o == nil {
		return ""
	}
	drained := meta.FindStatusCondition(o.Conditions, clusterv1alpha1.ConditionDrained)
	if drained == nil || drained.Status == metav1.ConditionTrue {
		return ""
	}
	return drained.Reason + ": " + drained.Message
}

// freeAccelerators 把各种加速器加起来，好在一列里显示；没见过加速器的集群不显示，旧的数字标明是旧的。
func freeAccelerators(status *clusterv1alpha1.ClusterStatus) string {
	if len(status.Accelerators) == 0 {
		return ""
	}
	var free, allocatable int32
	for _, accelerator := range status.Accelerators {
		free, allocatable = free+accelerator.Free, allocatable+accelerator.Allocatable
	}
	sum := fmt.Sprintf("%d/%d", free, allocatable)
	if !meta.IsStatusConditionTrue(status.Conditions, clusterv1alpha1.ConditionCapacityKnown) {
		sum += " (stale)"
	}
	return sum
}
