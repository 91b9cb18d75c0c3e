package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// ClusterCredentials hands credentials for a member cluster to the platform,
// through the create-only subresource clusters/credentials. They are kept
// encrypted and are never served again, except to the platform's controller;
// what comes back is their version.
type ClusterCredentials struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is standard object metadata; the name is the Cluster's.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what is handed in.
	// +optional
	Spec ClusterCredentialsSpec `json:"spec,omitempty"`
	// status is what the platform made of it.
	// +optional
	Status ClusterCredentialsStatus `json:"status,omitempty"`
}

// ClusterCredentialsSpec is what is handed in. It is empty in every answer to
// anybody but the platform's controller.
type ClusterCredentialsSpec struct {
	// kubeconfig is a self-contained kubeconfig, YAML or JSON: one that refers to
	// no files, runs no commands and uses no password. At most 1 MiB.
	// +optional
	Kubeconfig []byte `json:"kubeconfig,omitempty"`
}

// ClusterCredentialsStatus is what the platform made of credentials.
type ClusterCredentialsStatus struct {
	// version is the opaque version that the platform gave these credentials;
	// the Cluster's status.credentialsVersion shows it as well.
	// +optional
	Version string `json:"version,omitempty"`
}
