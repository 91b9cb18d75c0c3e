package iam

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// User 是平台里的一个人或一个程序的身份。
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
type User struct {
	metav1.TypeMeta
	metav1.ObjectMeta

	Spec   UserSpec
	Status UserStatus
}

// UserSpec 是使用者声明的部分；字段含义见 v1alpha1。
type UserSpec struct {
	DisplayName *string
	Email       *string
	Groups      []string
	Suspended   *bool
}

// UserStatus 由用户控制器写入。
type UserStatus struct {
	ObservedGeneration int64
	Conditions         []metav1.Condition
	Roles              []string
	DefaultRoleBinding string
}

// UserList 是 User 的列表。
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
type UserList struct {
	metav1.TypeMeta
	metav1.ListMeta

	Items []User
}
