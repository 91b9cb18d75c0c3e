package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// A ClusterProviderConfig says where the platform is and who to be on it, to
// the managed resources of all namespaces. The one named "default" serves
// those that name none.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,categories={crossplane,provider,kubellm}
// +kubebuilder:printcolumn:name="SERVER",type="string",JSONPath=".spec.server"
// +kubebuilder:printcolumn:name="SECRET",type="string",JSONPath=".spec.credentials.secretRef.name",priority=1
// +kubebuilder:printcolumn:name="USERS",type="integer",JSONPath=".status.users"
// +kubebuilder:printcolumn:name="AGE",type="date",JSONPath=".metadata.creationTimestamp"
type ClusterProviderConfig struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is where the platform is and who to be on it.
	Spec ClusterProviderConfigSpec `json:"spec"`
	// status is what has been observed.
	// +optional
	Status ProviderConfigStatus `json:"status,omitempty"`
}

// ClusterProviderConfigSpec is where the platform is and who to be on it.
//
// +kubebuilder:validation:XValidation:rule="self.credentials.source != 'Secret' || !has(self.credentials.secretRef) || has(self.credentials.secretRef.key) || has(self.server)",message="spec.server is needed, unless spec.credentials.secretRef.key points at a kubeconfig"
// +kubebuilder:validation:XValidation:rule="self.credentials.source != 'InjectedIdentity' || !has(self.server)",message="spec.server must not be set for InjectedIdentity: the provider's own identity is for its own cluster alone"
type ClusterProviderConfigSpec struct {
	Platform `json:",inline"`

	// credentials are who to be on the platform.
	Credentials ClusterCredentials `json:"credentials"`
}

// ClusterCredentials are who to be on the platform.
//
// +kubebuilder:validation:XValidation:rule="(self.source == 'Secret') == has(self.secretRef)",message="secretRef is needed for the source Secret, and for no other"
type ClusterCredentials struct {
	// source is Secret, or InjectedIdentity for the provider's own identity in
	// the cluster whose managed resources it reconciles; that cluster's API server
	// must serve the platform.
	Source CredentialsSource `json:"source"`
	// secretRef is the Secret of the source Secret.
	// +optional
	SecretRef *NamespacedSecretReference `json:"secretRef,omitempty"`
}

// NamespacedSecretReference points at a Secret of any namespace.
type NamespacedSecretReference struct {
	// namespace of the Secret.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Namespace       string `json:"namespace"`
	SecretReference `json:",inline"`
}

// ClusterProviderConfigList is a list of cluster provider configs.
//
// +kubebuilder:object:root=true
type ClusterProviderConfigList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ClusterProviderConfig `json:"items"`
}
