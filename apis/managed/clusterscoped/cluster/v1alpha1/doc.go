// +kubebuilder:object:generate=true
// +groupName=cluster.kubellm.crossplane.io

// Package v1alpha1 是 cluster.kubellm.crossplane.io：集群级（旧式）的托管资源，给仍用 claim 的人，内容都在共用的 forProvider 里。
package v1alpha1
