package v1alpha1

import (
	xpv2 "github.com/crossplane/crossplane/apis/v2/core/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	iamv1alpha1 "github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/apis/managed/forprovider/iam/v1alpha1"
)

// A Role is a set of permissions on the KubeLLM platform. It grants nothing by
// itself: role bindings grant it.
// Its external name is the role's name on the platform, by default the name
// of the managed resource.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Namespaced,categories={crossplane,managed,kubellm}
// +kubebuilder:printcolumn:name="READY",type="string",JSONPath=".status.conditions[?(@.type=='Ready')].status"
// +kubebuilder:printcolumn:name="SYNCED",type="string",JSONPath=".status.conditions[?(@.type=='Synced')].status"
// +kubebuilder:printcolumn:name="EXTERNAL-NAME",type="string",JSONPath=`.metadata.annotations.crossplane\.io/external-name`
// +kubebuilder:printcolumn:name="DESCRIPTION",type="string",JSONPath=".status.atProvider.description",priority=1
// +kubebuilder:printcolumn:name="AGE",type="date",JSONPath=".metadata.creationTimestamp"
type Role struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what is wanted.
	Spec RoleSpec `json:"spec"`
	// status is what has been observed.
	// +optional
	Status RoleStatus `json:"status,omitempty"`
}

// RoleSpec is what is wanted of the role and how to manage it.
type RoleSpec struct {
	xpv2.ManagedResourceSpec `json:",inline"`

	// forProvider is the role as it is to be on the platform. Fields that are
	// not set are left alone, except rules.
	// +optional
	ForProvider v1alpha1.RoleParameters `json:"forProvider,omitempty"`
}

// RoleStatus is what has been observed.
type RoleStatus struct {
	xpv2.ManagedResourceStatus `json:",inline"`

	// atProvider is the role as the platform shows it.
	// +optional
	AtProvider *v1alpha1.RoleObservation `json:"atProvider,omitempty"`
}

// RoleList is a list of roles.
//
// +kubebuilder:object:root=true
type RoleList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Role `json:"items"`
}

// Desired 是平台上应有的样子，名字由外部名决定。
func (mg *Role) Desired() *iamv1alpha1.Role { return mg.Spec.ForProvider.Desired() }

// SetObserved 记下平台上现有的样子。
func (mg *Role) SetObserved(r *iamv1alpha1.Role) { mg.Status.AtProvider = v1alpha1.ObserveRole(r) }
