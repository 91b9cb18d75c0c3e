package kinds

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubellm/kubellm/apis/generated/clientset/versioned"
	iamv1alpha1 "github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/internal/external"
)

// RoleBinding 驱动平台角色绑定；授给谁、在哪里都是授权，总是显式发送。
var RoleBinding = &external.Kind[*iamv1alpha1.RoleBinding, *iamv1alpha1.RoleBindingList]{
	GroupVersionKind: iamv1alpha1.SchemeGroupVersion.WithKind("RoleBinding"),
	Resource:         "rolebindings",
	New:              func() *iamv1alpha1.RoleBinding { return &iamv1alpha1.RoleBinding{} },
	Client: func(c versioned.Interface, _ string) external.Resource[*iamv1alpha1.RoleBinding, *iamv1alpha1.RoleBindingList] {
		return c.IamV1alpha1().RoleBindings()
	},
	Items:      func(l *iamv1alpha1.RoleBindingList) []*iamv1alpha1.RoleBinding { return pointers(l.Items) },
	Conditions: func(b *iamv1alpha1.RoleBinding) []metav1.Condition { return b.Status.Conditions },
	Facets: []external.Facet{
		{Path: []string{"spec", "subjects"}, Unset: []any{}},
		{Path: []string{"spec", "namespaces"}, Unset: []any{}},
		{Path: []string{"spec", "allNamespaces"}, Unset: false},
	},
	Immutable: []external.Immutable[*iamv1alpha1.RoleBinding]{{Path: []string{"spec", "roleRef"}}},
}
