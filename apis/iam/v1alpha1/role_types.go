package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// +genclient
// +genclient:nonNamespaced
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// Role is a set of permissions. It grants nothing by itself: role bindings
// grant it to users, groups and service accounts.
type Role struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what the role permits.
	// +optional
	Spec RoleSpec `json:"spec,omitempty"`
	// status is what the platform has observed of the role.
	// +optional
	Status RoleStatus `json:"status,omitempty"`
}

// RoleSpec is what a role permits.
type RoleSpec struct {
	// description says to people what the role is for, at most 1024 characters.
	// +optional
	Description *string `json:"description,omitempty"`
	// rules are what the role permits. Rules only add up: nothing forbids.
	// Whoever writes a rule must hold what it permits, or have the verb
	// "escalate" on roles. At most 256 rules of at most 256 entries a list,
	// and 2000 combinations of group, resource, verb and name in all.
	// +optional
	// +listType=atomic
	Rules []PolicyRule `json:"rules,omitempty"`
}

// PolicyRule permits verbs on resources.
type PolicyRule struct {
	// apiGroups are the API groups of the resources; "*" means all.
	// +listType=atomic
	APIGroups []string `json:"apiGroups"`
	// resources are resource names in the plural, "resource/subresource", or
	// "*" for all.
	// +listType=atomic
	Resources []string `json:"resources"`
	// verbs are what may be done: get, list, watch, create, update, patch,
	// delete, deletecollection, bind, escalate, impersonate, or "*" for all.
	// +listType=atomic
	Verbs []string `json:"verbs"`
	// resourceNames narrows the rule to the objects of these names. Create,
	// list, watch and deletecollection of whole collections are then not
	// permitted by the rule.
	// +optional
	// +listType=atomic
	ResourceNames []string `json:"resourceNames,omitempty"`
}

// RoleStatus is what the platform has observed of a role.
type RoleStatus struct {
	// observedGeneration is the generation that this status was computed from.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions are the latest observations.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +patchMergeKey=type
	// +patchStrategy=merge
	Conditions []metav1.Condition `json:"conditions,omitempty" patchStrategy:"merge" patchMergeKey:"type"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// RoleList is a list of roles.
type RoleList struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is standard list metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	// items are the roles.
	Items []Role `json:"items"`
}
