package cluster

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ClusterCredentials 是经子资源 clusters/credentials 交给平台的凭据，只进不出。
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
type ClusterCredentials struct {
	metav1.TypeMeta
	metav1.ObjectMeta

	Spec   ClusterCredentialsSpec
	Status ClusterCredentialsStatus
}

// ClusterCredentialsSpec 是交来的内容；给控制器以外的人的回答里总是空的。
type ClusterCredentialsSpec struct {
	Kubeconfig []byte
}

// ClusterCredentialsStatus 是平台给这份凭据的版本。
type ClusterCredentialsStatus struct {
	Version string
}
