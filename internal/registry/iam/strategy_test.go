package iam

import (
	"context"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/apitesting"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apiserver/pkg/registry/generic"
	registrytest "k8s.io/apiserver/pkg/registry/generic/testing"
	etcd3testing "k8s.io/apiserver/pkg/storage/etcd3/testing"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/iam"
	"github.com/kubellm/kubellm/apis/iam/install"
	"github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/internal/registry"
	"github.com/kubellm/kubellm/internal/service/auth"
)

// trusting 放行一切：这里只验证存储与策略，越权检查另有测试。
type trusting struct{}

func (trusting) ConfirmRules(context.Context, string, []rbacv1.PolicyRule) error { return nil }
func (trusting) ConfirmBinding(context.Context, string, string, []string, bool) error {
	return nil
}
func (trusting) ConfirmGroup(context.Context, string, string) error          { return nil }
func (trusting) MayList(context.Context, schema.GroupResource) (bool, error) { return true, nil }
func (trusting) ConfirmSecret(context.Context, auth.SecretUse, string, string) error {
	return nil
}
func (trusting) ConfirmHandedIn(context.Context, auth.HandedInUse) error { return nil }

// kindCase 是上游套件对一个种类所需的材料。
type kindCase struct {
	build         func(t *testing.T, getter generic.RESTOptionsGetter, scheme *runtime.Scheme) *registry.Storage
	valid         func() runtime.Object
	invalid       []runtime.Object
	update        registrytest.UpdateFunc
	invalidUpdate []registrytest.UpdateFunc
	fieldsPass    []fields.Set
	fieldsFail    []fields.Set
}

func build[T registry.Object, L runtime.Object](resource *registry.Resource[T, L]) func(*testing.T, generic.RESTOptionsGetter, *runtime.Scheme) *registry.Storage {
	return func(t *testing.T, getter generic.RESTOptionsGetter, scheme *runtime.Scheme) *registry.Storage {
		t.Helper()
		storage, err := resource.Store(scheme, []schema.GroupVersion{v1alpha1.SchemeGroupVersion}, getter)
		if err != nil {
			t.Fatalf("build the store: %v", err)
		}
		return storage
	}
}

func kindCases() map[string]kindCase {
	return map[string]kindCase{
		"users": {
			build: build(User(trusting{})),
			valid: func() runtime.Object {
				return &iam.User{ObjectMeta: metav1.ObjectMeta{Name: "foo"}, Spec: iam.UserSpec{Email: ptr.To("alice@example.com"), Groups: []string{"dev"}, Suspended: ptr.To(false)}}
			},
			invalid: []runtime.Object{
				&iam.User{ObjectMeta: metav1.ObjectMeta{Name: "*BadName!"}},
				&iam.User{Spec: iam.UserSpec{Email: ptr.To("nobody")}},
			},
			update: func(obj runtime.Object) runtime.Object {
				obj.(*iam.User).Spec.DisplayName = ptr.To("Alice")
				return obj
			},
			invalidUpdate: []registrytest.UpdateFunc{func(obj runtime.Object) runtime.Object {
				obj.(*iam.User).Spec.Groups = []string{"system:masters"}
				return obj
			}},
			fieldsPass: []fields.Set{{"metadata.name": "foo"}, {"spec.email": "alice@example.com"}},
			fieldsFail: []fields.Set{{"metadata.name": "bar"}, {"spec.email": "bob@example.com"}},
		},
		"roles": {
			build: build(Role(trusting{})),
			valid: func() runtime.Object {
				return &iam.Role{ObjectMeta: metav1.ObjectMeta{Name: "foo"}, Spec: iam.RoleSpec{Rules: []iam.PolicyRule{{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"get"}}}}}
			},
			invalid: []runtime.Object{
				&iam.Role{ObjectMeta: metav1.ObjectMeta{Name: "*BadName!"}},
				&iam.Role{Spec: iam.RoleSpec{Rules: []iam.PolicyRule{{Resources: []string{"*"}}}}},
			},
			update: func(obj runtime.Object) runtime.Object {
				obj.(*iam.Role).Spec.Description = ptr.To("reads everything")
				return obj
			},
			invalidUpdate: []registrytest.UpdateFunc{func(obj runtime.Object) runtime.Object {
				obj.(*iam.Role).Spec.Rules = []iam.PolicyRule{{}}
				return obj
			}},
			fieldsPass: []fields.Set{{"metadata.name": "foo"}},
			fieldsFail: []fields.Set{{"metadata.name": "bar"}},
		},
		"rolebindings": {
			build: build(RoleBinding(trusting{})),
			valid: func() runtime.Object {
				return &iam.RoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "foo"}, Spec: iam.RoleBindingSpec{
					RoleRef:       iam.RoleRef{Name: "viewer"},
					Subjects:      []iam.Subject{{Kind: iam.SubjectUser, Name: "alice"}},
					AllNamespaces: ptr.To(true),
				}}
			},
			invalid: []runtime.Object{
				&iam.RoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "*BadName!"}},
				&iam.RoleBinding{Spec: iam.RoleBindingSpec{RoleRef: iam.RoleRef{Name: "viewer"}}},
			},
			update: func(obj runtime.Object) runtime.Object {
				obj.(*iam.RoleBinding).Spec.Subjects = nil
				return obj
			},
			invalidUpdate: []registrytest.UpdateFunc{func(obj runtime.Object) runtime.Object {
				obj.(*iam.RoleBinding).Spec.RoleRef.Name = "admin"
				return obj
			}},
			fieldsPass: []fields.Set{{"metadata.name": "foo"}, {"spec.roleRef.name": "viewer"}},
			fieldsFail: []fields.Set{{"metadata.name": "bar"}, {"spec.roleRef.name": "admin"}},
		},
	}
}

// TestStores 让每个种类通过上游的存储套件：名字、UID、generation、干跑、删除、列表与监听。
func TestStores(t *testing.T) {
	server, config := etcd3testing.NewUnsecuredEtcd3TestClientServer(t)
	t.Cleanup(func() { server.Terminate(t) })
	scheme := runtime.NewScheme()
	install.Install(scheme)
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	config.Codec = apitesting.TestStorageCodec(serializer.NewCodecFactory(scheme), v1alpha1.SchemeGroupVersion)

	for name, tc := range kindCases() {
		suites := map[string]func(*registrytest.Tester){
			"create": func(suite *registrytest.Tester) { suite.TestCreate(tc.valid(), tc.invalid...) },
			"update": func(suite *registrytest.Tester) { suite.TestUpdate(tc.valid(), tc.update, tc.invalidUpdate...) },
			"delete": func(suite *registrytest.Tester) { suite.TestDelete(tc.valid()) },
			"get":    func(suite *registrytest.Tester) { suite.TestGet(tc.valid()) },
			"list":   func(suite *registrytest.Tester) { suite.TestList(tc.valid()) },
			"watch": func(suite *registrytest.Tester) {
				suite.TestWatch(tc.valid(), []labels.Set{}, []labels.Set{{"foo": "bar"}}, tc.fieldsPass, tc.fieldsFail)
			},
		}
		for suite, run := range suites {
			t.Run(name+"/"+suite, func(t *testing.T) {
				// 上游套件各自假定存储是空的，所以每个套件一个键前缀。
				empty := *config
				empty.Prefix = "/" + name + "-" + suite
				options := generic.RESTOptions{
					StorageConfig:           empty.ForResource(iam.Resource(name)),
					Decorator:               generic.UndecoratedStorage,
					DeleteCollectionWorkers: 1,
				}
				storage := tc.build(t, options, scheme)
				t.Cleanup(storage.Main.Destroy)
				run(registrytest.New(t, storage.Main.Store).ClusterScope())
			})
		}
	}
}
