package iam

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// RoleBinding 把一个 Role 授予若干主体。
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
type RoleBinding struct {
	metav1.TypeMeta
	metav1.ObjectMeta

	Spec   RoleBindingSpec
	Status RoleBindingStatus
}

// RoleBindingSpec 是使用者声明的部分；字段含义见 v1alpha1。
type RoleBindingSpec struct {
	RoleRef       RoleRef
	Subjects      []Subject
	Namespaces    []string
	AllNamespaces *bool
}

// RoleRef 指向被授予的角色。
type RoleRef struct {
	Name string
}

// SubjectKind 是主体的种类。
type SubjectKind string

// 主体的种类。
const (
	SubjectUser           SubjectKind = "User"
	SubjectGroup          SubjectKind = "Group"
	SubjectServiceAccount SubjectKind = "ServiceAccount"
)

// Subject 是被授予权限的主体。
type Subject struct {
	Kind      SubjectKind
	Name      string
	Namespace string
}

// RoleBindingStatus 由角色绑定控制器写入。
type RoleBindingStatus struct {
	ObservedGeneration int64
	Conditions         []metav1.Condition
}

// RoleBindingList 是 RoleBinding 的列表。
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
type RoleBindingList struct {
	metav1.TypeMeta
	metav1.ListMeta

	Items []RoleBinding
}
