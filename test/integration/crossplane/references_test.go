package crossplane

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/crossplane/crossplane-runtime/v2/pkg/resource"

	clusterscopediam "github.com/kubellm/kubellm/apis/managed/clusterscoped/iam/v1alpha1"
	namespacediam "github.com/kubellm/kubellm/apis/managed/namespaced/iam/v1alpha1"
)

// role 与 binding 是两种作用域共用的清单；namespace 为空即集群级。
func header(kind, namespace, name string, labels string) string {
	group := "iam.kubellm.m.crossplane.io"
	if namespace == "" {
		group = "iam.kubellm.crossplane.io"
	}
	text := fmt.Sprintf("apiVersion: %s/v1alpha1\nkind: %s\nmetadata:\n  name: %s\n", group, kind, name)
	if namespace != "" {
		text += "  namespace: " + namespace + "\n"
	}
	if labels != "" {
		text += "  labels: {" + labels + "}\n"
	}
	return text
}

func role(namespace, name, externalName, labels string) string {
	return header("Role", namespace, name, labels) + fmt.Sprintf(`  annotations: {crossplane.io/external-name: %s}
spec:
  forProvider:
    rules: [{apiGroups: [iam.kubellm.io], resources: [roles], verbs: [get]}]
`, externalName)
}

func binding(namespace, name, roleRef string) string {
	return header("RoleBinding", namespace, name, "") + fmt.Sprintf(`spec:
  forProvider:
    roleRef: {%s}
    subjects: [{kind: Group, name: readers}]
    allNamespaces: true
`, roleRef)
}

// TestReferences 看角色绑定按名、按引用、按选择器指向角色，两种作用域都看。
func TestReferences(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	scopes := map[string]struct {
		namespace string
		binding   func(name string) resource.Managed
	}{
		"namespaced": {ns, func(name string) resource.Managed {
			return &namespacediam.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}}
		}},
		"clusterscoped": {"", func(name string) resource.Managed {
			return &clusterscopediam.RoleBinding{ObjectMeta: metav1.ObjectMeta{Name: name}}
		}},
	}
	for scope, in := range scopes {
		t.Run(scope, func(t *testing.T) {
			t.Parallel()
			granted := scope + "-referenced-role"
			cases := map[string]struct{ reason, roleRef string }{
				"name":     {"the name of a role of the platform is taken as it is", "name: " + granted},
				"ref":      {"a reference gives the role's external name", "nameRef: {name: " + scope + "-role}"},
				"selector": {"a selector gives the selected role's external name", "nameSelector: {matchLabels: {pick: " + scope + "}}"},
			}
			// 绑定先于角色：引用解析不了时等着，角色一有就好。
			for name, tc := range cases {
				shared.apply(t, binding(in.namespace, scope+"-by-"+name, tc.roleRef))
			}
			awaitNotSynced(t, shared, in.binding(scope+"-by-ref"), promptly, "spec.forProvider.roleRef.name", scope+"-role")
			shared.apply(t, role(in.namespace, scope+"-role", granted, "pick: "+scope))
			for name, tc := range cases {
				mg := in.binding(scope + "-by-" + name)
				awaitReady(t, shared, mg)
				got, err := platform.iam.IamV1alpha1().RoleBindings().Get(t.Context(), mg.GetName(), metav1.GetOptions{})
				if err != nil {
					t.Fatal(err)
				}
				if got.Spec.RoleRef.Name != granted {
					t.Errorf("%s: got role %q, want %q", tc.reason, got.Spec.RoleRef.Name, granted)
				}
			}
			message := shared.refused(t, binding(in.namespace, scope+"-by-name", "name: another"))
			if !strings.Contains(message, "roleRef.name") || !strings.Contains(message, "cannot be changed") {
				t.Errorf("changing roleRef: the message does not name the field and why: %s", message)
			}
		})
	}
}

// TestLostReference 看就绪着的绑定再也解不开引用：没有人再看平台上的那个对象，不能还说它就绪；引用解得开了自己好。
func TestLostReference(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	const name = "loses-its-role"
	shared.apply(t, role(ns, name, name, ""))
	shared.apply(t, binding(ns, name, "nameRef: {name: "+name+", policy: {resolve: Always}}"))
	mg := &namespacediam.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}}
	awaitReady(t, shared, mg)
	lost := &namespacediam.Role{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}}
	shared.remove(t, lost)
	awaitUnready(t, shared, mg, corev1.ConditionUnknown, notObserved)
	shared.apply(t, role(ns, name, name, ""))
	awaitReady(t, shared, mg)
}

// TestReferenceStaysInNamespace 看引用不会越出自己的命名空间。
func TestReferenceStaysInNamespace(t *testing.T) {
	t.Parallel()
	here, elsewhere := shared.namespace(t), "elsewhere"
	shared.apply(t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: "+elsewhere+"}\n")
	shared.apply(t, role(elsewhere, "secret-role", "secret-role", "pick: secret"))
	for name, tc := range map[string]struct {
		roleRef string
		says    []string
	}{
		"reaches-out-by-ref":      {"nameRef: {name: secret-role}", []string{"secret-role"}},
		"reaches-out-by-selector": {"nameSelector: {matchLabels: {pick: secret}}", []string{"Role", "pick=secret", here}},
	} {
		shared.apply(t, binding(here, name, tc.roleRef))
		awaitNotSynced(t, shared, &namespacediam.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: here, Name: name}}, promptly,
			append(tc.says, "cannot resolve references", "spec.forProvider.roleRef.name")...)
	}
}

// TestMissingRole 看指向平台上不存在的角色：接受下来，由就绪状况说明。
func TestMissingRole(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	shared.apply(t, binding(ns, "to-nowhere", "name: no-such-role"))
	mg := &namespacediam.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "to-nowhere"}}
	await(t, shared, mg, "synced but not ready, saying why", promptly, func(mg *namespacediam.RoleBinding) error {
		synced, ready := mg.GetCondition("Synced"), mg.GetCondition("Ready")
		if synced.Status != "True" || ready.Status != "False" || ready.Reason != "RoleNotFound" {
			return fmt.Errorf("Synced is %s, Ready is %s (%s): %s", synced.Status, ready.Status, ready.Reason, ready.Message)
		}
		return nil
	})
	shared.apply(t, role(ns, "late", "no-such-role", ""))
	awaitReady(t, shared, mg)
}
