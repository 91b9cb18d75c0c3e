package cluster

import (
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"k8s.io/utils/ptr"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/internal/external"
	"github.com/kubellm/kubellm/internal/kubeconfig"
	"github.com/kubellm/kubellm/terraform-provider/internal/kind"
)

// secret 是交给平台的 kubeconfig；平台的规则在写任何东西之前先查一遍，免得留下一个进不去的集群。
var secret = &kind.Secret[model]{
	Name: "kubeconfig",
	Key:  clusterv1alpha1.DefaultKubeconfigKey,
	Description: "A kubeconfig of the member cluster, YAML or JSON, at most 1 MiB. It must be self-contained: one that refers to no files, " +
		"runs no commands and uses no password. The platform keeps it encrypted and never serves it again.",
	Validators: []validator.String{
		stringvalidator.ConflictsWith(path.MatchRoot("credentials").AtName("kubeconfig_secret_ref")),
	},
	Check: func(m model, data external.SecretData) error {
		_, err := kubeconfig.Parse(data[clusterv1alpha1.DefaultKubeconfigKey], ptr.Deref(ptr.Deref(m.Credentials, credentials{}).InsecureSkipTLSVerify, false))
		return err
	},
}

var nonEmpty = []validator.String{stringvalidator.LengthAtLeast(1)}

var attributes = map[string]schema.Attribute{
	"credentials": schema.SingleNestedAttribute{
		Optional:            true,
		MarkdownDescription: "How the platform gets into the member cluster, where it is not with `kubeconfig_wo` and verified TLS.",
		Attributes: map[string]schema.Attribute{
			"kubeconfig_secret_ref": schema.SingleNestedAttribute{
				Optional: true,
				MarkdownDescription: "A Secret of the platform that holds the kubeconfig, instead of `kubeconfig_wo`. " +
					"Whoever sets it must be allowed to get that Secret. A change of the Secret takes effect by itself.",
				Attributes: map[string]schema.Attribute{
					"namespace": schema.StringAttribute{Required: true, MarkdownDescription: "Namespace of the Secret.", Validators: nonEmpty},
					"name":      schema.StringAttribute{Required: true, MarkdownDescription: "Name of the Secret.", Validators: nonEmpty},
					"key": schema.StringAttribute{
						Optional:            true,
						MarkdownDescription: "Key in the Secret's data. The platform's default is `kubeconfig`.",
						Validators:          nonEmpty,
					},
				},
			},
			"insecure_skip_tls_verify": schema.BoolAttribute{
				Optional: true,
				MarkdownDescription: "Must be true for a kubeconfig that does not verify the member's certificate to be accepted. Anybody between " +
					"the platform and the member can then take its credentials. Not set means false: setting it by hand is drift and is undone.",
			},
		},
	},
	"region": schema.StringAttribute{
		Optional:            true,
		MarkdownDescription: "Where the member cluster is, for people and for selectors, at most 63 characters.",
	},
	"zones": schema.ListAttribute{
		ElementType:         types.StringType,
		Optional:            true,
		MarkdownDescription: "Failure domains that the member's nodes are in, at most 64.",
		Validators:          []validator.List{listvalidator.NoNullValues(), listvalidator.UniqueValues()},
	},
	"taints": schema.ListNestedAttribute{
		Optional:            true,
		MarkdownDescription: "Keep models that do not tolerate them off the member cluster, at most 64.",
		Validators:          []validator.List{listvalidator.NoNullValues()},
		NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
			"key": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "A label key, such as `maintenance` or `example.org/team`.",
				Validators:          nonEmpty,
			},
			"value": schema.StringAttribute{Optional: true, MarkdownDescription: "A label value.", Validators: nonEmpty},
			"effect": schema.StringAttribute{
				Required: true,
				MarkdownDescription: "`NoSchedule` keeps new models away and leaves those placed before; " +
					"`NoExecute` also takes those placed before to other member clusters.",
				Validators: []validator.String{stringvalidator.OneOf(
					string(clusterv1alpha1.TaintNoSchedule), string(clusterv1alpha1.TaintNoExecute))},
			},
		}},
	},
	"heartbeat": schema.SingleNestedAttribute{
		Optional:            true,
		MarkdownDescription: "How often the member is probed and when it counts as unreachable.",
		Attributes: map[string]schema.Attribute{
			"interval_seconds":  number("Time between two probes, 1 to 3600. The platform's default is 30.", 3600),
			"timeout_seconds":   number("How long one probe may take, 1 to 300. The platform's default is 10.", 300),
			"failure_threshold": number("How many probes in a row must fail before the member counts as unreachable, 1 to 100. The platform's default is 3.", 100),
		},
	},
	"workload_namespace_prefix": schema.StringAttribute{
		Optional: true,
		MarkdownDescription: kind.Replacing("cluster", "Put before a model's namespace to name the namespace on the member cluster that the model "+
			"runs in, at most 32 characters. The platform's default is `kubellm-`."),
		PlanModifiers: []planmodifier.String{kind.Replaces("cluster", func(string) string { return clusterv1alpha1.DefaultWorkloadNamespacePrefix })},
	},
	"suspended": schema.BoolAttribute{
		Optional: true,
		MarkdownDescription: "Takes the platform off the member cluster while it is true: nothing is probed, watched, placed or removed there, " +
			"and what runs there is left alone. Terraform does not wait for a suspended cluster. The platform's default is false.",
	},
	"deletion_policy": schema.StringAttribute{
		Optional: true,
		MarkdownDescription: "What becomes of the things that KubeLLM placed on the member when the cluster is destroyed: `Drain` removes them first, " +
			"and the destruction waits until they are gone; `Orphan` leaves them there. The namespaces that KubeLLM made stay in any case, " +
			"with what others keep in them. The platform's default is `Drain`.",
		Validators: []validator.String{stringvalidator.OneOf(
			string(clusterv1alpha1.DeletionDrain), string(clusterv1alpha1.DeletionOrphan))},
	},
}

func number(description string, most int64) schema.Int64Attribute {
	return schema.Int64Attribute{
		Optional:            true,
		MarkdownDescription: description,
		Validators:          []validator.Int64{int64validator.Between(1, most)},
	}
}
