package crossplane

import (
	"fmt"
	"testing"

	xpv2 "github.com/crossplane/crossplane/apis/v2/core/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/crossplane/crossplane-runtime/v2/pkg/resource"

	iamv1alpha1 "github.com/kubellm/kubellm/apis/iam/v1alpha1"
	clusterscopediam "github.com/kubellm/kubellm/apis/managed/clusterscoped/iam/v1alpha1"
	namespacediam "github.com/kubellm/kubellm/apis/managed/namespaced/iam/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// TestObserveOnly 看只观察的资源：forProvider 可以不写，谁的对象都能看，从不写也从不删。
func TestObserveOnly(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	observed := byHand(t, "only-observed")
	harness.MustKubectl(t, platform.Kubeconfig, `
apiVersion: iam.kubellm.io/v1alpha1
kind: Role
metadata: {name: only-observed}
spec: {description: Made by hand, rules: [{apiGroups: [iam.kubellm.io], resources: [users], verbs: [get]}]}
---
apiVersion: iam.kubellm.io/v1alpha1
kind: RoleBinding
metadata: {name: only-observed}
spec: {roleRef: {name: only-observed}, subjects: [{kind: User, name: only-observed}], allNamespaces: true}
`, "create", "-f", "-")
	named := func(namespace string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: namespace, Name: "only-observed"}
	}
	namespacedUser := &namespacediam.User{ObjectMeta: named(ns)}
	for kind, resources := range map[string][]resource.Managed{
		"User":        {namespacedUser, &clusterscopediam.User{ObjectMeta: named("")}},
		"Role":        {&namespacediam.Role{ObjectMeta: named(ns)}, &clusterscopediam.Role{ObjectMeta: named("")}},
		"RoleBinding": {&namespacediam.RoleBinding{ObjectMeta: named(ns)}, &clusterscopediam.RoleBinding{ObjectMeta: named("")}},
	} {
		for _, mg := range resources {
			shared.apply(t, header(kind, mg.GetNamespace(), mg.GetName(), "")+"spec: {managementPolicies: [Observe]}\n")
			awaitReady(t, shared, mg)
		}
	}
	at := namespacedUser.Status.AtProvider
	if at == nil || *at.Email != "hand@example.org" || len(at.Groups) != 1 || at.Owner != "" || at.UID != string(observed.UID) {
		t.Errorf("status.atProvider: got %+v, want what was made by hand", at)
	}

	t.Log("what changes on the platform shows without a poll")
	kubectl(t, platform, "patch", "user", "only-observed", "--type=merge", "-p", `{"spec":{"email":"moved@example.org"}}`)
	await(t, shared, namespacedUser, "showing the new email", promptly, func(mg *namespacediam.User) error {
		if got := *mg.Status.AtProvider.Email; got != "moved@example.org" {
			return fmt.Errorf("it shows %s", got)
		}
		return nil
	})

	t.Log("deleting it leaves the platform alone")
	if err := shared.kube.Delete(t.Context(), namespacedUser); err != nil {
		t.Fatal(err)
	}
	awaitGone(t, shared, namespacedUser)
	if now := platform.user(t, "only-observed"); now.UID != observed.UID || len(now.Annotations) != len(observed.Annotations) {
		t.Errorf("the observed user was touched: %+v", now)
	}
}

// TestObserveOnlyMissing 看要观察的对象还不存在：说明白，一出现就跟上，不等轮询。
func TestObserveOnlyMissing(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	shared.apply(t, header("User", ns, "not-yet-there", "")+"spec: {managementPolicies: [Observe]}\n")
	mg := user(ns, "not-yet-there")
	awaitNotSynced(t, shared, mg, promptly, "does not exist")
	byHand(t, "not-yet-there")
	awaitReady(t, shared, mg)

	t.Log("once it is gone, it is no longer said to be ready")
	kubectl(t, platform, "delete", "user", "not-yet-there")
	awaitUnready(t, shared, mg, corev1.ConditionFalse, xpv2.ReasonUnavailable)
}

// TestKeepOnDelete 看不带 Delete 的策略：托管资源没了，平台对象还在，同名的资源回来时它仍是我们的。
func TestKeepOnDelete(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	manifest := header("User", ns, "kept", "") + `spec:
  managementPolicies: [Observe, Create, Update]
  forProvider: {email: kept@example.org}
`
	shared.apply(t, manifest)
	mg := user(ns, "kept")
	awaitReady(t, shared, mg)
	if err := shared.kube.Delete(t.Context(), mg); err != nil {
		t.Fatal(err)
	}
	awaitGone(t, shared, mg)
	kept := platform.user(t, "kept")
	shared.apply(t, manifest)
	mg = user(ns, "kept")
	awaitReady(t, shared, mg)
	platform.awaitUser(t, "kept", "the same one", func(u *iamv1alpha1.User) error {
		if u.UID != kept.UID {
			return fmt.Errorf("its uid is %s, was %s", u.UID, kept.UID)
		}
		return nil
	})
}
