package v1alpha1

import (
	"context"

	xpv2 "github.com/crossplane/crossplane/apis/v2/core/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kubellm/kubellm/apis/managed/forprovider/model/v1alpha1"
	"github.com/kubellm/kubellm/apis/managed/forprovider/secret"
	clusterv1alpha1 "github.com/kubellm/kubellm/apis/managed/namespaced/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/managed/reference"
	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// A Model is a large language model that the KubeLLM platform serves on member
// clusters.
// Its external name is the model's name on the platform, by default the name
// of the managed resource.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Namespaced,categories={crossplane,managed,kubellm}
// +kubebuilder:printcolumn:name="READY",type="string",JSONPath=".status.conditions[?(@.type=='Ready')].status"
// +kubebuilder:printcolumn:name="SYNCED",type="string",JSONPath=".status.conditions[?(@.type=='Synced')].status"
// +kubebuilder:printcolumn:name="EXTERNAL-NAME",type="string",JSONPath=`.metadata.annotations.crossplane\.io/external-name`
// +kubebuilder:printcolumn:name="ENGINE",type="string",JSONPath=".status.atProvider.engine.type"
// +kubebuilder:printcolumn:name="REPLICAS",type="string",JSONPath=".status.atProvider.replicas"
// +kubebuilder:printcolumn:name="CLUSTERS",type="string",JSONPath=".status.atProvider.clusterNames"
// +kubebuilder:printcolumn:name="ENDPOINT",type="string",JSONPath=".status.atProvider.endpoint"
// +kubebuilder:printcolumn:name="REASON",type="string",JSONPath=".status.conditions[?(@.type=='Ready')].reason",priority=1
// +kubebuilder:printcolumn:name="AGE",type="date",JSONPath=".metadata.creationTimestamp"
// +kubebuilder:validation:XValidation:rule="!('*' in self.spec.managementPolicies || 'Update' in self.spec.managementPolicies) || (self.spec.?forProvider.?engine.?type.hasValue() ? oldSelf.spec.?forProvider.?engine.?type.hasValue() && self.spec.forProvider.engine.type == oldSelf.spec.forProvider.engine.type : !oldSelf.spec.?forProvider.?engine.?type.hasValue()) || !self.?status.?atProvider.?engine.?type.hasValue() || (self.spec.?forProvider.?engine.?type.hasValue() ? self.spec.forProvider.engine.type == self.status.atProvider.engine.type : false)",fieldPath=".spec.forProvider.engine.type",message="the engine of a model that is on the platform cannot be changed: delete the managed resource and make another"
// +kubebuilder:validation:XValidation:rule="!('*' in self.spec.managementPolicies || 'Update' in self.spec.managementPolicies) || (self.spec.?forProvider.?engine.?delivery.hasValue() ? oldSelf.spec.?forProvider.?engine.?delivery.hasValue() && self.spec.forProvider.engine.delivery == oldSelf.spec.forProvider.engine.delivery : !oldSelf.spec.?forProvider.?engine.?delivery.hasValue()) || !self.?status.?atProvider.?engine.?delivery.hasValue() || (self.spec.?forProvider.?engine.?delivery.hasValue() ? self.spec.forProvider.engine.delivery == self.status.atProvider.engine.delivery : self.status.atProvider.engine.delivery == 'Deployment')",fieldPath=".spec.forProvider.engine.delivery",message="the delivery of a model that is on the platform cannot be changed, and is Deployment where it is not set: delete the managed resource and make another"
// +kubebuilder:validation:XValidation:rule="!('*' in self.spec.managementPolicies || 'Update' in self.spec.managementPolicies) || (self.spec.?forProvider.?servedName.hasValue() ? oldSelf.spec.?forProvider.?servedName.hasValue() && self.spec.forProvider.servedName == oldSelf.spec.forProvider.servedName : !oldSelf.spec.?forProvider.?servedName.hasValue()) || !self.?status.?atProvider.?servedName.hasValue() || (self.spec.?forProvider.?servedName.hasValue() ? self.spec.forProvider.servedName == self.status.atProvider.servedName : self.status.atProvider.?name.hasValue() ? self.status.atProvider.servedName == self.status.atProvider.name : self.status.atProvider.servedName == self.metadata.name)",fieldPath=".spec.forProvider.servedName",message="the name that a model on the platform is called by cannot be changed, and is the model's name there where it is not set: delete the managed resource and make another"
type Model struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what is wanted.
	Spec ModelSpec `json:"spec"`
	// status is what has been observed.
	// +optional
	Status ModelStatus `json:"status,omitempty"`
}

// ModelSpec is what is wanted of the model and how to manage it.
//
// +kubebuilder:validation:XValidation:rule="!('*' in self.managementPolicies || 'Create' in self.managementPolicies || 'Update' in self.managementPolicies) || (has(self.forProvider) && has(self.forProvider.source))",message="spec.forProvider.source is required, unless managementPolicies only observe"
// +kubebuilder:validation:XValidation:rule="!('*' in self.managementPolicies || 'Create' in self.managementPolicies || 'Update' in self.managementPolicies) || (has(self.forProvider) && has(self.forProvider.engine) && has(self.forProvider.engine.type))",message="spec.forProvider.engine.type is required, unless managementPolicies only observe"
// +kubebuilder:validation:XValidation:rule="(has(self.forProvider) && has(self.forProvider.namespace)) == (has(oldSelf.forProvider) && has(oldSelf.forProvider.namespace))",message="spec.forProvider.namespace cannot be added or removed later: delete the managed resource and make another"
type ModelSpec struct {
	xpv2.ManagedResourceSpec `json:",inline"`

	// forProvider is the model as it is to be on the platform. Fields that are not
	// set are left alone.
	// +optional
	ForProvider ModelParameters `json:"forProvider,omitempty"`
}

// ModelParameters are what is wanted of the model.
type ModelParameters struct {
	// namespace is the model's namespace on the platform, which must exist there.
	// It is the namespace of the managed resource where it is not set, and cannot
	// be changed: delete the managed resource and make another.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="the namespace of a model cannot be changed: delete the managed resource and make another"
	Namespace                *string `json:"namespace,omitempty"`
	v1alpha1.ModelParameters `json:",inline"`

	// credentialsSecretRef points at a Secret of this cluster, in the namespace of
	// the managed resource,
	// with what the sources need: token for the Hugging Face Hub, accessKeyID and
	// secretAccessKey for S3, dockerconfigjson (or .dockerconfigjson, as Secrets
	// to pull images with have it) for images. The provider hands those
	// that the sources need and that are there to the platform, and hands them in
	// again when the Secret changes or the platform no longer has what it was
	// given.
	// +optional
	CredentialsSecretRef *secret.SetReference `json:"credentialsSecretRef,omitempty"`
}

// ModelStatus is what has been observed.
type ModelStatus struct {
	xpv2.ManagedResourceStatus `json:",inline"`

	// credentials say which Secret the platform was given last.
	// +optional
	Credentials *secret.Handover `json:"credentials,omitempty"`
	// atProvider is the model as the platform shows it. The Clusters that it does
	// not fit on are on the platform alone.
	// +optional
	AtProvider *v1alpha1.ModelObservation `json:"atProvider,omitempty"`
}

// ModelList is a list of models.
//
// +kubebuilder:object:root=true
type ModelList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Model `json:"items"`
}

// Desired 是平台上应有的样子，名字由外部名决定；没点名的命名空间与自己的同名。
func (mg *Model) Desired() *modelv1alpha1.Model {
	m := mg.Spec.ForProvider.Desired()
	m.Namespace = ptr.Deref(mg.Spec.ForProvider.Namespace, mg.GetNamespace())
	return m
}

// SetObserved 记下平台上现有的样子。
func (mg *Model) SetObserved(m *modelv1alpha1.Model) {
	mg.Status.AtProvider = v1alpha1.ObserveModel(m)
}

// ParameterName 是平台的 spec 之下叫 field 的，在 forProvider 里叫什么。
func (mg *Model) ParameterName(field string) string { return v1alpha1.ParameterName(field) }

// DeletionWaitsFor 是平台说删除在等什么，没说的为空。
func (mg *Model) DeletionWaitsFor() string { return mg.Status.AtProvider.DeletionWaitsFor() }

// ConnectionDetails 是写进连接 Secret 的：模型的地址与请求用的名字。
func (mg *Model) ConnectionDetails() map[string][]byte {
	return mg.Status.AtProvider.ConnectionDetails()
}

// ResolveReferences 把 placement 里的引用或选择器换成平台上的集群名。
func (mg *Model) ResolveReferences(ctx context.Context, c client.Reader) error {
	return mg.Spec.ForProvider.ResolveReferences(ctx, c, mg, reference.To{Kind: "Cluster", Object: &clusterv1alpha1.Cluster{}, List: &clusterv1alpha1.ClusterList{}})
}

// SecretSource 是要交给平台的凭据，只能出自自己的命名空间；nil 表示没有。
func (mg *Model) SecretSource() *secret.Source {
	return mg.Spec.ForProvider.CredentialsSecretRef.In(mg.GetNamespace(), "spec.forProvider.credentialsSecretRef", mg.Spec.ForProvider.CredentialKeys())
}

// Handover 是最近交给平台的那一份。
func (mg *Model) Handover() *secret.Handover { return mg.Status.Credentials }

// SetHandover 记下最近交给平台的那一份。
func (mg *Model) SetHandover(h *secret.Handover) { mg.Status.Credentials = h }
