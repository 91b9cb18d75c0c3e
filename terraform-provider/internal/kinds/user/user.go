// Package user 是 kubellm_user：平台上的一个身份。
package user

import (
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"k8s.io/utils/ptr"

	iamv1alpha1 "github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/internal/external/kinds"
	"github.com/kubellm/kubellm/terraform-provider/internal/kind"
)

// Kind 声明 kubellm_user 与 kubellm_users。
var Kind = &kind.Kind[model, *iamv1alpha1.User, *iamv1alpha1.UserList]{
	Name:        "user",
	Plural:      "users",
	Title:       "user",
	Description: "An identity on the platform, of a person or of a program. Its name is the name that it authenticates with.",
	External:    kinds.User,
	Attributes:  attributes,
	Defaults:    model{Suspended: ptr.To(false)},
	Filters:     map[string]string{"email": "spec.email"},
	ToAPI:       toAPI,
	FromAPI:     fromAPI,
}

type model struct {
	DisplayName *string  `tfsdk:"display_name"`
	Email       *string  `tfsdk:"email"`
	Groups      []string `tfsdk:"groups"`
	Suspended   *bool    `tfsdk:"suspended"`
}

var attributes = map[string]schema.Attribute{
	"display_name": schema.StringAttribute{
		Optional:            true,
		MarkdownDescription: "How the user is shown to people, at most 256 characters.",
	},
	"email": schema.StringAttribute{
		Optional:            true,
		MarkdownDescription: "Mail address of the user, of the form `name@domain`.",
	},
	"groups": schema.ListAttribute{
		ElementType: types.StringType,
		Optional:    true,
		MarkdownDescription: "Groups that the user belongs to; role bindings may name a group as their subject. " +
			"Names starting with `system:` are reserved. Not set means none: a group that someone else adds is drift and is removed.",
		Validators: []validator.List{listvalidator.NoNullValues(), listvalidator.UniqueValues()},
	},
	"suspended": schema.BoolAttribute{
		Optional:            true,
		MarkdownDescription: "Keeps the user from authenticating while it is true. The platform's default is false.",
	},
}

func toAPI(m model, user *iamv1alpha1.User) {
	user.Spec = iamv1alpha1.UserSpec{
		DisplayName: m.DisplayName,
		Email:       m.Email,
		Groups:      m.Groups,
		Suspended:   m.Suspended,
	}
}

func fromAPI(user *iamv1alpha1.User) model {
	return model{
		DisplayName: user.Spec.DisplayName,
		Email:       user.Spec.Email,
		Groups:      user.Spec.Groups,
		Suspended:   user.Spec.Suspended,
	}
}
