package apiserver

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubellm/kubellm/test/harness"
)

// TestAccessReviews 保证"我能不能"与真去做的结果一致，且只能问自己；问别人要有权。
func TestAccessReviews(t *testing.T) {
	t.Parallel()
	limited, name := shared.limited(t, rule([]string{"users"}, []string{"get", "list"}))
	core := limited.core(t)
	for verb, want := range map[string]bool{"get": true, "list": true, "delete": false, "escalate": false} {
		review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
			ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: verb, Group: "iam.kubellm.io", Resource: "users"},
		}}
		got, err := core.AuthorizationV1().SelfSubjectAccessReviews().Create(t.Context(), review, metav1.CreateOptions{})
		if err != nil || got.Status.Allowed != want || got.Status.EvaluationError != "" {
			t.Errorf("may I %s users: %+v (%v), want %t", verb, got.Status, err, want)
		}
	}
	other := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: name, ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: "list", Group: "iam.kubellm.io", Resource: "users"},
	}}
	if _, err := core.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), other, metav1.CreateOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("asking about somebody without the right to gave %v, want 403", err)
	}
	got, err := shared.admin.core(t).AuthorizationV1().SubjectAccessReviews().Create(t.Context(), other, metav1.CreateOptions{})
	if err != nil || !got.Status.Allowed || !strings.Contains(got.Status.Reason, name) {
		t.Errorf("the administrator asking about %s got %+v (%v)", name, got.Status, err)
	}
	_, err = core.AuthorizationV1().SelfSubjectAccessReviews().Create(t.Context(), &authorizationv1.SelfSubjectAccessReview{}, metav1.CreateOptions{})
	isInvalid(t, err, "spec.resourceAttributes", "exactly one", "a question asks something")
	other.Spec.User = ""
	_, err = shared.admin.core(t).AuthorizationV1().SubjectAccessReviews().Create(t.Context(), other, metav1.CreateOptions{})
	isInvalid(t, err, "spec.user", "user", "a question is about somebody")
	_, err = core.AuthorizationV1().SelfSubjectRulesReviews().Create(t.Context(), &authorizationv1.SelfSubjectRulesReview{}, metav1.CreateOptions{})
	isInvalid(t, err, "spec.namespace", "namespace", "rules are those of a namespace")
}

// TestKubectlAuth 保证 kubectl auth 能用：我是谁、我能不能、我都能做什么。
func TestKubectlAuth(t *testing.T) {
	t.Parallel()
	name := unique("asker")
	shared.bind(t, shared.role(t, name, rule([]string{"users"}, []string{"get", "list"})), nil, groupSubject(name))
	shared.user(t, name, name)
	shared.settle(t)
	kubeconfig := harness.KubeconfigFor(t, shared, harness.Identity{User: name})
	contains(t, "whoami", harness.MustKubectl(t, kubeconfig, "", "auth", "whoami"), name, "system:authenticated")
	contains(t, "can-i", harness.MustKubectl(t, kubeconfig, "", "auth", "can-i", "list", "users.iam.kubellm.io"), "yes")
	if out, err := harness.Kubectl(t.Context(), kubeconfig, "", "auth", "can-i", "delete", "users.iam.kubellm.io"); err == nil || !strings.Contains(out, "no") {
		t.Errorf("kubectl auth can-i delete users gave %q, %v, want no", out, err)
	}
	contains(t, "can-i --list", harness.MustKubectl(t, kubeconfig, "", "auth", "can-i", "--list"), "users.iam.kubellm.io", "[get list]", "selfsubjectreviews.authentication.k8s.io", "/openapi/*")
	contains(t, "an administrator's can-i --list", harness.MustKubectl(t, shared.Kubeconfig, "", "auth", "can-i", "--list"), "*.*", "[*]")

	me, err := shared.as(t, name).core(t).AuthenticationV1().SelfSubjectReviews().Create(t.Context(), &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	must(t, err)
	if diff := cmp.Diff([]string{name, "system:authenticated"}, me.Status.UserInfo.Groups); diff != "" || me.Status.UserInfo.UID == "" {
		t.Errorf("I am not the registered user (%q) with its groups (-want +got):\n%s", me.Status.UserInfo.UID, diff)
	}
}
