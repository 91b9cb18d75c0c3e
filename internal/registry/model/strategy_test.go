package model

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/apitesting"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apiserver/pkg/registry/generic"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"
	registrytest "k8s.io/apiserver/pkg/registry/generic/testing"
	"k8s.io/apiserver/pkg/registry/rest"
	etcd3testing "k8s.io/apiserver/pkg/storage/etcd3/testing"
	"k8s.io/apiserver/pkg/storage/storagebackend"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/cluster"
	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model"
	"github.com/kubellm/kubellm/apis/model/install"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/credentials"
	"github.com/kubellm/kubellm/internal/registry"
	"github.com/kubellm/kubellm/internal/service/auth"
)

// asked 记下被问过的密文与问的缘由，并放行一切；谁能用哪一份另有测试。
type asked []string

func (a *asked) ConfirmSecret(_ context.Context, use auth.SecretUse, namespace, name string) error {
	*a = append(*a, strings.Join(append([]string{use.Field, namespace + "/" + name}, use.Changed...), " "))
	return nil
}

func (a *asked) ConfirmHandedIn(_ context.Context, use auth.HandedInUse) error {
	*a = append(*a, strings.Join(append([]string{"handed in", use.Namespace + "/" + use.Name}, use.Changed...), " "))
	return nil
}

func (a *asked) MayList(context.Context, schema.GroupResource) (bool, error) { return true, nil }

// nowhere 是没有集群的平台。
type nowhere struct{}

func (nowhere) List(context.Context) (*cluster.ClusterList, error) {
	return &cluster.ClusterList{}, nil
}

func (nowhere) Place(*v1alpha1.Model, *v1alpha1.Model, []clusterv1alpha1.Cluster, []v1alpha1.Model, time.Time) Outcome {
	return Outcome{Message: "nowhere"}
}

func (nowhere) Manifests(*v1alpha1.Model, *clusterv1alpha1.Cluster, v1alpha1.ModelPlacement, []v1alpha1.RejectedCluster) (string, error) {
	return "", nil
}

func valid() *model.Model {
	return &model.Model{ObjectMeta: metav1.ObjectMeta{Name: "foo", Namespace: "test"}, Spec: model.ModelSpec{
		Source: model.ModelSource{HuggingFace: &model.HuggingFaceSource{Repo: "Qwen/Qwen3-8B", TokenSecretRef: &model.SecretKeyReference{Name: "hf", Key: "token"}}},
		Engine: model.Engine{Type: model.EngineVLLM, Delivery: ptr.To(model.DeliveryDeployment)},
	}}
}

// TestStore 让 Model 通过上游的存储套件：名字、UID、generation、干跑、删除、列表与监听。
func TestStore(t *testing.T) {
	server, config := etcd3testing.NewUnsecuredEtcd3TestClientServer(t)
	t.Cleanup(func() { server.Terminate(t) })
	invalid := []runtime.Object{
		&model.Model{ObjectMeta: metav1.ObjectMeta{Name: "*BadName!", Namespace: "test"}},
		&model.Model{ObjectMeta: metav1.ObjectMeta{Name: "sourceless", Namespace: "test"}, Spec: model.ModelSpec{Engine: model.Engine{Type: model.EngineVLLM}}},
	}
	update := func(obj runtime.Object) runtime.Object {
		obj.(*model.Model).Spec.Engine.Image = ptr.To("vllm/vllm-openai:v1")
		return obj
	}
	invalidUpdate := func(obj runtime.Object) runtime.Object {
		obj.(*model.Model).Spec.Engine.Type = model.EngineSGLang
		return obj
	}
	pass := []fields.Set{{"metadata.name": "foo"}, {"spec.engine.type": "VLLM"}, {"status.placements.cluster[]": "true"}}
	fail := []fields.Set{{"metadata.name": "bar"}, {"spec.engine.type": "SGLang"}, {"status.placements.cluster[a]": "true"}}
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
			run(registrytest.New(t, build(t, &empty)))
		})
	}
}

// build 在真的 etcd 上建起存储。
func build(t *testing.T, config *storagebackend.Config) *genericregistry.Store {
	t.Helper()
	main, _, _ := declare(t, config)
	return main.Store
}

// declare 在真的 etcd 上装好模型种类，连凭据库一起。
func declare(t *testing.T, config *storagebackend.Config) (*registry.REST, *registry.Resource[*model.Model, *model.ModelList], credentials.Store) {
	t.Helper()
	scheme := runtime.NewScheme()
	install.Install(scheme)
	if err := credentials.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	codecs := serializer.NewCodecFactory(scheme)
	options := func(resource schema.GroupResource, version schema.GroupVersion) generic.RESTOptions {
		own := *config
		own.Codec = apitesting.TestStorageCodec(codecs, version)
		return generic.RESTOptions{StorageConfig: own.ForResource(resource), Decorator: generic.UndecoratedStorage, DeleteCollectionWorkers: 1}
	}
	store, closeStore, err := credentials.NewStore(options(credentials.Resource, schema.GroupVersion{Group: credentials.GroupName, Version: "v1"}))
	if err != nil {
		t.Fatalf("build the store of credentials: %v", err)
	}
	t.Cleanup(closeStore)
	declared, served := Model(&asked{}, store, nowhere{}, nowhere{}), map[string]rest.Storage{}
	if err := declared.Install(scheme, []schema.GroupVersion{v1alpha1.SchemeGroupVersion}, options(models, v1alpha1.SchemeGroupVersion), nil, served); err != nil {
		t.Fatalf("build the store: %v", err)
	}
	main := served["models"].(*registry.REST)
	t.Cleanup(main.Destroy)
	return main, declared, store
}

// TestCredentialsAreConfirmed 只在密文的去向变了的时候才问：只管伸缩的人与控制器不必有读 Secret 的权利，
// 而能换镜像的人必须有，不然他让自己的程序去拿就行。点名的与交来的一样问。
func TestCredentialsAreConfirmed(t *testing.T) {
	const use = "spec.source.huggingFace.tokenSecretRef test/"
	adapters := []model.Adapter{{Name: "a", Source: model.ModelSource{HuggingFace: &model.HuggingFaceSource{Repo: "a/b"}}}}
	cases := map[string]struct {
		reason string
		change func(*model.ModelSpec)
		// path 是去向因之而变的字段；空的表示没有变。
		path string
	}{
		"unchanged":  {"was asked before", func(*model.ModelSpec) {}, ""},
		"scaled":     {"it goes nowhere else", func(s *model.ModelSpec) { s.Scaling = &model.Scaling{Replicas: ptr.To(int32(2))} }, ""},
		"placed":     {"it is copied to another member", func(s *model.ModelSpec) { s.Placement = &model.Placement{ClusterNames: []string{"a"}} }, "spec.placement.clusterNames"},
		"selected":   {"it is copied to other members", func(s *model.ModelSpec) { s.Placement = &model.Placement{ClusterSelector: &metav1.LabelSelector{}} }, "spec.placement.clusterSelector"},
		"tolerating": {"members that were kept apart get it", func(s *model.ModelSpec) { s.Placement = &model.Placement{Tolerations: []model.Toleration{{Key: "k"}}} }, "spec.placement.tolerations"},
		"spread":     {"to as many of the same clusters", func(s *model.ModelSpec) { s.Placement = &model.Placement{Clusters: ptr.To(int32(2))} }, ""},
		"resources":  {"it goes nowhere else", func(s *model.ModelSpec) { s.Resources = &model.Resources{CPU: ptr.To(resource.MustParse("1"))} }, ""},
		"suspended":  {"it goes nowhere else", func(s *model.ModelSpec) { s.Suspended = ptr.To(true) }, ""},
		"other key":  {"another value of it", func(s *model.ModelSpec) { s.Source.HuggingFace.TokenSecretRef.Key = "k" }, "spec.source"},
		"other repo": {"somebody else may answer", func(s *model.ModelSpec) { s.Source.HuggingFace.Repo = "a/b" }, "spec.source"},
		"adapter":    {"somebody else may answer", func(s *model.ModelSpec) { s.Adapters = adapters }, "spec.adapters"},
		"image":      {"another program sees it", func(s *model.ModelSpec) { s.Engine.Image = ptr.To("mine") }, "spec.engine.image"},
		"args":       {"arguments can send it elsewhere", func(s *model.ModelSpec) { s.Engine.Args = []string{"--x"} }, "spec.engine.args"},
		"env":        {"so can the environment", func(s *model.ModelSpec) { s.Engine.Env = []model.EnvVar{{Name: "HTTPS_PROXY"}} }, "spec.engine.env"},
		"image, scale": {"each field that matters is named", func(s *model.ModelSpec) {
			s.Engine.Image, s.Engine.Args, s.Suspended = ptr.To("mine"), []string{"--x"}, ptr.To(true)
		}, "spec.engine.image spec.engine.args"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			named := valid()
			tc.change(&named.Spec)
			handed := valid()
			handed.Status.CredentialsVersion = "v"
			tc.change(&handed.Spec)
			handed.Spec.Source.HuggingFace.TokenSecretRef = nil
			wasHanded := handed.DeepCopy()
			wasHanded.Spec = *valid().Spec.DeepCopy()
			wasHanded.Spec.Source.HuggingFace.TokenSecretRef = nil
			var wantNamed, wantHanded asked
			if tc.path != "" {
				wantNamed, wantHanded = asked{use + "hf " + tc.path}, asked{"handed in test/foo " + tc.path}
			}
			if name == "other key" {
				wantHanded = nil // 没有点名，也就没有键可换。
			}
			asks(t, tc.reason, named, valid(), wantNamed)
			asks(t, tc.reason, handed, wasHanded, wantHanded)
		})
	}
	s3 := valid()
	s3.Spec.Source = model.ModelSource{S3: &model.S3Source{Bucket: "models", CredentialsSecretRef: &model.SecretReference{Name: "s3"}}}
	other, without, both := valid(), valid(), valid()
	other.Spec.Source.HuggingFace.TokenSecretRef.Name = "b"
	without.Spec.Source.HuggingFace.TokenSecretRef = nil
	handed := without.DeepCopy()
	handed.Status.CredentialsVersion, both.Status.CredentialsVersion = "v", "v"
	asks(t, "who creates a model names its Secret", valid(), nil, asked{use + "hf"})
	asks(t, "each kind of source has one", s3, nil, asked{"spec.source.s3.credentialsSecretRef test/s3"})
	asks(t, "another Secret", other, valid(), asked{use + "b spec.source"})
	asks(t, "letting go is free", without, valid(), nil)
	asks(t, "without the Secret, what was handed in is used again", handed, both, asked{"handed in test/foo spec.source"})
	asks(t, "what was handed in stays with the model", both, handed, asked{use + "hf spec.source", "handed in test/foo spec.source"})
}

// asks 断言这个改动要问到哪些密文。
func asks(t *testing.T, reason string, obj, old *model.Model, want asked) {
	t.Helper()
	var guard asked
	if err := confirm(t.Context(), &guard, intake(nil), obj, old); err != nil || !slices.Equal(guard, want) {
		t.Errorf("%s: asked about %q (%v), want %q", reason, guard, err, want)
	}
}

// TestColumns 保证 kubectl get models 说得出几个副本在哪里，停着的不算缺。
func TestColumns(t *testing.T) {
	placed := valid()
	placed.Status = model.ModelStatus{ReadyReplicas: 3, Placements: []model.ModelPlacement{
		{Cluster: "a", Replicas: 2, Product: "H100"}, {Cluster: "b", Replicas: 2, Product: "H100"}, {Cluster: "c", Replicas: 2, Product: "A100"}, {Cluster: "d", Replicas: 2},
	}}
	placed.Spec.Placement, placed.Spec.Scaling = &model.Placement{Clusters: ptr.To(int32(5))}, &model.Scaling{Replicas: ptr.To(int32(2))}
	waiting := valid()
	waiting.Spec.Placement, waiting.Spec.Scaling = &model.Placement{Clusters: ptr.To(int32(2))}, &model.Scaling{Replicas: ptr.To(int32(3))}
	elastic := placed.DeepCopy()
	elastic.Spec.Placement, elastic.Spec.Scaling = nil, &model.Scaling{Autoscaling: &model.Autoscaling{MinReplicas: ptr.To(int32(1)), MaxReplicas: 4}}
	suspended := placed.DeepCopy()
	suspended.Spec.Suspended, suspended.Status.ReadyReplicas = ptr.To(true), 0
	for name, tc := range map[string]struct {
		reason string
		of     *model.Model
		want   map[string]any
	}{
		"placed":    {"added up, one Cluster is missing, and the line stays readable", placed, map[string]any{"Replicas": "3/10", "Clusters": "a,b,c,+1", "Product": "H100,A100", "Source": "hf://Qwen/Qwen3-8B", "Engine": "VLLM"}},
		"waiting":   {"what is wanted is known before it is placed", waiting, map[string]any{"Replicas": "0/6", "Clusters": "", "Ready": ""}},
		"elastic":   {"what is reserved for the most is not wanted yet", elastic, map[string]any{"Replicas": "3/1"}},
		"suspended": {"nothing is wanted", suspended, map[string]any{"Replicas": "0/0"}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, column := range columns() {
				if want, ok := tc.want[column.Name]; ok && column.Value(tc.of) != want {
					t.Errorf("%s: %s is %#v, want %#v", tc.reason, column.Name, column.Value(tc.of), want)
				}
			}
		})
	}
}

// TestDropDefaults 保证换写法的人不必去掉他没写过的默认值，而写过的由校验去说。
func TestDropDefaults(t *testing.T) {
	with := func(replicas int32, auto *model.Autoscaling, kind model.RolloutType, surge int32) *model.Model {
		m := valid()
		m.Spec.Scaling = &model.Scaling{Replicas: &replicas, Autoscaling: auto}
		m.Spec.Rollout = &model.Rollout{Type: &kind, MaxSurge: &surge, MaxUnavailable: ptr.To(int32(1))}
		return m
	}
	auto := &model.Autoscaling{MaxReplicas: 2}
	for name, tc := range map[string]struct {
		reason          string
		obj, old        *model.Model
		replicas, surge bool
	}{
		"unchanged":        {"nothing to drop", with(1, nil, model.RolloutRolling, 0), with(1, nil, model.RolloutRolling, 0), true, true},
		"defaults":         {"nobody wrote them", with(1, auto, model.RolloutRecreate, 0), with(1, nil, model.RolloutRolling, 0), false, false},
		"written":          {"somebody did", with(3, auto, model.RolloutRecreate, 1), with(3, nil, model.RolloutRolling, 1), true, true},
		"written just now": {"somebody did", with(1, auto, model.RolloutRecreate, 0), with(2, nil, model.RolloutRolling, 1), true, true},
		"created":          {"nothing was defaulted before", with(1, auto, model.RolloutRecreate, 0), nil, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			dropDefaults(tc.obj, tc.old)
			if got := tc.obj.Spec.Scaling.Replicas != nil; got != tc.replicas {
				t.Errorf("%s: replicas are kept: %t, want %t", tc.reason, got, tc.replicas)
			}
			if got := tc.obj.Spec.Rollout.MaxSurge != nil; got != tc.surge {
				t.Errorf("%s: maxSurge is kept: %t, want %t", tc.reason, got, tc.surge)
			}
		})
	}
}

// TestCheckCredentials 只收来源要的，一样不多，一样不少。
func TestCheckCredentials(t *testing.T) {
	of := func(source model.ModelSource) *model.Model {
		m := valid()
		m.Spec.Source = source
		return m
	}
	hub := of(model.ModelSource{HuggingFace: &model.HuggingFaceSource{Repo: "a/b"}})
	s3 := of(model.ModelSource{S3: &model.S3Source{Bucket: "models"}})
	oci := of(model.ModelSource{OCI: &model.OCISource{Image: "a"}})
	for name, tc := range map[string]struct {
		reason string
		owner  *model.Model
		data   map[string]string
		want   []string
	}{
		"token":       {"what the Hub takes", hub, map[string]string{"token": "hf_x"}, nil},
		"keys":        {"what S3 takes", s3, map[string]string{"accessKeyID": "a", "secretAccessKey": "b"}, nil},
		"docker":      {"what a registry takes", oci, map[string]string{"dockerconfigjson": `{"auths":{"r":{"auth":"eA=="}}}`}, nil},
		"nothing":     {"nothing was handed in", hub, nil, []string{"spec.data"}},
		"unknown":     {"nobody would use it", hub, map[string]string{"token": "x", "tokne": "x"}, []string{"spec.data[tokne]"}},
		"other's":     {"the Hub takes no keys", hub, map[string]string{"accessKeyID": "a", "secretAccessKey": "b"}, []string{"spec.data[accessKeyID]", "spec.data[secretAccessKey]"}},
		"half others": {"it is of no use, so the other half is not asked for", hub, map[string]string{"accessKeyID": "a"}, []string{"spec.data[accessKeyID]"}},
		"half a pair": {"useless alone", s3, map[string]string{"accessKeyID": "a"}, []string{"spec.data[secretAccessKey]"}},
		"other half":  {"useless alone", s3, map[string]string{"secretAccessKey": "a"}, []string{"spec.data[accessKeyID]"}},
		"empty":       {"no token", hub, map[string]string{"token": ""}, []string{"spec.data[token]"}},
		"line end":    {"the Hub would refuse it", hub, map[string]string{"token": "hf_x\n"}, []string{"spec.data[token]"}},
		"no JSON":     {"no Docker configuration", oci, map[string]string{"dockerconfigjson": "x"}, []string{"spec.data[dockerconfigjson]"}},
		"from Secret": {"the Secret has it", valid(), map[string]string{"token": "x"}, []string{"spec.data"}},
		"volume":      {"a volume takes none", of(model.ModelSource{PVC: &model.PVCSource{ClaimName: "a"}}), map[string]string{"token": "x"}, []string{"spec.data"}},
	} {
		t.Run(name, func(t *testing.T) {
			data := make(map[string][]byte, len(tc.data))
			for key, value := range tc.data {
				data[key] = []byte(value)
			}
			var got []string
			for _, err := range check(&model.ModelCredentials{Spec: model.ModelCredentialsSpec{Data: data}}, tc.owner) {
				got = append(got, err.Field)
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("%s: errors at %v, want %v", tc.reason, got, tc.want)
			}
		})
	}
}
