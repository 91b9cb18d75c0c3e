package v1alpha1

import (
	iamv1alpha1 "github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/apis/managed/forprovider/object"
)

// RoleParameters are what is wanted of a role of the platform.
type RoleParameters struct {
	object.Parameters `json:",inline"`

	// description says to people what the role is for.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Description *string `json:"description,omitempty"`
	// rules are what the role permits. Rules only add up: nothing forbids. Rules
	// that are not listed here are taken away from the role, even where the list
	// is empty or absent.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:XValidation:rule="self.all(r, size(r.apiGroups) > 0 && size(r.resources) > 0 && size(r.verbs) > 0)",message="every rule needs at least one API group (\"\" is the core group), one resource and one verb"
	Rules []iamv1alpha1.PolicyRule `json:"rules,omitempty"`
}

// RoleObservation is what the platform shows of a role.
type RoleObservation struct {
	object.Observation     `json:",inline"`
	iamv1alpha1.RoleSpec   `json:",inline"`
	iamv1alpha1.RoleStatus `json:",inline"`
}

// Desired 是这些参数所说的平台角色，名字除外。
func (p *RoleParameters) Desired() *iamv1alpha1.Role {
	return &iamv1alpha1.Role{
		ObjectMeta: p.ObjectMeta(),
		Spec:       iamv1alpha1.RoleSpec{Description: p.Description, Rules: p.Rules},
	}
}

// ObserveRole 摘出平台角色里要展示的部分；r 与缓存共享，所以先复制。
func ObserveRole(r *iamv1alpha1.Role) *RoleObservation {
	return &RoleObservation{Observation: object.Observe(r), RoleSpec: *r.Spec.DeepCopy(), RoleStatus: *r.Status.DeepCopy()}
}
