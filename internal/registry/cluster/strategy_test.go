package cluster

import (
	"testing"

	"k8s.io/apimachinery/pkg/api/apitesting"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apiserver/pkg/registry/generic"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"
	registrytest "k8s.io/apiserver/pkg/registry/generic/testing"
	etcd3testing "k8s.io/apiserver/pkg/storage/etcd3/testing"
	"k8s.io/apiserver/pkg/storage/storagebackend"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/cluster"
	"github.com/kubellm/kubellm/apis/cluster/install"
	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/internal/credentials"
)

func valid() *cluster.Cluster {
	return &cluster.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "foo"}, Spec: cluster.ClusterSpec{
		Region:                  ptr.To("eu"),
		Zones:                   []string{"a"},
		WorkloadNamespacePrefix: ptr.To("llm-"),
		Credentials:             &cluster.CredentialsSource{KubeconfigSecretRef: &cluster.SecretKeyReference{Namespace: "ns", Name: "member"}},
	}}
}

// TestStore 让 Cluster 通过上游的存储套件：名字、UID、generation、干跑、删除、列表与监听。
func TestStore(t *testing.T) {
	server, config := etcd3testing.NewUnsecuredEtcd3TestClientServer(t)
	t.Cleanup(func() { server.Terminate(t) })
	invalid := []runtime.Object{
		&cluster.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "*BadName!"}},
		&cluster.Cluster{Spec: cluster.ClusterSpec{Zones: []string{"a", "a"}}},
	}
	update := func(obj runtime.Object) runtime.Object {
		obj.(*cluster.Cluster).Spec.Region = ptr.To("us")
		return obj
	}
	invalidUpdate := func(obj runtime.Object) runtime.Object {
		obj.(*cluster.Cluster).Spec.WorkloadNamespacePrefix = ptr.To("other-")
		return obj
	}
	pass := []fields.Set{
		{"metadata.name": "foo"}, {"spec.region": "eu"},
		{"spec.credentials.kubeconfigSecretRef.name": "member"}, {"spec.credentials.kubeconfigSecretRef.namespace": "ns"},
	}
	fail := []fields.Set{{"metadata.name": "bar"}, {"spec.region": "us"}, {"spec.credentials.kubeconfigSecretRef.name": "other"}}
	suites := map[string]func(*registrytest.Tester){
		"create": func(suite *registrytest.Tester) { suite.TestCreate(valid(), invalid...) },
		"update": func(suite *registrytest.Tester) { suite.TestUpdate(valid(), update, invalidUpdate) },
		"delete": func(suite *registrytest.Tester) { suite.TestDelete(valid()) },
		"get":    func(suite *registrytest.Tester) { suite.TestGet(valid()) },
		"list":   func(suite *registrytest.Tester) { suite.TestList(valid()) },
		"watch": func(suite *registrytest.Tester) {
			suite.TestWatch(valid(), []labels.Set{}, []labels.Set{{"foo": "bar"}}, pass, fail)
		},
	}
	for name, run := range suites {
		t.Run(name, func(t *testing.T) {
			// 上游套件各自假定存储是空的，所以每个套件一个键前缀。
			empty := *config
			empty.Prefix = "/" + name
			run(registrytest.New(t, build(t, &empty)).ClusterScope())
		})
	}
}

// build 在真的 etcd 上建起存储，连凭据库一起。
func build(t *testing.T, config *storagebackend.Config) *genericregistry.Store {
	t.Helper()
	scheme := runtime.NewScheme()
	install.Install(scheme)
	if err := credentials.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	codecs := serializer.NewCodecFactory(scheme)
	store, closeStore, err := credentials.NewStore(options(config, codecs, credentials.Resource, schema.GroupVersion{Group: credentials.GroupName, Version: "v1"}))
	if err != nil {
		t.Fatalf("build the store of credentials: %v", err)
	}
	t.Cleanup(closeStore)
	storage, err := Cluster(&asked{}, store).Store(scheme, []schema.GroupVersion{v1alpha1.SchemeGroupVersion}, options(config, codecs, resource, v1alpha1.SchemeGroupVersion))
	if err != nil {
		t.Fatalf("build the store: %v", err)
	}
	t.Cleanup(storage.Main.Destroy)
	return storage.Main.Store
}

func options(config *storagebackend.Config, codecs serializer.CodecFactory, resource schema.GroupResource, version schema.GroupVersion) generic.RESTOptions {
	own := *config
	own.Codec = apitesting.TestStorageCodec(codecs, version)
	return generic.RESTOptions{StorageConfig: own.ForResource(resource), Decorator: generic.UndecoratedStorage, DeleteCollectionWorkers: 1}
}
