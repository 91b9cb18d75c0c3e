package model

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ModelCredentials 是经子资源 models/credentials 交给平台的凭据，只进不出。
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
type ModelCredentials struct {
	metav1.TypeMeta
	metav1.ObjectMeta

	Spec   ModelCredentialsSpec
	Status ModelCredentialsStatus
}

// ModelCredentialsSpec 是交来的内容；给控制器以外的人的回答里总是空的。
type ModelCredentialsSpec struct {
	Data map[string][]byte
}

// ModelCredentialsStatus 是平台给这份凭据的版本。
type ModelCredentialsStatus struct {
	Version string
}
