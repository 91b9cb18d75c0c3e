package model

import (
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

var adaptersAttribute = schema.ListNestedAttribute{
	Optional:            true,
	MarkdownDescription: "LoRA adapters served beside the model, at most 32, with `VLLM` or `SGLang`.",
	Validators:          []validator.List{listvalidator.NoNullValues()},
	NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
		"name": requiredText("Name that requests call the adapter by."),
		"source": schema.SingleNestedAttribute{
			Required:            true,
			MarkdownDescription: "Where the adapter's files come from: exactly one of its attributes.",
			Validators:          []validator.Object{exactlyOne{"hugging_face", "oci", "pvc"}},
			Attributes:          adapterSourceAttributes,
		},
	}},
}

// adapterSourceAttributes 只有适配器能用的那几种来源与字段；平台一概拒绝的不列出来。
var adapterSourceAttributes = map[string]schema.Attribute{
	"hugging_face": schema.SingleNestedAttribute{
		Optional:            true,
		MarkdownDescription: "A repository of the Hugging Face Hub, of its default branch. The token is that of the model.",
		Attributes:          map[string]schema.Attribute{"repo": requiredText("The repository, such as `org/adapter`.")},
	},
	"oci": schema.SingleNestedAttribute{
		Optional:            true,
		MarkdownDescription: "An OCI image that holds the files, mounted as an image volume. The configuration to pull it with is that of the model.",
		Attributes:          map[string]schema.Attribute{"image": requiredText("The image's reference.")},
	},
	"pvc": schema.SingleNestedAttribute{
		Optional: true,
		MarkdownDescription: "A folder of a PersistentVolumeClaim. The claim exists on every member cluster that the model is placed on, in the namespace " +
			"that it runs in.",
		Attributes: map[string]schema.Attribute{
			"claim_name": requiredText("The claim's name."),
			"path":       text("The folder in the volume. The platform's default is its root."),
		},
	},
}

// sourceAttributes 是模型的四种来源，恰好写一种。
func sourceAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"hugging_face": schema.SingleNestedAttribute{
			Optional:            true,
			MarkdownDescription: "A repository of the Hugging Face Hub.",
			Attributes: map[string]schema.Attribute{
				"repo":             requiredText("The repository, such as `Qwen/Qwen3-8B`."),
				"revision":         text("A branch, tag or commit. Without it the engine takes the repository's default branch. `LlamaCpp` refuses it, and so do adapters."),
				"file":             text("One GGUF file of the repository. `LlamaCpp` needs it, `VLLM` and `SGLang` refuse it."),
				"token_secret_ref": secretKeyAttribute("A token", "`credentials_wo.token`"),
			},
		},
		"oci": schema.SingleNestedAttribute{
			Optional:            true,
			MarkdownDescription: "An OCI image that holds the files, mounted as an image volume; for `LlamaCpp` the file `model.gguf` at its root.",
			Attributes: map[string]schema.Attribute{
				"image":           requiredText("The image's reference."),
				"pull_secret_ref": secretKeyAttribute("A Docker configuration", "`credentials_wo.dockerconfigjson`"),
			},
		},
		"s3": schema.SingleNestedAttribute{
			Optional:            true,
			MarkdownDescription: "A folder of an S3 bucket, or one file of it for `LlamaCpp`.",
			Attributes: map[string]schema.Attribute{
				"bucket":   requiredText("The bucket's name."),
				"prefix":   text("The folder in the bucket. With `LlamaCpp` it is required and names one file that ends in `.gguf`."),
				"endpoint": text("Address of an S3 service other than Amazon's."),
				"region":   text("The bucket's region."),
				"credentials_secret_ref": schema.SingleNestedAttribute{
					Optional: true,
					MarkdownDescription: "A Secret of the platform, in the model's namespace, with the keys `accessKeyID` and `secretAccessKey`, instead of " +
						"`credentials_wo.access_key_id` and `credentials_wo.secret_access_key`. Whoever sets it must be allowed to get that Secret.",
					Attributes: map[string]schema.Attribute{"name": requiredText("Name of the Secret.")},
				},
			},
		},
		"pvc": schema.SingleNestedAttribute{
			Optional: true,
			MarkdownDescription: "A folder of a PersistentVolumeClaim, or one file of it for `LlamaCpp`. The claim exists on every member cluster that the model " +
				"is placed on, in the namespace that it runs in.",
			Attributes: map[string]schema.Attribute{
				"claim_name": requiredText("The claim's name."),
				"path":       text("The folder in the volume. The platform's default is its root. With `LlamaCpp` it is required and names one file that ends in `.gguf`."),
			},
		},
	}
}

// secretKeyAttribute 指向平台的 Secret 里的一个键。
func secretKeyAttribute(what, instead string) schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		Optional: true,
		MarkdownDescription: what + " in a Secret of the platform, in the model's namespace, instead of " + instead + ". " +
			"Whoever sets it must be allowed to get that Secret. A change of the Secret takes effect by itself.",
		Attributes: map[string]schema.Attribute{
			"name": requiredText("Name of the Secret."),
			"key":  requiredText("Key in the Secret's data."),
		},
	}
}
