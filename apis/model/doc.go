// +k8s:deepcopy-gen=package

// Package model 是 model.kubellm.io 的内部 (hub) 类型：存储与各外部版本之间唯一的换算中枢，
// 服务端代码只认这里的类型，外部版本的演进不波及业务逻辑。
// +groupName=model.kubellm.io
package model
