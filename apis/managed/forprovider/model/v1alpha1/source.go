package v1alpha1

import (
	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// ModelSource is where files come from: exactly one of its fields. Credentials
// come from a Secret of this cluster, spec.forProvider.credentialsSecretRef, or
// are in a Secret that the platform already has, which a field whose name starts
// with platform points at.
//
// +kubebuilder:validation:XValidation:rule="[has(self.huggingFace), has(self.oci), has(self.s3), has(self.pvc)].exists_one(given, given)",message="exactly one of huggingFace, oci, s3 and pvc must be given"
type ModelSource struct {
	// huggingFace is a repository of the Hugging Face Hub.
	// +optional
	HuggingFace *HuggingFaceSource `json:"huggingFace,omitempty"`
	// oci is an OCI image that holds the files, mounted as an image volume; for
	// LlamaCpp the file model.gguf at its root.
	// +optional
	OCI *OCISource `json:"oci,omitempty"`
	// s3 is a folder of an S3 bucket, or one file of it for LlamaCpp.
	// +optional
	S3 *S3Source `json:"s3,omitempty"`
	// pvc is a folder of a PersistentVolumeClaim on the member clusters, or one
	// file of it for LlamaCpp.
	// +optional
	PVC *PVCSource `json:"pvc,omitempty"`
}

// HuggingFaceSource is a repository of the Hugging Face Hub.
type HuggingFaceSource struct {
	// repo is the repository, such as Qwen/Qwen3-8B.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	Repo string `json:"repo"`
	// revision is a branch, tag or commit. The engine takes the repository's
	// default branch where it is not set. LlamaCpp refuses it, and so do adapters:
	// both know the default branch only.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Revision *string `json:"revision,omitempty"`
	// file is one GGUF file of the repository. LlamaCpp needs it; VLLM and SGLang
	// refuse it, because they load a whole repository.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	File *string `json:"file,omitempty"`
	// platformTokenSecretRef points at a token in a Secret that exists on the
	// platform, in the model's namespace there, not in this cluster. The
	// provider's credentials must be allowed to get it. It is used instead of the
	// token that was handed in.
	// +optional
	PlatformTokenSecretRef *PlatformSecretKeyReference `json:"platformTokenSecretRef,omitempty"`
}

// OCISource is an OCI image that holds a model's files.
type OCISource struct {
	// image is the image's reference.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	Image string `json:"image"`
	// platformPullSecretRef points at a Docker configuration in a Secret that
	// exists on the platform, in the model's namespace there, not in this cluster.
	// The provider's credentials must be allowed to get it. It is used instead of
	// the configuration that was handed in.
	// +optional
	PlatformPullSecretRef *PlatformSecretKeyReference `json:"platformPullSecretRef,omitempty"`
}

// S3Source is a folder of an S3 bucket.
type S3Source struct {
	// bucket is the bucket's name.
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=63
	Bucket string `json:"bucket"`
	// prefix is the folder in the bucket. With LlamaCpp it is required and names
	// one file that ends in .gguf.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Prefix *string `json:"prefix,omitempty"`
	// endpoint is the address of an S3 service other than Amazon's.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Endpoint *string `json:"endpoint,omitempty"`
	// region is the bucket's region.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Region *string `json:"region,omitempty"`
	// platformCredentialsSecretRef points at a Secret that exists on the platform,
	// in the model's namespace there, not in this cluster, with the keys
	// accessKeyID and secretAccessKey. The provider's credentials must be allowed
	// to get it. It is used instead of what was handed in.
	// +optional
	PlatformCredentialsSecretRef *PlatformSecretReference `json:"platformCredentialsSecretRef,omitempty"`
}

// PVCSource is a folder of a PersistentVolumeClaim that exists on every member
// cluster that the model is placed on, in the namespace that it runs in.
type PVCSource struct {
	// claimName is the claim's name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	ClaimName string `json:"claimName"`
	// path is the folder in the volume. The platform takes its root where it is
	// not set. With LlamaCpp it is required and names one file that ends in .gguf.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	Path *string `json:"path,omitempty"`
}

// PlatformSecretKeyReference points at one key of a Secret of the platform, in
// the model's namespace there.
type PlatformSecretKeyReference struct {
	// name of the Secret on the platform.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// key of the Secret's data.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	Key string `json:"key"`
}

// PlatformSecretReference points at a Secret of the platform, in the model's
// namespace there.
type PlatformSecretReference struct {
	// name of the Secret on the platform.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

func (s *ModelSource) desired() modelv1alpha1.ModelSource {
	if s == nil {
		return modelv1alpha1.ModelSource{}
	}
	var out modelv1alpha1.ModelSource
	if hub := s.HuggingFace; hub != nil {
		out.HuggingFace = &modelv1alpha1.HuggingFaceSource{Repo: hub.Repo, Revision: hub.Revision, File: hub.File,
			TokenSecretRef: (*modelv1alpha1.SecretKeyReference)(hub.PlatformTokenSecretRef)}
	}
	if oci := s.OCI; oci != nil {
		out.OCI = &modelv1alpha1.OCISource{Image: oci.Image, PullSecretRef: (*modelv1alpha1.SecretKeyReference)(oci.PlatformPullSecretRef)}
	}
	if s3 := s.S3; s3 != nil {
		out.S3 = &modelv1alpha1.S3Source{Bucket: s3.Bucket, Prefix: s3.Prefix, Endpoint: s3.Endpoint, Region: s3.Region,
			CredentialsSecretRef: (*modelv1alpha1.SecretReference)(s3.PlatformCredentialsSecretRef)}
	}
	out.PVC = (*modelv1alpha1.PVCSource)(s.PVC)
	return out
}
