package kinds

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubellm/kubellm/apis/generated/clientset/versioned"
	iamv1alpha1 "github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/internal/external"
)

// User 驱动平台用户；所属的组决定其权限，所以总是显式发送。
var User = &external.Kind[*iamv1alpha1.User, *iamv1alpha1.UserList]{
	GroupVersionKind: iamv1alpha1.SchemeGroupVersion.WithKind("User"),
	Resource:         "users",
	New:              func() *iamv1alpha1.User { return &iamv1alpha1.User{} },
	Client: func(c versioned.Interface, _ string) external.Resource[*iamv1alpha1.User, *iamv1alpha1.UserList] {
		return c.IamV1alpha1().Users()
	},
	Items:      func(l *iamv1alpha1.UserList) []*iamv1alpha1.User { return pointers(l.Items) },
	Conditions: func(u *iamv1alpha1.User) []metav1.Condition { return u.Status.Conditions },
	Facets:     []external.Facet{{Path: []string{"spec", "groups"}, Unset: []any{}}},
}
