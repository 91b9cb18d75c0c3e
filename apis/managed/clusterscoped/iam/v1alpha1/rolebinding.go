package v1alpha1

import (
	"context"

	xpv2 "github.com/crossplane/crossplane/apis/v2/core/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	iamv1alpha1 "github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/apis/managed/forprovider/iam/v1alpha1"
	"github.com/kubellm/kubellm/apis/managed/reference"
)

// A RoleBinding grants a role of the KubeLLM platform to users, groups and
// service accounts.
// Its external name is the role binding's name on the platform, by default the name
// of the managed resource. This is the cluster-scoped twin, for claims; new
// configurations use the kind of the same name in iam.kubellm.m.crossplane.io.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,categories={crossplane,managed,kubellm}
// +kubebuilder:printcolumn:name="READY",type="string",JSONPath=".status.conditions[?(@.type=='Ready')].status"
// +kubebuilder:printcolumn:name="SYNCED",type="string",JSONPath=".status.conditions[?(@.type=='Synced')].status"
// +kubebuilder:printcolumn:name="EXTERNAL-NAME",type="string",JSONPath=`.metadata.annotations.crossplane\.io/external-name`
// +kubebuilder:printcolumn:name="ROLE",type="string",JSONPath=".status.atProvider.roleRef.name"
// +kubebuilder:printcolumn:name="AGE",type="date",JSONPath=".metadata.creationTimestamp"
type RoleBinding struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what is wanted.
	Spec RoleBindingSpec `json:"spec"`
	// status is what has been observed.
	// +optional
	Status RoleBindingStatus `json:"status,omitempty"`
}

// RoleBindingSpec is what is wanted of the role binding and how to manage it.
//
// +kubebuilder:validation:XValidation:rule="!('*' in self.managementPolicies || 'Create' in self.managementPolicies || 'Update' in self.managementPolicies) || (has(self.forProvider) && has(self.forProvider.roleRef) && [has(self.forProvider.roleRef.name), has(self.forProvider.roleRef.nameRef), has(self.forProvider.roleRef.nameSelector)].exists(given, given))",message="spec.forProvider.roleRef needs name, nameRef or nameSelector, unless managementPolicies only observe"
// +kubebuilder:validation:XValidation:rule="!('*' in self.managementPolicies || 'Create' in self.managementPolicies || 'Update' in self.managementPolicies) || (has(self.forProvider) && (has(self.forProvider.namespaces) && size(self.forProvider.namespaces) > 0) != (has(self.forProvider.allNamespaces) && self.forProvider.allNamespaces))",message="spec.forProvider needs exactly one of namespaces and allNamespaces, unless managementPolicies only observe"
type RoleBindingSpec struct {
	xpv2.ClusterManagedResourceSpec `json:",inline"`

	// forProvider is the role binding as it is to be on the platform. Fields that are
	// not set are left alone, except subjects, namespaces and
	// allNamespaces.
	// +optional
	ForProvider v1alpha1.RoleBindingParameters `json:"forProvider,omitempty"`
}

// RoleBindingStatus is what has been observed.
type RoleBindingStatus struct {
	xpv2.ManagedResourceStatus `json:",inline"`

	// atProvider is the role binding as the platform shows it.
	// +optional
	AtProvider *v1alpha1.RoleBindingObservation `json:"atProvider,omitempty"`
}

// RoleBindingList is a list of role bindings.
//
// +kubebuilder:object:root=true
type RoleBindingList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []RoleBinding `json:"items"`
}

// Desired 是平台上应有的样子，名字由外部名决定。
func (mg *RoleBinding) Desired() *iamv1alpha1.RoleBinding { return mg.Spec.ForProvider.Desired() }

// SetObserved 记下平台上现有的样子。
func (mg *RoleBinding) SetObserved(b *iamv1alpha1.RoleBinding) {
	mg.Status.AtProvider = v1alpha1.ObserveRoleBinding(b)
}

// ResolveReferences 把 roleRef 的引用或选择器换成平台角色名。
func (mg *RoleBinding) ResolveReferences(ctx context.Context, c client.Reader) error {
	return mg.Spec.ForProvider.ResolveReferences(ctx, c, mg, reference.To{Kind: "Role", Object: &Role{}, List: &RoleList{}})
}
