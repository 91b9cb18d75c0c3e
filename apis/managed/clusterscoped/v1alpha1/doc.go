// +kubebuilder:object:generate=true
// +groupName=kubellm.crossplane.io

// Package v1alpha1 是 kubellm.crossplane.io：集群级（旧式）托管资源的 provider 配置，给仍用 claim 的人。
package v1alpha1
