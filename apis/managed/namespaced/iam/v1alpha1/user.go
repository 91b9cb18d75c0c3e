package v1alpha1

import (
	xpv2 "github.com/crossplane/crossplane/apis/v2/core/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	iamv1alpha1 "github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/apis/managed/forprovider/iam/v1alpha1"
)

// A User is an identity on the KubeLLM platform, of a person or of a program.
// Its external name is the user's name on the platform, by default the name
// of the managed resource.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Namespaced,categories={crossplane,managed,kubellm}
// +kubebuilder:printcolumn:name="READY",type="string",JSONPath=".status.conditions[?(@.type=='Ready')].status"
// +kubebuilder:printcolumn:name="SYNCED",type="string",JSONPath=".status.conditions[?(@.type=='Synced')].status"
// +kubebuilder:printcolumn:name="EXTERNAL-NAME",type="string",JSONPath=`.metadata.annotations.crossplane\.io/external-name`
// +kubebuilder:printcolumn:name="EMAIL",type="string",JSONPath=".status.atProvider.email"
// +kubebuilder:printcolumn:name="ROLES",type="string",JSONPath=".status.atProvider.roles",priority=1
// +kubebuilder:printcolumn:name="AGE",type="date",JSONPath=".metadata.creationTimestamp"
type User struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what is wanted.
	Spec UserSpec `json:"spec"`
	// status is what has been observed.
	// +optional
	Status UserStatus `json:"status,omitempty"`
}

// UserSpec is what is wanted of the user and how to manage it.
type UserSpec struct {
	xpv2.ManagedResourceSpec `json:",inline"`

	// forProvider is the user as it is to be on the platform. Fields that are
	// not set are left alone, except groups.
	// +optional
	ForProvider v1alpha1.UserParameters `json:"forProvider,omitempty"`
}

// UserStatus is what has been observed.
type UserStatus struct {
	xpv2.ManagedResourceStatus `json:",inline"`

	// atProvider is the user as the platform shows it.
	// +optional
	AtProvider *v1alpha1.UserObservation `json:"atProvider,omitempty"`
}

// UserList is a list of users.
//
// +kubebuilder:object:root=true
type UserList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []User `json:"items"`
}

// Desired 是平台上应有的样子，名字由外部名决定。
func (mg *User) Desired() *iamv1alpha1.User { return mg.Spec.ForProvider.Desired() }

// SetObserved 记下平台上现有的样子。
func (mg *User) SetObserved(u *iamv1alpha1.User) { mg.Status.AtProvider = v1alpha1.ObserveUser(u) }
