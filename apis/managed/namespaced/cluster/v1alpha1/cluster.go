package v1alpha1

import (
	xpv2 "github.com/crossplane/crossplane/apis/v2/core/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/managed/forprovider/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/managed/forprovider/secret"
)

// A Cluster registers a member Kubernetes cluster with the KubeLLM platform, for
// models to run on.
// Its external name is the cluster's name on the platform, by default the name
// of the managed resource.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Namespaced,categories={crossplane,managed,kubellm}
// +kubebuilder:printcolumn:name="READY",type="string",JSONPath=".status.conditions[?(@.type=='Ready')].status"
// +kubebuilder:printcolumn:name="SYNCED",type="string",JSONPath=".status.conditions[?(@.type=='Synced')].status"
// +kubebuilder:printcolumn:name="EXTERNAL-NAME",type="string",JSONPath=`.metadata.annotations.crossplane\.io/external-name`
// +kubebuilder:printcolumn:name="VERSION",type="string",JSONPath=".status.atProvider.version"
// +kubebuilder:printcolumn:name="NODES",type="integer",JSONPath=".status.atProvider.nodes.total"
// +kubebuilder:printcolumn:name="FREE-GPUS",type="string",JSONPath=".status.atProvider.freeAccelerators"
// +kubebuilder:printcolumn:name="REASON",type="string",JSONPath=".status.conditions[?(@.type=='Ready')].reason",priority=1
// +kubebuilder:printcolumn:name="AGE",type="date",JSONPath=".metadata.creationTimestamp"
// +kubebuilder:validation:XValidation:rule="!('*' in self.spec.managementPolicies || 'Update' in self.spec.managementPolicies) || (self.spec.?forProvider.?workloadNamespacePrefix.hasValue() ? oldSelf.spec.?forProvider.?workloadNamespacePrefix.hasValue() && self.spec.forProvider.workloadNamespacePrefix == oldSelf.spec.forProvider.workloadNamespacePrefix : !oldSelf.spec.?forProvider.?workloadNamespacePrefix.hasValue()) || !self.?status.?atProvider.?workloadNamespacePrefix.hasValue() || (self.spec.?forProvider.?workloadNamespacePrefix.hasValue() ? self.spec.forProvider.workloadNamespacePrefix == self.status.atProvider.workloadNamespacePrefix : self.status.atProvider.workloadNamespacePrefix == 'kubellm-')",fieldPath=".spec.forProvider.workloadNamespacePrefix",message="the prefix of a cluster that is on the platform cannot be changed, and is kubellm- where it is not set: delete the managed resource and make another"
type Cluster struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what is wanted.
	Spec ClusterSpec `json:"spec"`
	// status is what has been observed.
	// +optional
	Status ClusterStatus `json:"status,omitempty"`
}

// ClusterSpec is what is wanted of the member cluster and how to manage it.
type ClusterSpec struct {
	xpv2.ManagedResourceSpec `json:",inline"`

	// forProvider is the member cluster as it is to be on the platform. Fields
	// that are not set are left alone, except insecureSkipTLSVerify.
	// +optional
	ForProvider ClusterParameters `json:"forProvider,omitempty"`
}

// ClusterParameters are what is wanted of the member cluster.
//
// +kubebuilder:validation:XValidation:rule="!has(self.kubeconfigSecretRef) || !has(self.platformKubeconfigSecretRef)",message="kubeconfigSecretRef, a Secret of this cluster, and platformKubeconfigSecretRef, a Secret of the platform, exclude each other"
type ClusterParameters struct {
	v1alpha1.ClusterParameters `json:",inline"`

	// kubeconfigSecretRef points at a Secret of this cluster, in the namespace of the managed resource,
	// that holds the member's kubeconfig. The provider hands
	// it to the platform, and hands it in again when the Secret changes or the
	// platform no longer has what it was given. Certificates, keys and tokens must
	// be written out in the kubeconfig: one that refers to files or commands is
	// refused.
	// +optional
	KubeconfigSecretRef *secret.Reference `json:"kubeconfigSecretRef,omitempty"`
}

// ClusterStatus is what has been observed.
type ClusterStatus struct {
	xpv2.ManagedResourceStatus `json:",inline"`

	// credentials say which Secret the platform was given last.
	// +optional
	Credentials *secret.Handover `json:"credentials,omitempty"`
	// atProvider is the member cluster as the platform shows it. The time of the
	// last heartbeat is not among it: it is on the platform alone.
	// +optional
	AtProvider *v1alpha1.ClusterObservation `json:"atProvider,omitempty"`
}

// ClusterList is a list of member clusters.
//
// +kubebuilder:object:root=true
type ClusterList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Cluster `json:"items"`
}

// Desired 是平台上应有的样子，名字由外部名决定。
func (mg *Cluster) Desired() *clusterv1alpha1.Cluster { return mg.Spec.ForProvider.Desired() }

// SetObserved 记下平台上现有的样子。
func (mg *Cluster) SetObserved(c *clusterv1alpha1.Cluster) {
	mg.Status.AtProvider = v1alpha1.ObserveCluster(c)
}

// ParameterName 是平台的 spec 之下叫 field 的，在 forProvider 里叫什么。
func (mg *Cluster) ParameterName(field string) string { return v1alpha1.ParameterName(field) }

// DeletionWaitsFor 是平台说删除在等什么，没说的为空。
func (mg *Cluster) DeletionWaitsFor() string { return mg.Status.AtProvider.DeletionWaitsFor() }

// SecretSource 是要交给平台的 kubeconfig，只能出自自己的命名空间；nil 表示没有。
func (mg *Cluster) SecretSource() *secret.Source {
	return mg.Spec.ForProvider.KubeconfigSecretRef.In(mg.GetNamespace(), "spec.forProvider.kubeconfigSecretRef", clusterv1alpha1.DefaultKubeconfigKey)
}

// Handover 是最近交给平台的那一份。
func (mg *Cluster) Handover() *secret.Handover { return mg.Status.Credentials }

// SetHandover 记下最近交给平台的那一份。
func (mg *Cluster) SetHandover(h *secret.Handover) { mg.Status.Credentials = h }
