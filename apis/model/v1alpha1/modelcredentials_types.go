package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Keys of ModelCredentials, and of Secrets that hold the same.
const (
	// CredentialToken is a token of the Hugging Face Hub.
	CredentialToken = "token"
	// CredentialAccessKeyID is the access key of an S3 service.
	CredentialAccessKeyID = "accessKeyID"
	// CredentialSecretAccessKey is the secret key of an S3 service.
	CredentialSecretAccessKey = "secretAccessKey"
	// CredentialDockerConfigJSON is a Docker configuration to pull images with.
	CredentialDockerConfigJSON = "dockerconfigjson"
)

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// ModelCredentials hands credentials for a model's source to the platform,
// through the create-only subresource models/credentials. They are kept
// encrypted and are never served again, except to the platform's controller;
// what comes back is their version.
type ModelCredentials struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is standard object metadata; name and namespace are the Model's.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what is handed in.
	// +optional
	Spec ModelCredentialsSpec `json:"spec,omitempty"`
	// status is what the platform made of it.
	// +optional
	Status ModelCredentialsStatus `json:"status,omitempty"`
}

// ModelCredentialsSpec is what is handed in. It is empty in every answer to
// anybody but the platform's controller.
type ModelCredentialsSpec struct {
	// data are the credentials: token, accessKeyID and secretAccessKey, or
	// dockerconfigjson, as the model's source needs them.
	// +optional
	Data map[string][]byte `json:"data,omitempty"`
}

// ModelCredentialsStatus is what the platform made of credentials.
type ModelCredentialsStatus struct {
	// version is the opaque version that the platform gave these credentials;
	// the Model's status.credentialsVersion shows it as well.
	// +optional
	Version string `json:"version,omitempty"`
}
