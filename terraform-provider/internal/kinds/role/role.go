// Package role 是 kubellm_role：一组许可。
package role

import (
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	iamv1alpha1 "github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/internal/external/kinds"
	"github.com/kubellm/kubellm/terraform-provider/internal/kind"
)

// Kind 声明 kubellm_role 与 kubellm_roles。
var Kind = &kind.Kind[model, *iamv1alpha1.Role, *iamv1alpha1.RoleList]{
	Name:        "role",
	Plural:      "roles",
	Title:       "role",
	Description: "A set of permissions. It grants nothing by itself: role bindings grant it to users, groups and service accounts.",
	External:    kinds.Role,
	Attributes:  attributes,
	ToAPI:       toAPI,
	FromAPI:     fromAPI,
}

type model struct {
	Description *string `tfsdk:"description"`
	Rules       []rule  `tfsdk:"rules"`
}

type rule struct {
	APIGroups     []string `tfsdk:"api_groups"`
	Resources     []string `tfsdk:"resources"`
	Verbs         []string `tfsdk:"verbs"`
	ResourceNames []string `tfsdk:"resource_names"`
}

// items 是规则里列表的校验：平台不收空的列表，写空不如不写。
var items = []validator.List{listvalidator.SizeAtLeast(1), listvalidator.NoNullValues()}

var attributes = map[string]schema.Attribute{
	"description": schema.StringAttribute{
		Optional:            true,
		MarkdownDescription: "Says to people what the role is for, at most 1024 characters.",
	},
	"rules": schema.ListNestedAttribute{
		Optional: true,
		MarkdownDescription: "What the role permits. Rules only add up: nothing forbids. Whoever writes a rule must hold what it permits, " +
			"or have the verb `escalate` on roles. Not set means none: a rule that someone else adds is drift and is removed.",
		Validators: []validator.List{listvalidator.NoNullValues()},
		NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
			"api_groups": schema.ListAttribute{
				ElementType:         types.StringType,
				Required:            true,
				MarkdownDescription: "API groups of the resources; `*` means all.",
				Validators:          items,
			},
			"resources": schema.ListAttribute{
				ElementType:         types.StringType,
				Required:            true,
				MarkdownDescription: "Resource names in the plural, `resource/subresource`, or `*` for all.",
				Validators:          items,
			},
			"verbs": schema.ListAttribute{
				ElementType: types.StringType,
				Required:    true,
				MarkdownDescription: "What may be done: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`, " +
					"`bind`, `escalate`, `impersonate`, or `*` for all.",
				Validators: items,
			},
			"resource_names": schema.ListAttribute{
				ElementType: types.StringType,
				Optional:    true,
				MarkdownDescription: "Narrows the rule to the objects of these names. Create, list, watch and deletecollection " +
					"of whole collections are then not permitted by the rule.",
				Validators: items,
			},
		}},
	},
}

func toAPI(m model, role *iamv1alpha1.Role) {
	role.Spec.Description = m.Description
	for _, r := range m.Rules {
		role.Spec.Rules = append(role.Spec.Rules, iamv1alpha1.PolicyRule{
			APIGroups:     r.APIGroups,
			Resources:     r.Resources,
			Verbs:         r.Verbs,
			ResourceNames: r.ResourceNames,
		})
	}
}

func fromAPI(role *iamv1alpha1.Role) model {
	m := model{Description: role.Spec.Description}
	for _, r := range role.Spec.Rules {
		m.Rules = append(m.Rules, rule{
			APIGroups:     r.APIGroups,
			Resources:     r.Resources,
			Verbs:         r.Verbs,
			ResourceNames: r.ResourceNames,
		})
	}
	return m
}
