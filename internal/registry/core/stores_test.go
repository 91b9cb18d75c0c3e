package core

import (
	"slices"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
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

	"github.com/kubellm/kubellm/internal/registry"
)

// kindCase 是上游套件对一个种类所需的材料。
type kindCase struct {
	build         func(t *testing.T, getter generic.RESTOptionsGetter, scheme *runtime.Scheme) *registry.Storage
	version       schema.GroupVersion
	valid         func() runtime.Object
	invalid       []runtime.Object
	update        registrytest.UpdateFunc
	invalidUpdate registrytest.UpdateFunc
	fieldsPass    []fields.Set
	fieldsFail    []fields.Set
	// clusterScoped 的种类没有命名空间。
	clusterScoped bool
	// buildToCreate 代替 build 供 create 套件用：它把建出来的随即删掉，要求当场消失，而命名空间要等清空。
	// 去掉的只是删除那一刻的改写，那一段另有 TestNamespaceEnds 看着。
	buildToCreate func(t *testing.T, getter generic.RESTOptionsGetter, scheme *runtime.Scheme) *registry.Storage
	// without 是不适用的套件：上游的读与列会换命名空间、要求首列是名字，事件两样都不合。
	without []string
}

func build[T registry.Object, L runtime.Object](resource *registry.Resource[T, L], version schema.GroupVersion) func(*testing.T, generic.RESTOptionsGetter, *runtime.Scheme) *registry.Storage {
	return func(t *testing.T, getter generic.RESTOptionsGetter, scheme *runtime.Scheme) *registry.Storage {
		t.Helper()
		built, err := resource.Store(scheme, []schema.GroupVersion{version}, getter)
		if err != nil {
			t.Fatalf("build the store: %v", err)
		}
		return built
	}
}

// endingAtOnce 是不等清空的命名空间。
func endingAtOnce() *registry.Resource[*corev1.Namespace, *corev1.NamespaceList] {
	namespaces := Namespace()
	namespaces.Terminate = nil
	return namespaces
}

func kindCases() map[string]kindCase {
	return map[string]kindCase{
		"namespaces": {
			build: build(Namespace(), corev1.SchemeGroupVersion), version: corev1.SchemeGroupVersion, clusterScoped: true,
			buildToCreate: build(endingAtOnce(), corev1.SchemeGroupVersion),
			valid: func() runtime.Object {
				return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "foo"}}
			},
			invalid: []runtime.Object{
				&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "*BadName!"}},
				&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "with.dot"}},
			},
			update: func(obj runtime.Object) runtime.Object {
				obj.(*corev1.Namespace).Annotations = map[string]string{"a": "b"}
				return obj
			},
			invalidUpdate: func(obj runtime.Object) runtime.Object {
				obj.(*corev1.Namespace).Labels = map[string]string{"a b": "c"}
				return obj
			},
			fieldsPass: []fields.Set{{"metadata.name": "foo"}, {"status.phase": ""}},
			fieldsFail: []fields.Set{{"metadata.name": "bar"}, {"status.phase": "Terminating"}},
		},
		"secrets": {
			build: build(Secret(), corev1.SchemeGroupVersion), version: corev1.SchemeGroupVersion,
			valid: func() runtime.Object {
				return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "foo", Namespace: "test"}, Type: corev1.SecretTypeOpaque, Data: map[string][]byte{"a": []byte("b")}}
			},
			invalid: []runtime.Object{
				&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "*BadName!"}},
				&corev1.Secret{Data: map[string][]byte{"a/b": nil}},
			},
			update: func(obj runtime.Object) runtime.Object {
				obj.(*corev1.Secret).Data = map[string][]byte{"c": []byte("d")}
				return obj
			},
			invalidUpdate: func(obj runtime.Object) runtime.Object {
				obj.(*corev1.Secret).Type = corev1.SecretTypeTLS
				return obj
			},
			fieldsPass: []fields.Set{{"metadata.name": "foo"}, {"type": "Opaque"}},
			fieldsFail: []fields.Set{{"metadata.name": "bar"}, {"type": "other"}},
		},
		"leases": {
			build: build(Lease(), coordinationv1.SchemeGroupVersion), version: coordinationv1.SchemeGroupVersion,
			valid: func() runtime.Object {
				return &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: "foo", Namespace: "test"}, Spec: coordinationv1.LeaseSpec{HolderIdentity: ptr.To("me")}}
			},
			invalid: []runtime.Object{
				&coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: "*BadName!"}},
				&coordinationv1.Lease{Spec: coordinationv1.LeaseSpec{LeaseDurationSeconds: ptr.To[int32](0)}},
			},
			update: func(obj runtime.Object) runtime.Object {
				obj.(*coordinationv1.Lease).Spec.HolderIdentity = ptr.To("you")
				return obj
			},
			invalidUpdate: func(obj runtime.Object) runtime.Object {
				obj.(*coordinationv1.Lease).Spec.LeaseTransitions = ptr.To[int32](-1)
				return obj
			},
			fieldsPass: []fields.Set{{"metadata.name": "foo"}},
			fieldsFail: []fields.Set{{"metadata.name": "bar"}},
		},
		"events": {
			build: build(Event(time.Hour), corev1.SchemeGroupVersion), version: corev1.SchemeGroupVersion,
			valid: func() runtime.Object {
				return &corev1.Event{ObjectMeta: metav1.ObjectMeta{Name: "foo", Namespace: "test"}, InvolvedObject: corev1.ObjectReference{Namespace: "test", Kind: "Secret"}, Reason: "Tested"}
			},
			invalid: []runtime.Object{
				&corev1.Event{ObjectMeta: metav1.ObjectMeta{Name: "*BadName!", Namespace: "test"}, InvolvedObject: corev1.ObjectReference{Namespace: "test"}},
				&corev1.Event{InvolvedObject: corev1.ObjectReference{Namespace: "elsewhere"}},
			},
			update: func(obj runtime.Object) runtime.Object {
				obj.(*corev1.Event).Count = 2
				return obj
			},
			invalidUpdate: func(obj runtime.Object) runtime.Object {
				obj.(*corev1.Event).InvolvedObject.Namespace = "elsewhere"
				return obj
			},
			fieldsPass: []fields.Set{{"metadata.name": "foo"}, {"involvedObject.kind": "Secret", "reason": "Tested"}},
			fieldsFail: []fields.Set{{"metadata.name": "bar"}, {"involvedObject.kind": "Lease"}},
			without:    []string{"get", "list"},
		},
	}
}

// TestStores 让每个存下的核心种类通过上游的存储套件。
func TestStores(t *testing.T) {
	server, config := etcd3testing.NewUnsecuredEtcd3TestClientServer(t)
	t.Cleanup(func() { server.Terminate(t) })
	scheme := runtime.NewScheme()
	Install(scheme)
	for name, tc := range kindCases() {
		suites := map[string]func(*registrytest.Tester){
			"create": func(suite *registrytest.Tester) { suite.TestCreate(tc.valid(), tc.invalid...) },
			"update": func(suite *registrytest.Tester) { suite.TestUpdate(tc.valid(), tc.update, tc.invalidUpdate) },
			"delete": func(suite *registrytest.Tester) { suite.TestDelete(tc.valid()) },
			"get":    func(suite *registrytest.Tester) { suite.TestGet(tc.valid()) },
			"list":   func(suite *registrytest.Tester) { suite.TestList(tc.valid()) },
			"watch": func(suite *registrytest.Tester) {
				suite.TestWatch(tc.valid(), []labels.Set{}, []labels.Set{{"foo": "bar"}}, tc.fieldsPass, tc.fieldsFail)
			},
		}
		for suite, run := range suites {
			if slices.Contains(tc.without, suite) {
				continue
			}
			t.Run(name+"/"+suite, func(t *testing.T) {
				// 上游套件各自假定存储是空的，所以每个套件一个键前缀。
				empty := *config
				empty.Prefix = "/" + name + "-" + suite
				empty.Codec = apitesting.TestStorageCodec(serializer.NewCodecFactory(scheme), tc.version)
				options := generic.RESTOptions{
					StorageConfig:           empty.ForResource(tc.version.WithResource(name).GroupResource()),
					Decorator:               generic.UndecoratedStorage,
					DeleteCollectionWorkers: 1,
				}
				construct := tc.build
				if suite == "create" && tc.buildToCreate != nil {
					construct = tc.buildToCreate
				}
				built := construct(t, options, scheme)
				t.Cleanup(built.Main.Destroy)
				tester := registrytest.New(t, built.Main.Store).GeneratesName()
				if tc.clusterScoped {
					tester.ClusterScope()
				}
				run(tester)
			})
		}
	}
}
