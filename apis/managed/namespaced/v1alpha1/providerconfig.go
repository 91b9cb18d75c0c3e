package v1alpha1

import (
	xpv2 "github.com/crossplane/crossplane/apis/v2/core/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A ProviderConfig says where the platform is and who to be on it, to the
// managed resources of its own namespace.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Namespaced,categories={crossplane,provider,kubellm}
// +kubebuilder:printcolumn:name="SERVER",type="string",JSONPath=".spec.server"
// +kubebuilder:printcolumn:name="SECRET",type="string",JSONPath=".spec.credentials.secretRef.name",priority=1
// +kubebuilder:printcolumn:name="USERS",type="integer",JSONPath=".status.users"
// +kubebuilder:printcolumn:name="AGE",type="date",JSONPath=".metadata.creationTimestamp"
type ProviderConfig struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is where the platform is and who to be on it.
	Spec ProviderConfigSpec `json:"spec"`
	// status is what has been observed.
	// +optional
	Status ProviderConfigStatus `json:"status,omitempty"`
}

// ProviderConfigSpec is where the platform is and who to be on it.
//
// +kubebuilder:validation:XValidation:rule="self.credentials.source != 'Secret' || !has(self.credentials.secretRef) || has(self.credentials.secretRef.key) || has(self.server)",message="spec.server is needed, unless spec.credentials.secretRef.key points at a kubeconfig"
type ProviderConfigSpec struct {
	Platform `json:",inline"`

	// credentials are who to be on the platform.
	Credentials Credentials `json:"credentials"`
}

// Platform is where the platform is.
type Platform struct {
	// server is the platform's URL, such as https://kubellm.example.org:6443. It
	// may be left out where a kubeconfig says it; where both do, this one counts.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:Pattern=`^https://[^\s/]+(/\S*)?$`
	Server *string `json:"server,omitempty"`
}

// CredentialsSource is where credentials come from.
// +kubebuilder:validation:Enum=Secret;InjectedIdentity
type CredentialsSource string

const (
	// CredentialsSourceSecret takes the credentials from a Secret.
	CredentialsSourceSecret CredentialsSource = "Secret"
	// CredentialsSourceInjectedIdentity uses the provider's own identity in the
	// cluster whose managed resources it reconciles; that cluster's API server
	// must serve the platform.
	CredentialsSourceInjectedIdentity CredentialsSource = "InjectedIdentity"
)

// Credentials are who to be on the platform.
//
// +kubebuilder:validation:XValidation:rule="self.source != 'InjectedIdentity'",message="InjectedIdentity is the provider's own identity: only a ClusterProviderConfig can hand it out"
// +kubebuilder:validation:XValidation:rule="self.source != 'Secret' || has(self.secretRef)",message="secretRef is needed for the source Secret"
type Credentials struct {
	// source is Secret. The provider's own identity, InjectedIdentity, is only to
	// be had from a ClusterProviderConfig.
	Source CredentialsSource `json:"source"`
	// secretRef is the Secret of the source Secret, in the same namespace.
	// +optional
	SecretRef *SecretReference `json:"secretRef,omitempty"`
}

// SecretReference points at a Secret.
type SecretReference struct {
	// name of the Secret.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name      string `json:"name"`
	SecretKey `json:",inline"`
}

// SecretKey says how a Secret holds the credentials.
type SecretKey struct {
	// key of the Secret that holds a kubeconfig, often "kubeconfig". Certificates,
	// keys and tokens must be written out in it: it cannot refer to files or
	// commands. Without key, the Secret holds the credentials in the keys that
	// Kubernetes uses in its own types of Secret: "token", or "tls.crt" and
	// "tls.key", and beside these "ca.crt" for the platform's CA.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Key *string `json:"key,omitempty"`
}

// ProviderConfigStatus is what has been observed of a provider config.
type ProviderConfigStatus struct {
	xpv2.ProviderConfigStatus `json:",inline"`
}

// ProviderConfigList is a list of provider configs.
//
// +kubebuilder:object:root=true
type ProviderConfigList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ProviderConfig `json:"items"`
}
