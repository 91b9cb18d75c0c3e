package iam

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Role 是一组可授予的权限；本身不授予任何人。
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
type Role struct {
	metav1.TypeMeta
	metav1.ObjectMeta

	Spec   RoleSpec
	Status RoleStatus
}

// RoleSpec 是使用者声明的部分；字段含义见 v1alpha1。
type RoleSpec struct {
	Description *string
	Rules       []PolicyRule
}

// PolicyRule 是一条允许规则。
type PolicyRule struct {
	APIGroups     []string
	Resources     []string
	Verbs         []string
	ResourceNames []string
}

// RoleStatus 目前没有谁写入：角色不经控制器即生效。
type RoleStatus struct {
	ObservedGeneration int64
	Conditions         []metav1.Condition
}

// RoleList 是 Role 的列表。
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
type RoleList struct {
	metav1.TypeMeta
	metav1.ListMeta

	Items []Role
}
