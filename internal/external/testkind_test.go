package external

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/generated/clientset/versioned"
	iamv1alpha1 "github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/apis/meta"
)

const testManager = "kubellm-test"

// testKind 是单元测试用的种类：与真正的用户一样，外加一个敏感字段和一个不可变字段。
var testKind = &Kind[*iamv1alpha1.User, *iamv1alpha1.UserList]{
	GroupVersionKind: iamv1alpha1.SchemeGroupVersion.WithKind("User"),
	Resource:         "users",
	New:              func() *iamv1alpha1.User { return &iamv1alpha1.User{} },
	Client: func(c versioned.Interface, _ string) Resource[*iamv1alpha1.User, *iamv1alpha1.UserList] {
		return c.IamV1alpha1().Users()
	},
	Items: func(l *iamv1alpha1.UserList) []*iamv1alpha1.User {
		items := make([]*iamv1alpha1.User, len(l.Items))
		for i := range l.Items {
			items[i] = &l.Items[i]
		}
		return items
	},
	Conditions: func(u *iamv1alpha1.User) []metav1.Condition { return u.Status.Conditions },
	Facets: []Facet{
		{Path: []string{"spec", "groups"}, Unset: []any{}},
		{Path: []string{"spec", "suspended"}, Unset: false},
	},
	Immutable: []Immutable[*iamv1alpha1.User]{{Path: []string{"spec", "email"}}},
	Sensitive: [][]string{{"spec", "displayName"}},
}

// user 给出一个测试用户，edit 逐个修改它。
func user(edits ...func(*iamv1alpha1.User)) *iamv1alpha1.User {
	u := &iamv1alpha1.User{ObjectMeta: metav1.ObjectMeta{Name: "alice"}}
	for _, edit := range edits {
		edit(u)
	}
	return u
}

func email(value string) func(*iamv1alpha1.User) {
	return func(u *iamv1alpha1.User) { u.Spec.Email = ptr.To(value) }
}

func displayName(value string) func(*iamv1alpha1.User) {
	return func(u *iamv1alpha1.User) { u.Spec.DisplayName = ptr.To(value) }
}

func groups(values ...string) func(*iamv1alpha1.User) {
	return func(u *iamv1alpha1.User) { u.Spec.Groups = values }
}

func suspended(value bool) func(*iamv1alpha1.User) {
	return func(u *iamv1alpha1.User) { u.Spec.Suspended = ptr.To(value) }
}

func label(key, value string) func(*iamv1alpha1.User) {
	return func(u *iamv1alpha1.User) { metav1.SetMetaDataLabel(&u.ObjectMeta, key, value) }
}

func annotation(key, value string) func(*iamv1alpha1.User) {
	return func(u *iamv1alpha1.User) { metav1.SetMetaDataAnnotation(&u.ObjectMeta, key, value) }
}

func marked(owner string) func(*iamv1alpha1.User) { return annotation(meta.OwnerAnnotation, owner) }

// managed 加一条 managedFields。
func managed(manager string, op metav1.ManagedFieldsOperationType, subresource, fields string) func(*iamv1alpha1.User) {
	return func(u *iamv1alpha1.User) {
		u.ManagedFields = append(u.ManagedFields, metav1.ManagedFieldsEntry{
			Manager: manager, Operation: op, Subresource: subresource, APIVersion: iamv1alpha1.SchemeGroupVersion.String(),
			FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(fields),
		})
	}
}
