package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubellm/kubellm/apis/managed/namespaced/v1alpha1"
)

// A ProviderConfig says where the platform is and who to be on it, to the
// cluster-scoped managed resources. The one named "default" serves those that
// name none.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,categories={crossplane,provider,kubellm}
// +kubebuilder:printcolumn:name="SERVER",type="string",JSONPath=".spec.server"
// +kubebuilder:printcolumn:name="SECRET",type="string",JSONPath=".spec.credentials.secretRef.name",priority=1
// +kubebuilder:printcolumn:name="USERS",type="integer",JSONPath=".status.users"
// +kubebuilder:printcolumn:name="AGE",type="date",JSONPath=".metadata.creationTimestamp"
type ProviderConfig struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is where the platform is and who to be on it.
	Spec v1alpha1.ClusterProviderConfigSpec `json:"spec"`
	// status is what has been observed.
	// +optional
	Status v1alpha1.ProviderConfigStatus `json:"status,omitempty"`
}

// ProviderConfigList is a list of provider configs.
//
// +kubebuilder:object:root=true
type ProviderConfigList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ProviderConfig `json:"items"`
}
