package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"

	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// Resources are what one replica needs.
type Resources struct {
	// accelerator is the accelerators of one replica, all on one node. The model
	// runs on processors alone where it is not set.
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
	// accelerators. It must be less than memory, where that is set. The platform
	// takes 1Gi where it is not set.
	// +optional
	SharedMemory *resource.Quantity `json:"sharedMemory,omitempty"`
}

// AcceleratorRequest is the accelerators of one replica.
type AcceleratorRequest struct {
	// resourceName is the extended resource that the pods ask for. The platform
	// takes nvidia.com/gpu where it is not set.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=317
	ResourceName *string `json:"resourceName,omitempty"`
	// count is the number of accelerators. The platform takes 1 where it is not
	// set.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=64
	Count *int32 `json:"count,omitempty"`
	// products are the products that will do, as Cluster status names them. Any
	// will do where there are none.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	Products []string `json:"products,omitempty"`
}

// Scaling says how many replicas there are in each cluster: replicas or
// autoscaling.
//
// +kubebuilder:validation:XValidation:rule="!has(self.replicas) || !has(self.autoscaling)",message="replicas and autoscaling exclude each other"
type Scaling struct {
	// replicas is the number of replicas in each cluster.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000
	Replicas *int32 `json:"replicas,omitempty"`
	// autoscaling lets the member cluster choose the number, which takes KEDA
	// there.
	// +optional
	Autoscaling *Autoscaling `json:"autoscaling,omitempty"`
}

// Autoscaling lets a member cluster choose the number of replicas.
//
// +kubebuilder:validation:XValidation:rule="!has(self.minReplicas) || self.minReplicas <= self.maxReplicas",message="minReplicas must not be more than maxReplicas"
type Autoscaling struct {
	// minReplicas is the least number of replicas. The platform takes 1 where it
	// is not set.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	MinReplicas *int32 `json:"minReplicas,omitempty"`
	// maxReplicas is the greatest number of replicas; the placement reserves room
	// for as many.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	MaxReplicas int32 `json:"maxReplicas"`
	// targetRequestsPerReplica is how many requests one replica is to work on at
	// a time. The platform takes 16 where it is not set.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000
	TargetRequestsPerReplica *int32 `json:"targetRequestsPerReplica,omitempty"`
}

// Cache keeps downloaded files. Its storage class and access mode cannot be
// changed while it is there, and it cannot become smaller.
//
// +kubebuilder:validation:XValidation:rule="has(self.storageClassName) == has(oldSelf.storageClassName) && (!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)",fieldPath=".storageClassName",message="the storage class of a cache cannot be changed, set or removed later: remove the cache first and add it again"
// +kubebuilder:validation:XValidation:rule="(has(self.accessMode) && self.accessMode == 'ReadWriteOnce') == (has(oldSelf.accessMode) && oldSelf.accessMode == 'ReadWriteOnce')",fieldPath=".accessMode",message="the access mode of a cache cannot be changed, and is ReadWriteMany where it is not set: remove the cache first and add it again"
// +kubebuilder:validation:XValidation:rule="quantity(string(self.size)).compareTo(quantity(string(oldSelf.size))) >= 0",fieldPath=".size",message="a cache cannot become smaller: remove the cache first and add it again"
type Cache struct {
	// size is the size of the volume.
	Size resource.Quantity `json:"size"`
	// storageClassName is the member's storage class. The member's default is
	// used where it is not set.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	StorageClassName *string `json:"storageClassName,omitempty"`
	// accessMode is ReadWriteMany, which all replicas share, or ReadWriteOnce,
	// which only one replica can use. The platform takes ReadWriteMany where it is
	// not set.
	// +optional
	// +kubebuilder:validation:Enum=ReadWriteMany;ReadWriteOnce
	AccessMode *string `json:"accessMode,omitempty"`
}

// Rollout says how replicas are replaced when a model changes.
//
// +kubebuilder:validation:XValidation:rule="!has(self.type) || self.type != 'Recreate' || (!has(self.maxSurge) && !has(self.maxUnavailable))",message="Recreate stops all replicas at once: maxSurge and maxUnavailable go with Rolling alone"
// +kubebuilder:validation:XValidation:rule="!has(self.maxUnavailable) || self.maxUnavailable > 0 || (has(self.maxSurge) && self.maxSurge > 0)",message="maxUnavailable must not be 0 while maxSurge is 0 too: no replica could ever be replaced"
type Rollout struct {
	// type is Rolling or Recreate. The platform takes Rolling where it is not set.
	// +optional
	Type *modelv1alpha1.RolloutType `json:"type,omitempty"`
	// maxSurge is how many replicas there may be beyond the wanted number. The
	// platform takes 0 where it is not set: with more, a rollout waits for good
	// where all accelerators are taken.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000
	MaxSurge *int32 `json:"maxSurge,omitempty"`
	// maxUnavailable is how many replicas may be missing meanwhile. The platform
	// takes 1 where it is not set.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000
	MaxUnavailable *int32 `json:"maxUnavailable,omitempty"`
}

func (r *Resources) desired() *modelv1alpha1.Resources {
	if r == nil {
		return nil
	}
	return &modelv1alpha1.Resources{Accelerator: (*modelv1alpha1.AcceleratorRequest)(r.Accelerator), CPU: r.CPU, Memory: r.Memory, SharedMemory: r.SharedMemory}
}

func (s *Scaling) desired() *modelv1alpha1.Scaling {
	if s == nil {
		return nil
	}
	return &modelv1alpha1.Scaling{Replicas: s.Replicas, Autoscaling: (*modelv1alpha1.Autoscaling)(s.Autoscaling)}
}

func (c *Cache) desired() *modelv1alpha1.Cache { return (*modelv1alpha1.Cache)(c) }

func (r *Rollout) desired() *modelv1alpha1.Rollout { return (*modelv1alpha1.Rollout)(r) }
