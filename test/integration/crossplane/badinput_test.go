package crossplane

import (
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	namespacediam "github.com/kubellm/kubellm/apis/managed/namespaced/iam/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// TestBadInput 看写错的清单当场被拒：指名字段、说明原因，控制面与平台上什么也没存下。
func TestBadInput(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	user := func(spec string) string {
		return header("User", ns, "bad-input", "") + "spec:\n  forProvider: {" + spec + "}\n"
	}
	cases := map[string]struct {
		reason   string
		manifest string
		says     []string
	}{
		"unknown-field": {
			reason:   "a misspelt field must not be dropped silently",
			manifest: user("emial: a@example.org"),
			says:     []string{"unknown field", "spec.forProvider.emial"},
		},
		"malformed-name": {
			reason:   "names are DNS names, as everywhere in Kubernetes",
			manifest: header("User", ns, "Bad_Name", "") + "spec: {forProvider: {}}\n",
			says:     []string{"metadata.name", "Bad_Name"},
		},
		"invalid-email": {
			reason:   "a mail address has an @",
			manifest: user("email: nobody"),
			says:     []string{"spec.forProvider.email", "nobody"},
		},
		"system-group": {
			reason:   "the platform's own groups cannot be handed out",
			manifest: user("groups: ['system:masters']"),
			says:     []string{"spec.forProvider.groups", "system:", "reserved"},
		},
		"owner-annotation": {
			reason:   "the owner mark is the provider's",
			manifest: user("annotations: {kubellm.io/owner: me}"),
			says:     []string{"spec.forProvider.annotations", "reserved"},
		},
		"empty-rule": {
			reason:   "a rule without verbs permits nothing",
			manifest: header("Role", ns, "bad-input", "") + "spec: {forProvider: {rules: [{apiGroups: [iam.kubellm.io], resources: [users], verbs: []}]}}\n",
			says:     []string{"spec.forProvider.rules", "verb"},
		},
		"no-role": {
			reason:   "a binding that is managed needs a role",
			manifest: header("RoleBinding", ns, "bad-input", "") + "spec: {forProvider: {allNamespaces: true}}\n",
			says:     []string{"roleRef", "nameRef", "nameSelector"},
		},
		"no-reach": {
			reason:   "a binding without namespaces must not be taken for all",
			manifest: header("RoleBinding", ns, "bad-input", "") + "spec: {forProvider: {roleRef: {name: viewer}}}\n",
			says:     []string{"namespaces", "allNamespaces"},
		},
		"double-reach": {
			reason:   "namespaces beside allNamespaces would mislead",
			manifest: header("RoleBinding", ns, "bad-input", "") + "spec: {forProvider: {roleRef: {name: viewer}, namespaces: [a], allNamespaces: true}}\n",
			says:     []string{"namespaces", "allNamespaces"},
		},
		"subject-kind": {
			reason:   "subjects are users, groups and service accounts",
			manifest: header("RoleBinding", ns, "bad-input", "") + "spec: {forProvider: {roleRef: {name: viewer}, allNamespaces: true, subjects: [{kind: Team, name: a}]}}\n",
			says:     []string{"subjects[0].kind", "User", "Group", "ServiceAccount"},
		},
		"service-account": {
			reason:   "a service account lives in a namespace",
			manifest: header("RoleBinding", ns, "bad-input", "") + "spec: {forProvider: {roleRef: {name: viewer}, allNamespaces: true, subjects: [{kind: ServiceAccount, name: a}]}}\n",
			says:     []string{"subjects", "namespace"},
		},
		"no-server": {
			reason:   "credentials in keys do not say where the platform is",
			manifest: "apiVersion: kubellm.m.crossplane.io/v1alpha1\nkind: ProviderConfig\nmetadata: {name: bad, namespace: " + ns + "}\nspec: {credentials: {source: Secret, secretRef: {name: a}}}\n",
			says:     []string{"spec.server", "secretRef.key"},
		},
		"plain-http": {
			reason:   "credentials are never sent unencrypted",
			manifest: "apiVersion: kubellm.m.crossplane.io/v1alpha1\nkind: ProviderConfig\nmetadata: {name: bad, namespace: " + ns + "}\nspec: {server: 'http://a', credentials: {source: Secret, secretRef: {name: a}}}\n",
			says:     []string{"spec.server", "https"},
		},
		"borrowed-identity": {
			reason:   "whoever may write in one namespace must not act as the provider itself",
			manifest: "apiVersion: kubellm.m.crossplane.io/v1alpha1\nkind: ProviderConfig\nmetadata: {name: bad, namespace: " + ns + "}\nspec: {credentials: {source: InjectedIdentity}}\n",
			says:     []string{"InjectedIdentity", "ClusterProviderConfig"},
		},
		"identity-elsewhere": {
			reason:   "the provider's own token must not be sent to a server of somebody's choice",
			manifest: "apiVersion: kubellm.m.crossplane.io/v1alpha1\nkind: ClusterProviderConfig\nmetadata: {name: bad}\nspec: {server: 'https://a', credentials: {source: InjectedIdentity}}\n",
			says:     []string{"spec.server", "InjectedIdentity"},
		},
		"another-namespaces-secret": {
			reason:   "a namespace's config uses the namespace's own Secrets only",
			manifest: "apiVersion: kubellm.m.crossplane.io/v1alpha1\nkind: ProviderConfig\nmetadata: {name: bad, namespace: " + ns + "}\nspec: {credentials: {source: Secret, secretRef: {name: a, namespace: kube-system, key: kubeconfig}}}\n",
			says:     []string{"unknown field", "secretRef.namespace"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			message := shared.refused(t, tc.manifest)
			for _, part := range tc.says {
				if !strings.Contains(message, part) {
					t.Errorf("%s: the message does not say %q: %s", tc.reason, part, message)
				}
			}
			if stored := harness.MustKubectl(t, shared.Kubeconfig, tc.manifest, "get", "-f", "-", "--ignore-not-found", "-o", "name"); stored != "" {
				t.Errorf("%s: the control plane stores %s", tc.reason, stored)
			}
			for _, kind := range []string{"users", "roles", "rolebindings"} {
				if stored := kubectl(t, platform, "get", kind, "bad-input", "--ignore-not-found", "-o", "name"); stored != "" {
					t.Errorf("%s: the platform stores %s", tc.reason, stored)
				}
			}
		})
	}
}

// TestEscalation 看凭据本身没有的权限授不出去：平台拒绝，同步状况说出来，什么也没存下。
func TestEscalation(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	harness.MustKubectl(t, platform.Kubeconfig, `
apiVersion: iam.kubellm.io/v1alpha1
kind: Role
metadata: {name: role-editor}
spec: {rules: [{apiGroups: [iam.kubellm.io], resources: [roles], verbs: [get, list, watch, create, patch, delete]}]}
---
apiVersion: iam.kubellm.io/v1alpha1
kind: RoleBinding
metadata: {name: role-editor}
spec: {roleRef: {name: role-editor}, subjects: [{kind: User, name: limited}], allNamespaces: true}
`, "create", "-f", "-")
	shared.secret(t, "limited", map[string][]byte{"kubeconfig": platform.kubeconfigOf(t, harness.Identity{User: "limited"})})
	shared.config(t, "limited", secretConfig("limited"))
	manifest := func(name, verbs string) string {
		return header("Role", ns, name, "") + "spec:\n  providerConfigRef: {kind: ClusterProviderConfig, name: limited}\n" +
			"  forProvider: {rules: [{apiGroups: [iam.kubellm.io], resources: [roles], verbs: [" + verbs + "]}]}\n"
	}
	shared.apply(t, manifest("holds", "get"))
	holds := &namespacediam.Role{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "holds"}}
	awaitReady(t, shared, holds)

	shared.apply(t, manifest("escalates", "'*'"))
	escalates := &namespacediam.Role{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "escalates"}}
	awaitNotSynced(t, shared, escalates, promptly, "escalates", "limited")
	if _, err := platform.iam.IamV1alpha1().Roles().Get(t.Context(), "escalates", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the role that escalates: got error %v, want not found", err)
	}
	shared.apply(t, manifest("escalates", "list"))
	awaitReady(t, shared, escalates)
}
