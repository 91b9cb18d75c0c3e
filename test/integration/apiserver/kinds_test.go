package apiserver

import (
	"cmp"
	"encoding/base64"
	"hash/crc32"
	"slices"
	"strconv"
	"strings"
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/iam/v1alpha1"
	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// kind 是表驱动测试里的一个种类：同一套测试对每个种类都成立。
type kind struct {
	version                       schema.GroupVersion
	plural, kind, singular, short string
	// namespace 非空的种类在这个命名空间里测。
	namespace string
	// body 是装着 spec 的顶层字段，空即 "spec"。
	body string
	// spec 是一份合法的 spec。
	spec map[string]any
	// field 是 spec 里随时可改的一个字段，leaf 非空时改的是它里面的这一个；value 由一个词得到取值。
	field string
	leaf  string
	value func(word string) any
	// finalized 的种类由控制器放 finalizer，所以它能改对象本身。
	finalized bool
	// longest 是名字最多的字符数，空即 "253"。
	longest string
}

var (
	users = kind{
		version: v1alpha1.SchemeGroupVersion,
		plural:  "users", kind: "User", singular: "user", short: "kuser",
		spec:  map[string]any{"email": "ada@example.org"},
		field: "displayName", value: text,
	}
	roles = kind{
		version: v1alpha1.SchemeGroupVersion,
		plural:  "roles", kind: "Role", singular: "role", short: "krole",
		spec: map[string]any{"rules": []any{map[string]any{
			"apiGroups": []any{v1alpha1.GroupName}, "resources": []any{"users"}, "verbs": []any{"get"},
		}}},
		field: "description", value: text,
	}
	roleBindings = kind{
		version: v1alpha1.SchemeGroupVersion,
		plural:  "rolebindings", kind: "RoleBinding", singular: "rolebinding", short: "krb",
		spec: map[string]any{
			"roleRef":       map[string]any{"name": "kubellm-viewer"},
			"allNamespaces": true,
		},
		field: "subjects",
		value: func(word string) any { return []any{map[string]any{"kind": "User", "name": word}} },
	}
	clusters = kind{
		version: clusterv1alpha1.SchemeGroupVersion,
		plural:  "clusters", kind: "Cluster", singular: "cluster", short: "kcl",
		spec:  map[string]any{"zones": []any{"a", "b"}},
		field: "region", value: text, finalized: true,
	}
	models = kind{
		version: modelv1alpha1.SchemeGroupVersion, namespace: metav1.NamespaceDefault,
		plural: "models", kind: "Model", singular: "model", short: "mdl",
		spec: map[string]any{
			"source": map[string]any{"huggingFace": map[string]any{"repo": "Qwen/Qwen3-8B"}},
			"engine": map[string]any{"type": "VLLM", "delivery": "Deployment"},
		},
		field: "resources", leaf: "cpu", value: cores, finalized: true, longest: "40",
	}
	kinds = []kind{users, roles, roleBindings, clusters, models}

	secrets = kind{
		version: corev1.SchemeGroupVersion, namespace: metav1.NamespaceDefault,
		plural: "secrets", kind: "Secret", singular: "secret",
		body: "data", spec: map[string]any{"kept": "a2VwdA=="},
		field: "changing", value: func(word string) any { return base64.StdEncoding.EncodeToString([]byte(word)) },
	}
	leases = kind{
		version: coordinationv1.SchemeGroupVersion, namespace: metav1.NamespaceDefault,
		plural: "leases", kind: "Lease", singular: "lease",
		spec:  map[string]any{"leaseDurationSeconds": int64(15)},
		field: "holderIdentity", value: text,
	}
	// statusless 是没有状态也不记 generation 的种类。
	statusless = []kind{secrets, leases}
)

func text(word string) any { return word }

// cores 由一个词得到处理器的个数，不同的词多半不同。
func cores(word string) any { return strconv.Itoa(1 + int(crc32.ChecksumIEEE([]byte(word))%1_000_000)) }

// eachKind 让每个平台种类成为一个并行的子测试。
func eachKind(t *testing.T, test func(t *testing.T, k kind)) {
	t.Helper()
	eachOf(t, kinds, test)
}

// eachStored 也算上没有状态的种类。
func eachStored(t *testing.T, test func(t *testing.T, k kind)) {
	t.Helper()
	eachOf(t, slices.Concat(kinds, statusless), test)
}

func eachOf(t *testing.T, kinds []kind, test func(t *testing.T, k kind)) {
	t.Helper()
	t.Parallel()
	for _, k := range kinds {
		t.Run(k.plural, func(t *testing.T) {
			t.Parallel()
			test(t, k)
		})
	}
}

func (k kind) resource() schema.GroupVersionResource {
	return k.version.WithResource(k.plural)
}

func (k kind) client(c *client) dynamic.ResourceInterface {
	if k.namespace == "" {
		return c.dynamic.Resource(k.resource())
	}
	return c.dynamic.Resource(k.resource()).Namespace(k.namespace)
}

// top 是装着 spec 的顶层字段。
func (k kind) top() string { return cmp.Or(k.body, "spec") }

// path 是集合或其中一个对象的路径。
func (k kind) path(name ...string) string {
	path := "/apis/" + k.version.String()
	if k.version.Group == "" {
		path = "/api/" + k.version.Version
	}
	if k.namespace != "" {
		path += "/namespaces/" + k.namespace
	}
	path += "/" + k.plural
	for _, part := range name {
		path += "/" + part
	}
	return path
}

// schema 是 OpenAPI 里这个种类的名字。
func (k kind) schema() string {
	group, _, _ := strings.Cut(k.version.Group, ".")
	return "io.kubellm." + group + "." + k.version.Version + "." + k.kind
}

// object 返回名为 name 的合法对象，还没有存下。
func (k kind) object(name string) *unstructured.Unstructured {
	obj := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": k.version.String(),
		"kind":       k.kind,
		"metadata":   map[string]any{"name": name},
		k.top():      runtime.DeepCopyJSON(k.spec),
	}}
	if k.namespace != "" {
		obj.SetNamespace(k.namespace)
	}
	return obj
}

// change 是把 field 改成 word 的补丁。
func (k kind) change(word string) map[string]any {
	value := k.value(word)
	if k.leaf != "" {
		value = map[string]any{k.leaf: value}
	}
	return map[string]any{k.top(): map[string]any{k.field: value}}
}

// current 取 field 的当前值；没有时为 nil。
func (k kind) current(obj *unstructured.Unstructured) any {
	path := []string{k.top(), k.field}
	if k.leaf != "" {
		path = append(path, k.leaf)
	}
	value, _, _ := unstructured.NestedFieldNoCopy(obj.Object, path...)
	return value
}

// create 由管理员存下一个合法的对象，labels 是成对的键与值。
func (k kind) create(t testing.TB, p *platform, name string, labels ...string) *unstructured.Unstructured {
	t.Helper()
	obj := k.object(name)
	if len(labels) > 0 {
		set := map[string]string{}
		for i := 0; i < len(labels); i += 2 {
			set[labels[i]] = labels[i+1]
		}
		obj.SetLabels(set)
	}
	created, err := k.client(p.admin).Create(t.Context(), obj, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("create %s %s: %v", k.singular, name, err)
	}
	return created
}

// get 由管理员读出一个对象。
func (k kind) get(t testing.TB, p *platform, name string) *unstructured.Unstructured {
	t.Helper()
	obj, err := k.client(p.admin).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatalf("get %s %s: %v", k.singular, name, err)
	}
	return obj
}
