// +k8s:openapi-gen=true
// +k8s:openapi-model-package=io.kubellm.model.v1alpha1
// +k8s:deepcopy-gen=package
// +k8s:conversion-gen=github.com/kubellm/kubellm/apis/model
// +k8s:defaulter-gen=TypeMeta
// +groupName=model.kubellm.io

// Package v1alpha1 是 model.kubellm.io 对外的第一个版本：kubectl、Crossplane 与 Terraform 看到的形状。
package v1alpha1
