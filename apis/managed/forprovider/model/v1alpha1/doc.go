// +kubebuilder:object:generate=true

// Package v1alpha1 是 model 各种类在 Crossplane 一侧的 forProvider 与 atProvider：命名空间级与集群级的托管资源共用。
// forProvider 的字段一律可选、没有默认值：只读的托管资源什么都不必写，没写的字段也不归我们管。
package v1alpha1
