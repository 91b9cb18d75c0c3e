package apiserver

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/kubellm/kubellm/apis/iam/v1alpha1"
)

// kind 是表驱动测试里的一个种类：同一套测试对每个种类都成立。
type kind struct {
	plural, kind, singular, short string
	// spec 是一份合法的 spec。
	spec map[string]any
	// field 是 spec 里随时可改的一个字段，value 由一个词得到它的取值。
	field string
	value func(word string) any
}

var (
	users = kind{
		plural: "users", kind: "User", singular: "user", short: "kuser",
		spec:  map[string]any{"email": "ada@example.org"},
		field: "displayName", value: text,
	}
	roles = kind{
		plural: "roles", kind: "Role", singular: "role", short: "krole",
		spec: map[string]any{"rules": []any{map[string]any{
			"apiGroups": []any{v1alpha1.GroupName}, "resources": []any{"users"}, "verbs": []any{"get"},
		}}},
		field: "description", value: text,
	}
	roleBindings = kind{
		plural: "rolebindings", kind: "RoleBinding", singular: "rolebinding", short: "krb",
		spec: map[string]any{
			"roleRef":       map[string]any{"name": "kubellm-viewer"},
			"allNamespaces": true,
		},
		field: "subjects",
		value: func(word string) any { return []any{map[string]any{"kind": "User", "name": word}} },
	}
	kinds = []kind{users, roles, roleBindings}
)

func text(word string) any { return word }

// eachKind 让每个种类成为一个并行的子测试。
func eachKind(t *testing.T, test func(t *testing.T, k kind)) {
	t.Parallel()
	for _, k := range kinds {
		t.Run(k.plural, func(t *testing.T) {
			t.Parallel()
			test(t, k)
		})
	}
}

func (k kind) resource() schema.GroupVersionResource {
	return v1alpha1.SchemeGroupVersion.WithResource(k.plural)
}

func (k kind) client(c *client) dynamic.ResourceInterface { return c.dynamic.Resource(k.resource()) }

// path 是集合或其中一个对象的路径。
func (k kind) path(name ...string) string {
	path := apiPath + "/" + k.plural
	for _, part := range name {
		path += "/" + part
	}
	return path
}

// object 返回名为 name 的合法对象，还没有存下。
func (k kind) object(name string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": v1alpha1.SchemeGroupVersion.String(),
		"kind":       k.kind,
		"metadata":   map[string]any{"name": name},
		"spec":       runtime.DeepCopyJSON(k.spec),
	}}
}

// change 是把 field 改成 word 的补丁。
func (k kind) change(word string) map[string]any {
	return map[string]any{"spec": map[string]any{k.field: k.value(word)}}
}

// current 取 field 的当前值；没有时为 nil。
func (k kind) current(obj *unstructured.Unstructured) any {
	value, _, _ := unstructured.NestedFieldNoCopy(obj.Object, "spec", k.field)
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
