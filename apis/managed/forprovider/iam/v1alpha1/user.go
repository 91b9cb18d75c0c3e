package v1alpha1

import (
	iamv1alpha1 "github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/apis/managed/forprovider/object"
)

// UserParameters are what is wanted of a user of the platform.
type UserParameters struct {
	object.Parameters `json:",inline"`

	// displayName is how the user is shown to people.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	DisplayName *string `json:"displayName,omitempty"`
	// email is the user's mail address, of the form name@domain.
	// +optional
	// +kubebuilder:validation:MaxLength=254
	// +kubebuilder:validation:Pattern=`^[^@\s]+@[^@\s]+$`
	Email *string `json:"email,omitempty"`
	// groups are the groups that the user belongs to; role bindings may name a
	// group as their subject. Names starting with "system:" are reserved. Groups
	// that are not listed here are taken away from the user, even where the list
	// is empty or absent.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	// +kubebuilder:validation:XValidation:rule="self.all(g, !g.startsWith('system:'))",message="names of groups must not start with \"system:\": they are reserved"
	Groups []string `json:"groups,omitempty"`
	// suspended keeps the user from authenticating while it is true.
	// +optional
	Suspended *bool `json:"suspended,omitempty"`
}

// UserObservation is what the platform shows of a user.
type UserObservation struct {
	object.Observation     `json:",inline"`
	iamv1alpha1.UserSpec   `json:",inline"`
	iamv1alpha1.UserStatus `json:",inline"`
}

// Desired 是这些参数所说的平台用户，名字除外。
func (p *UserParameters) Desired() *iamv1alpha1.User {
	return &iamv1alpha1.User{
		ObjectMeta: p.ObjectMeta(),
		Spec: iamv1alpha1.UserSpec{
			DisplayName: p.DisplayName,
			Email:       p.Email,
			Groups:      p.Groups,
			Suspended:   p.Suspended,
		},
	}
}

// ObserveUser 摘出平台用户里要展示的部分；u 与缓存共享，所以先复制。
func ObserveUser(u *iamv1alpha1.User) *UserObservation {
	return &UserObservation{Observation: object.Observe(u), UserSpec: *u.Spec.DeepCopy(), UserStatus: *u.Status.DeepCopy()}
}
