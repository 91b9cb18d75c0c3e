package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// +genclient
// +genclient:nonNamespaced
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// RoleBinding grants a role to users, groups and service accounts, in some
// namespaces or everywhere.
type RoleBinding struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what is granted, to whom and where.
	Spec RoleBindingSpec `json:"spec"`
	// status is what the platform has observed of the binding.
	// +optional
	Status RoleBindingStatus `json:"status,omitempty"`
}

// RoleBindingSpec is what a role binding grants, to whom and where.
type RoleBindingSpec struct {
	// roleRef is the role that is granted. It cannot be changed: delete the
	// binding and make another. The role need not exist yet.
	RoleRef RoleRef `json:"roleRef"`
	// subjects are those that the role is granted to, at most 1024.
	// +optional
	// +listType=atomic
	Subjects []Subject `json:"subjects,omitempty"`
	// namespaces are where the role is granted, at most 1024. Exactly one of namespaces and
	// allNamespaces must be given.
	// +optional
	// +listType=atomic
	Namespaces []string `json:"namespaces,omitempty"`
	// allNamespaces grants the role in every namespace and on objects that
	// have none, such as users and roles.
	// +optional
	AllNamespaces *bool `json:"allNamespaces,omitempty"`
}

// RoleRef points at a role.
type RoleRef struct {
	// name is the role's name.
	Name string `json:"name"`
}

// SubjectKind is what a subject is.
// +enum
// +kubebuilder:validation:Enum=User;Group;ServiceAccount
type SubjectKind string

// The kinds of subjects.
const (
	// SubjectUser is a user, by its name.
	SubjectUser SubjectKind = "User"
	// SubjectGroup is a group that users name in their spec.
	SubjectGroup SubjectKind = "Group"
	// SubjectServiceAccount is a service account of a Kubernetes namespace.
	SubjectServiceAccount SubjectKind = "ServiceAccount"
)

// Subject is someone that a role is granted to.
type Subject struct {
	// kind is User, Group or ServiceAccount.
	Kind SubjectKind `json:"kind"`
	// name is the name of the user, group or service account.
	Name string `json:"name"`
	// namespace is the service account's namespace; users and groups have none.
	// +optional
	Namespace string `json:"namespace,omitempty"`
}

// RoleBindingStatus is what the platform has observed of a role binding.
type RoleBindingStatus struct {
	// observedGeneration is the generation that this status was computed from.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions are the latest observations: Ready, RoleResolved and
	// SubjectsResolved.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +patchMergeKey=type
	// +patchStrategy=merge
	Conditions []metav1.Condition `json:"conditions,omitempty" patchStrategy:"merge" patchMergeKey:"type"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// RoleBindingList is a list of role bindings.
type RoleBindingList struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is standard list metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	// items are the role bindings.
	Items []RoleBinding `json:"items"`
}
