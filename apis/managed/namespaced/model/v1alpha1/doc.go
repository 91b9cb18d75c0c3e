// +kubebuilder:object:generate=true
// +groupName=model.kubellm.m.crossplane.io

// Package v1alpha1 是 model.kubellm.m.crossplane.io：命名空间级的托管资源，内容都在共用的 forProvider 里。
package v1alpha1
