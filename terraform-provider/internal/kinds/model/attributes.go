package model

import (
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/terraform-provider/internal/kind"
)

// secret 是来源要的令牌；各来源要哪些键由平台判断，多交的它不用。
var secret = &kind.Secret[model]{
	Name: "credentials",
	Description: "Credentials for the model's source: `token` for a private or gated repository of Hugging Face, `access_key_id` and " +
		"`secret_access_key` for an S3 service, `dockerconfigjson` for a private registry. The platform keeps them encrypted, never serves them " +
		"again, and copies only those that the source needs to the clusters that the model runs on.",
	Keys: map[string]string{
		modelv1alpha1.CredentialToken:            "A token of the Hugging Face Hub.",
		modelv1alpha1.CredentialAccessKeyID:      "The access key of an S3 service.",
		modelv1alpha1.CredentialSecretAccessKey:  "The secret key of an S3 service.",
		modelv1alpha1.CredentialDockerConfigJSON: "A Docker configuration to pull the image with, as JSON.",
	},
}

var attributes = map[string]schema.Attribute{
	"source": schema.SingleNestedAttribute{
		Required:            true,
		MarkdownDescription: "Where the model's files come from: exactly one of its attributes.",
		Validators:          []validator.Object{exactlyOne{"hugging_face", "oci", "s3", "pvc"}},
		Attributes:          sourceAttributes(),
	},
	"engine": engineAttribute,
	"served_name": schema.StringAttribute{
		Optional: true,
		MarkdownDescription: kind.Replacing("model",
			"Name that requests call the model by, at most 128 characters. The platform's default is the model's name."),
		PlanModifiers: []planmodifier.String{kind.Replaces("model", func(name string) string { return name })},
		Validators:    nonEmpty,
	},
	"resources": resourcesAttribute,
	"placement": placementAttribute,
	"scaling":   scalingAttribute,
	"adapters":  adaptersAttribute,
	"cache": schema.SingleNestedAttribute{
		Optional: true,
		MarkdownDescription: "Keeps downloaded files, so that a replica that starts again does not download them again. Without it they are kept as " +
			"long as the pod.",
		Attributes: map[string]schema.Attribute{
			"size": required(kind.QuantityAttribute("Size of the volume, such as `200Gi`; it can grow and not shrink.")),
			"storage_class_name": text("The member's storage class. Without it the member's default is used. It cannot be changed while there is a cache: " +
				"remove the cache first."),
			"access_mode": oneOf("`ReadWriteMany`, which all replicas share, or `ReadWriteOnce`, which only one replica can use. It cannot be changed while "+
				"there is a cache. The platform's default is `ReadWriteMany`.", "ReadWriteMany", "ReadWriteOnce"),
		},
	},
	"rollout": schema.SingleNestedAttribute{
		Optional:            true,
		MarkdownDescription: "How replicas are replaced when the model changes.",
		Attributes: map[string]schema.Attribute{
			"type": oneOf("`Rolling` replaces replicas one after the other; `Recreate` stops all of them first. The platform's default is `Rolling`.",
				string(modelv1alpha1.RolloutRolling), string(modelv1alpha1.RolloutRecreate)),
			"max_surge": number("How many replicas there may be beyond the wanted number, with `Rolling`. The platform's default is 0: with more, a rollout "+
				"waits for good where all accelerators are taken.", 0, 1000),
			"max_unavailable": number("How many replicas may be missing meanwhile, with `Rolling`. The platform's default is 1.", 0, 1000),
		},
	},
	"startup_timeout_seconds": number("How long a replica may take to download and load the model, 60 to 86400. The platform's default is 3600. "+
		"Terraform waits 90 minutes for the model unless `timeouts` says otherwise: raise both together.", 60, 86400),
	"suspended": schema.BoolAttribute{
		Optional: true,
		MarkdownDescription: "Scales the model to nothing while it is true and keeps its placement. Terraform does not wait for a suspended model. " +
			"The platform's default is false.",
	},
	"deletion_policy": oneOf("What becomes of what runs on the member clusters when the model is destroyed: `Delete` removes it first, and the destruction "+
		"waits until it is gone; `Orphan` leaves it there. The platform's default is `Delete`.",
		string(modelv1alpha1.DeletionDelete), string(modelv1alpha1.DeletionOrphan)),
}

var engineAttribute = schema.SingleNestedAttribute{
	Required:            true,
	MarkdownDescription: "The program that serves the model.",
	Attributes: map[string]schema.Attribute{
		"type": schema.StringAttribute{
			Required:            true,
			MarkdownDescription: kind.Replacing("model", "`VLLM`, `SGLang` or `LlamaCpp`."),
			PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
			Validators: []validator.String{stringvalidator.OneOf(
				string(modelv1alpha1.EngineVLLM), string(modelv1alpha1.EngineSGLang), string(modelv1alpha1.EngineLlamaCpp))},
		},
		"image": text("The engine's image. Without it the platform's image of the engine is used, which the data source shows."),
		"args":  texts("Arguments put after those that the platform makes, at most 128. Those that the platform makes itself are refused.", false),
		"env": schema.ListNestedAttribute{
			Optional:            true,
			MarkdownDescription: "Environment variables of the engine, at most 128. Names that the platform sets are refused.",
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"name":  requiredText("Name of the variable."),
				"value": text("Value of the variable. Do not put secrets here: it is in the state."),
			}},
		},
		"context_length": number("The longest request with its answer, in tokens. Without it the engine takes the model's own.", 1, 1<<31-1),
		"delivery": schema.StringAttribute{
			Optional: true,
			MarkdownDescription: kind.Replacing("model", "How it runs on a member cluster: `Deployment`, or `KServe` for an LLMInferenceService. "+
				"The platform's default is `Deployment`."),
			PlanModifiers: []planmodifier.String{kind.Replaces("model", func(string) string { return string(modelv1alpha1.DeliveryDeployment) })},
			Validators: []validator.String{stringvalidator.OneOf(
				string(modelv1alpha1.DeliveryDeployment), string(modelv1alpha1.DeliveryKServe))},
		},
	},
}

var nonEmpty = []validator.String{stringvalidator.LengthAtLeast(1)}

// text 是一段可以不写的文字；平台不区分空的与没写的，所以不许写空。
func text(description string) schema.StringAttribute {
	return schema.StringAttribute{Optional: true, MarkdownDescription: description, Validators: nonEmpty}
}

func requiredText(description string) schema.StringAttribute {
	return required(text(description))
}

func required(attribute schema.StringAttribute) schema.StringAttribute {
	attribute.Optional, attribute.Required = false, true
	return attribute
}

func oneOf(description string, values ...string) schema.StringAttribute {
	return schema.StringAttribute{
		Optional: true, MarkdownDescription: description, Validators: []validator.String{stringvalidator.OneOf(values...)},
	}
}

func number(description string, least, most int64) schema.Int64Attribute {
	return schema.Int64Attribute{
		Optional: true, MarkdownDescription: description, Validators: []validator.Int64{int64validator.Between(least, most)},
	}
}
