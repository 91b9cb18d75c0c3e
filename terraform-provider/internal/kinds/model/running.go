package model

import (
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/terraform-provider/internal/kind"
)

var resourcesAttribute = schema.SingleNestedAttribute{
	Optional:            true,
	MarkdownDescription: "What one replica needs.",
	Attributes: map[string]schema.Attribute{
		"accelerator": schema.SingleNestedAttribute{
			Optional:            true,
			MarkdownDescription: "The accelerators of one replica, all on one node. Without it the model runs on processors alone.",
			Attributes: map[string]schema.Attribute{
				"resource_name": text("The extended resource that the pods ask for. The platform's default is `nvidia.com/gpu`."),
				"count":         number("Number of accelerators, 1 to 64. The platform's default is 1.", 1, 64),
				"products":      texts("The products that will do, as `data.kubellm_cluster` names them, at most 32. Without them any will do.", true),
			},
		},
		"cpu":           kind.QuantityAttribute("Processor time of one replica, such as `8` or `500m`."),
		"memory":        kind.QuantityAttribute("Memory of one replica, such as `64Gi`; `shared_memory` counts toward it."),
		"shared_memory": kind.QuantityAttribute("Size of `/dev/shm`, which engines need with several accelerators; it must be less than `memory`, where that is set. The platform's default is `1Gi`."),
	},
}

var placementAttribute = schema.SingleNestedAttribute{
	Optional:            true,
	MarkdownDescription: "Which member clusters the model may run on. Without it any of them.",
	Attributes: map[string]schema.Attribute{
		"cluster_names": schema.ListAttribute{
			ElementType: types.StringType,
			Optional:    true,
			MarkdownDescription: "The clusters to choose from, at most 64. At most one of `cluster_names` and `cluster_selector` is given, and without both " +
				"all are to choose from.",
			Validators: []validator.List{
				noNulls, noRepeats, listvalidator.ConflictsWith(sibling("cluster_selector")),
			},
		},
		"cluster_selector": selectorAttribute,
		"tolerations":      tolerationsAttribute,
		"clusters":         number("Number of clusters that the model is placed on, each with all its replicas, 1 to 64. The platform's default is 1.", 1, 64),
		"strategy": oneOf("`Spread` takes the clusters with the most free accelerators; `Pack` takes those that are left with the fewest, so that large free "+
			"blocks stay whole. The platform's default is `Spread`.", string(modelv1alpha1.PlacementSpread), string(modelv1alpha1.PlacementPack)),
		"failover": schema.SingleNestedAttribute{
			Optional:            true,
			MarkdownDescription: "Moves the model away from clusters that are lost. Without it a model waits for its cluster for good.",
			Attributes: map[string]schema.Attribute{
				"after_seconds": requiredNumber("How long a cluster must have been lost before the model is placed elsewhere, 30 to 86400.", 30, 86400),
			},
		},
	},
}

var selectorAttribute = schema.SingleNestedAttribute{
	Optional:            true,
	MarkdownDescription: "Chooses from the clusters by their labels.",
	Attributes: map[string]schema.Attribute{
		"match_labels": schema.MapAttribute{
			ElementType: types.StringType, Optional: true,
			MarkdownDescription: "Labels that the clusters must have.",
			Validators:          []validator.Map{mapvalidator.NoNullValues()},
		},
		"match_expressions": schema.ListNestedAttribute{
			Optional:            true,
			MarkdownDescription: "Requirements that the clusters must meet, all of them.",
			Validators:          []validator.List{noNulls},
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"key": requiredText("A label key."),
				"operator": required(oneOf("`In`, `NotIn`, `Exists` or `DoesNotExist`.",
					string(metav1.LabelSelectorOpIn), string(metav1.LabelSelectorOpNotIn),
					string(metav1.LabelSelectorOpExists), string(metav1.LabelSelectorOpDoesNotExist))),
				"values": schema.ListAttribute{
					ElementType: types.StringType, Optional: true,
					MarkdownDescription: "The values, with `In` and `NotIn`.",
					Validators:          []validator.List{listvalidator.SizeAtLeast(1), noNulls},
				},
			}},
		},
	},
}

// tolerationsAttribute 里的 operator 由这里填默认值：列表总是整个比较，服务端填进列表元素里的值会显得像是差异。
var tolerationsAttribute = schema.ListNestedAttribute{
	Optional:            true,
	MarkdownDescription: "Let the model onto clusters with taints, at most 64.",
	Validators:          []validator.List{noNulls},
	NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
		"key": text("The taint's key; none with the operator `Exists` tolerates all keys."),
		"operator": schema.StringAttribute{
			Optional: true, Computed: true,
			Default:             stringdefault.StaticString(string(modelv1alpha1.TolerationEqual)),
			MarkdownDescription: "`Equal` or `Exists`. Defaults to `Equal`.",
			Validators:          []validator.String{stringvalidator.OneOf(string(modelv1alpha1.TolerationEqual), string(modelv1alpha1.TolerationExists))},
		},
		"value": text("The taint's value, with the operator `Equal`."),
		"effect": oneOf("`NoSchedule` or `NoExecute`; none tolerates both.",
			string(clusterv1alpha1.TaintNoSchedule), string(clusterv1alpha1.TaintNoExecute)),
	}},
}

var scalingAttribute = schema.SingleNestedAttribute{
	Optional:            true,
	MarkdownDescription: "How many replicas there are in each cluster that the model is placed on.",
	Attributes: map[string]schema.Attribute{
		"replicas": schema.Int64Attribute{
			Optional: true,
			MarkdownDescription: "Number of replicas in each cluster, 0 to 1000. The platform's default is 1 without `autoscaling`. Leave it out where " +
				"`kubectl scale` or an autoscaler sets it.",
			Validators: []validator.Int64{int64validator.Between(0, 1000), int64validator.ConflictsWith(sibling("autoscaling"))},
		},
		"autoscaling": schema.SingleNestedAttribute{
			Optional:            true,
			MarkdownDescription: "Lets the member cluster choose the number, which takes KEDA there.",
			Attributes: map[string]schema.Attribute{
				"min_replicas":                number("Least number of replicas, 1 to 1000. The platform's default is 1.", 1, 1000),
				"max_replicas":                requiredNumber("Greatest number of replicas, 1 to 1000; the placement reserves room for as many.", 1, 1000),
				"target_requests_per_replica": number("How many requests one replica is to work on at a time, 1 to 10000. The platform's default is 16.", 1, 10000),
			},
		},
	},
}

func requiredNumber(description string, least, most int64) schema.Int64Attribute {
	attribute := number(description, least, most)
	attribute.Optional, attribute.Required = false, true
	return attribute
}

// texts 是一个文字的列表；次序有意义的（参数）可以重复。
func texts(description string, unique bool) schema.ListAttribute {
	validators := []validator.List{noNulls}
	if unique {
		validators = append(validators, noRepeats)
	}
	return schema.ListAttribute{ElementType: types.StringType, Optional: true, MarkdownDescription: description, Validators: validators}
}

func sibling(name string) path.Expression { return path.MatchRelative().AtParent().AtName(name) }
