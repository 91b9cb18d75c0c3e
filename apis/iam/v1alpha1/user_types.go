package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// +genclient
// +genclient:nonNamespaced
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// User is an identity on the platform, of a person or of a program. Its name
// is the name that it authenticates with.
type User struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what is wanted of the user.
	// +optional
	Spec UserSpec `json:"spec,omitempty"`
	// status is what the platform has observed of the user.
	// +optional
	Status UserStatus `json:"status,omitempty"`
}

// UserSpec is what is wanted of a user.
type UserSpec struct {
	// displayName is how the user is shown to people, at most 256 characters.
	// +optional
	DisplayName *string `json:"displayName,omitempty"`
	// email is the user's mail address, of the form name@domain.
	// +optional
	Email *string `json:"email,omitempty"`
	// groups are the groups that the user belongs to; role bindings may name
	// a group as their subject. Names starting with "system:" are reserved.
	// Whoever adds a group must hold what is bound to that group. At most 256.
	// +optional
	// +listType=atomic
	Groups []string `json:"groups,omitempty"`
	// suspended keeps the user from authenticating while it is true; nothing
	// else of the user changes. The administrator of admin.kubeconfig
	// cannot be suspended. Defaults to false.
	// +optional
	Suspended *bool `json:"suspended,omitempty"`
}

// UserStatus is what the platform has observed of a user.
type UserStatus struct {
	// observedGeneration is the generation that this status was computed from.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions are the latest observations: Ready and Suspended.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +patchMergeKey=type
	// +patchStrategy=merge
	Conditions []metav1.Condition `json:"conditions,omitempty" patchStrategy:"merge" patchMergeKey:"type"`
	// roles are the names of the existing roles bound to the user, directly
	// or through one of its groups, in alphabetical order.
	// +optional
	// +listType=atomic
	Roles []string `json:"roles,omitempty"`
	// defaultRoleBinding is the name of the role binding that was made for
	// the user when it was new. It is made once: deleting it is respected.
	// +optional
	DefaultRoleBinding string `json:"defaultRoleBinding,omitempty"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// UserList is a list of users.
type UserList struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is standard list metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	// items are the users.
	Items []User `json:"items"`
}
