// Package rolebinding 是 kubellm_role_binding：把角色授给谁、在哪里。
package rolebinding

import (
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/objectplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"k8s.io/utils/ptr"

	iamv1alpha1 "github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/internal/external/kinds"
	"github.com/kubellm/kubellm/terraform-provider/internal/kind"
)

// Kind 声明 kubellm_role_binding 与 kubellm_role_bindings。
var Kind = &kind.Kind[model, *iamv1alpha1.RoleBinding, *iamv1alpha1.RoleBindingList]{
	Name:        "role_binding",
	Plural:      "role_bindings",
	Title:       "role binding",
	Description: "Grants a role to users, groups and service accounts, in some namespaces or everywhere.",
	External:    kinds.RoleBinding,
	Attributes:  attributes,
	Defaults:    model{AllNamespaces: ptr.To(false)},
	Filters:     map[string]string{"role": "spec.roleRef.name"},
	ToAPI:       toAPI,
	FromAPI:     fromAPI,
}

type model struct {
	RoleRef       *roleRef  `tfsdk:"role_ref"`
	Subjects      []subject `tfsdk:"subjects"`
	Namespaces    []string  `tfsdk:"namespaces"`
	AllNamespaces *bool     `tfsdk:"all_namespaces"`
}

type roleRef struct {
	Name string `tfsdk:"name"`
}

type subject struct {
	Kind      string  `tfsdk:"kind"`
	Name      string  `tfsdk:"name"`
	Namespace *string `tfsdk:"namespace"`
}

var attributes = map[string]schema.Attribute{
	"role_ref": schema.SingleNestedAttribute{
		Required:            true,
		MarkdownDescription: kind.Replacing("role binding", "The role that is granted. It need not exist yet."),
		PlanModifiers:       []planmodifier.Object{objectplanmodifier.RequiresReplace()},
		Attributes: map[string]schema.Attribute{
			"name": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Name of the role.",
				Validators:          []validator.String{kind.ObjectName()},
			},
		},
	},
	"subjects": schema.ListNestedAttribute{
		Optional:            true,
		MarkdownDescription: "Those that the role is granted to. Not set means nobody: a subject that someone else adds is drift and is removed.",
		Validators:          []validator.List{listvalidator.NoNullValues()},
		NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
			"kind": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "`User`, `Group` or `ServiceAccount`.",
				Validators: []validator.String{stringvalidator.OneOf(
					string(iamv1alpha1.SubjectUser), string(iamv1alpha1.SubjectGroup), string(iamv1alpha1.SubjectServiceAccount))},
			},
			"name": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Name of the user, group or service account.",
				Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"namespace": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Namespace of the service account; users and groups have none.",
				Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
			},
		}},
	},
	"namespaces": schema.ListAttribute{
		ElementType:         types.StringType,
		Optional:            true,
		MarkdownDescription: "Where the role is granted. Exactly one of `namespaces` and `all_namespaces` must be given.",
		Validators:          []validator.List{listvalidator.NoNullValues(), listvalidator.UniqueValues()},
	},
	"all_namespaces": schema.BoolAttribute{
		Optional:            true,
		MarkdownDescription: "Grants the role in every namespace and on objects that have none, such as users and roles. Not set means false.",
	},
}

func toAPI(m model, binding *iamv1alpha1.RoleBinding) {
	binding.Spec = iamv1alpha1.RoleBindingSpec{
		RoleRef:       iamv1alpha1.RoleRef{Name: ptr.Deref(m.RoleRef, roleRef{}).Name},
		Namespaces:    m.Namespaces,
		AllNamespaces: m.AllNamespaces,
	}
	for _, s := range m.Subjects {
		binding.Spec.Subjects = append(binding.Spec.Subjects, iamv1alpha1.Subject{
			Kind:      iamv1alpha1.SubjectKind(s.Kind),
			Name:      s.Name,
			Namespace: ptr.Deref(s.Namespace, ""),
		})
	}
}

func fromAPI(binding *iamv1alpha1.RoleBinding) model {
	m := model{
		RoleRef:       &roleRef{Name: binding.Spec.RoleRef.Name},
		Namespaces:    binding.Spec.Namespaces,
		AllNamespaces: binding.Spec.AllNamespaces,
	}
	for _, s := range binding.Spec.Subjects {
		one := subject{Kind: string(s.Kind), Name: s.Name}
		if s.Namespace != "" {
			one.Namespace = ptr.To(s.Namespace)
		}
		m.Subjects = append(m.Subjects, one)
	}
	return m
}
