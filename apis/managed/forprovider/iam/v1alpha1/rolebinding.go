package v1alpha1

import (
	"context"

	xpv2 "github.com/crossplane/crossplane/apis/v2/core/v2"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	iamv1alpha1 "github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/apis/managed/forprovider/object"
	"github.com/kubellm/kubellm/apis/managed/reference"
)

// RoleBindingParameters are what is wanted of a role binding of the platform.
type RoleBindingParameters struct {
	object.Parameters `json:",inline"`

	// roleRef is the role that is granted: by its name on the platform, or by
	// pointing at a Role managed resource.
	// +optional
	RoleRef *RoleReference `json:"roleRef,omitempty"`
	// subjects are those that the role is granted to. Subjects that are not
	// listed here lose the role, even where the list is empty or absent.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=1024
	// +kubebuilder:validation:XValidation:rule="self.all(s, (s.kind == 'ServiceAccount') == (has(s.namespace) && s.namespace != ''))",message="a ServiceAccount needs its namespace; a User or Group has none"
	Subjects []iamv1alpha1.Subject `json:"subjects,omitempty"`
	// namespaces are where the role is granted. Exactly one of namespaces and
	// allNamespaces must be given.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=1024
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	Namespaces []string `json:"namespaces,omitempty"`
	// allNamespaces grants the role in every namespace and on objects that have
	// none, such as users and roles.
	// +optional
	AllNamespaces *bool `json:"allNamespaces,omitempty"`
}

// RoleReference points at a role by its name, by a reference or by a selector.
// The provider fills in the reference that a selector has found, and the name.
type RoleReference struct {
	// name is the role's name on the platform. It cannot be changed: delete the
	// managed resource and make another. The role need not exist yet.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="the role of a binding cannot be changed: delete the managed resource and make another"
	Name *string `json:"name,omitempty"`
	// nameRef points at a Role managed resource of the same scope, and in a
	// namespace of the same namespace, whose external name is the name.
	// +optional
	NameRef *xpv2.Reference `json:"nameRef,omitempty"`
	// nameSelector selects a Role managed resource of the same scope, and in a
	// namespace of the same namespace, whose external name is the name.
	// +optional
	NameSelector *xpv2.Selector `json:"nameSelector,omitempty"`
}

// RoleBindingObservation is what the platform shows of a role binding.
type RoleBindingObservation struct {
	object.Observation            `json:",inline"`
	iamv1alpha1.RoleBindingSpec   `json:",inline"`
	iamv1alpha1.RoleBindingStatus `json:",inline"`
}

// Desired 是这些参数所说的平台角色绑定，名字除外。
func (p *RoleBindingParameters) Desired() *iamv1alpha1.RoleBinding {
	b := &iamv1alpha1.RoleBinding{
		ObjectMeta: p.ObjectMeta(),
		Spec: iamv1alpha1.RoleBindingSpec{
			Subjects:      p.Subjects,
			Namespaces:    p.Namespaces,
			AllNamespaces: p.AllNamespaces,
		},
	}
	if p.RoleRef != nil {
		b.Spec.RoleRef.Name = ptr.Deref(p.RoleRef.Name, "")
	}
	return b
}

// ResolveReferences 把指向 Role 托管资源的引用换成平台角色名；to 是引用者所在作用域的 Role。
func (p *RoleBindingParameters) ResolveReferences(ctx context.Context, c client.Reader, from client.Object, to reference.To) error {
	if p.RoleRef == nil {
		return nil
	}
	return reference.Resolve(ctx, c, from, to, reference.Field{
		Path:     "spec.forProvider.roleRef.name",
		Value:    &p.RoleRef.Name,
		Ref:      &p.RoleRef.NameRef,
		Selector: p.RoleRef.NameSelector,
	})
}

// ObserveRoleBinding 摘出平台角色绑定里要展示的部分；b 与缓存共享，所以先复制。
func ObserveRoleBinding(b *iamv1alpha1.RoleBinding) *RoleBindingObservation {
	return &RoleBindingObservation{Observation: object.Observe(b), RoleBindingSpec: *b.Spec.DeepCopy(), RoleBindingStatus: *b.Status.DeepCopy()}
}
