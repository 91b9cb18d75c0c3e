// +kubebuilder:object:generate=true
// +groupName=model.kubellm.crossplane.io

// Package v1alpha1 是 model.kubellm.crossplane.io：集群级（旧式）的托管资源，给仍用 claim 的人，内容都在共用的 forProvider 里。
package v1alpha1
