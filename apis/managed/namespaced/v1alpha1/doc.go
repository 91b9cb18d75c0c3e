// +kubebuilder:object:generate=true
// +groupName=kubellm.m.crossplane.io

// Package v1alpha1 是 kubellm.m.crossplane.io：命名空间级托管资源的 provider 配置，说明平台在哪里、以谁的身份。
package v1alpha1
