package v1alpha1

import "k8s.io/utils/ptr"

// SetDefaults_UserSpec 写明未声明时的取值，让读到对象的人不必去猜。
func SetDefaults_UserSpec(spec *UserSpec) {
	if spec.Suspended == nil {
		spec.Suspended = ptr.To(false)
	}
}

// SetDefaults_RoleBindingSpec 写明未声明时的取值：不显式声明就绝不是全部命名空间。
func SetDefaults_RoleBindingSpec(spec *RoleBindingSpec) {
	if spec.AllNamespaces == nil {
		spec.AllNamespaces = ptr.To(false)
	}
}
