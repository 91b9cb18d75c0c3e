package kinds

import (
	"github.com/kubellm/kubellm/apis/generated/clientset/versioned"
	iamv1alpha1 "github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/internal/external"
)

// Role 驱动平台角色；没有控制器替它写状态，一存在就算就绪。
var Role = &external.Kind[*iamv1alpha1.Role, *iamv1alpha1.RoleList]{
	GroupVersionKind: iamv1alpha1.SchemeGroupVersion.WithKind("Role"),
	Resource:         "roles",
	New:              func() *iamv1alpha1.Role { return &iamv1alpha1.Role{} },
	Client: func(c versioned.Interface, _ string) external.Resource[*iamv1alpha1.Role, *iamv1alpha1.RoleList] {
		return c.IamV1alpha1().Roles()
	},
	Items:  func(l *iamv1alpha1.RoleList) []*iamv1alpha1.Role { return pointers(l.Items) },
	Facets: []external.Facet{{Path: []string{"spec", "rules"}, Unset: []any{}}},
}
