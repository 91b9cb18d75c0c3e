package e2e

import (
	"context"
	"errors"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// TestModelRemovalRefused 成员在，而它的准入不许删：说的是不许，不是够不着；许了就接着删完。
func TestModelRemovalRefused(t *testing.T) {
	register(t, "guarded", env.beta, clusterv1alpha1.DeletionOrphan)
	deploy(t, wish{name: "pinned", clusters: []string{"guarded"}, replicas: 1, gpus: 1})
	m := awaitModel(t, "pinned", "serving", promptly, serves("guarded"))
	allow := guard(t, env.beta, "pinned")
	harness.MustKubectl(t, env.platform.Kubeconfig, "", "delete", "model", "pinned", "-n", team, "--wait=false")
	awaitModel(t, "pinned", "waiting for the member's leave", promptly, func(m *v1alpha1.Model) error {
		c := meta.FindStatusCondition(m.Status.Conditions, v1alpha1.ConditionApplied)
		if c == nil || c.Status != metav1.ConditionFalse || c.Reason != v1alpha1.ReasonRemovalRefused {
			return errors.New("Applied does not say that the removal is refused")
		}
		return readySays(metav1.ConditionFalse, v1alpha1.ReasonDeleting, "nobody deletes pinned")(m)
	})
	if d := placedDeployment(t, env.beta, m); d == nil || d.DeletionTimestamp != nil {
		t.Errorf("what may not be removed is removed: %+v", d)
	}
	allow()
	awaitModelGone(t, "pinned")
	if d := placedDeployment(t, env.beta, m); d != nil {
		t.Error("the Deployment is left")
	}
}

// guard 让成员不许任何人删一个 Deployment，返回时已经生效；许了才删得掉。
func guard(t *testing.T, member *harness.Member, name string) (allow func()) {
	t.Helper()
	policies, fail := member.Client().AdmissionregistrationV1(), admissionv1.Fail
	given(t, policies.ValidatingAdmissionPolicies(), &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: "guard-" + name},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			FailurePolicy: &fail,
			MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{
				ResourceNames: []string{name},
				RuleWithOperations: admissionv1.RuleWithOperations{
					Operations: []admissionv1.OperationType{admissionv1.Delete},
					Rule:       admissionv1.Rule{APIGroups: []string{"apps"}, APIVersions: []string{"v1"}, Resources: []string{"deployments"}},
				},
			}}},
			Validations: []admissionv1.Validation{{Expression: "false", Message: "nobody deletes " + name}},
		},
	})
	bindings := policies.ValidatingAdmissionPolicyBindings()
	binding := given(t, bindings, &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "guard-" + name},
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName: "guard-" + name, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
		},
	})
	harness.Eventually(t, "the member to refuse the deletion", promptly, func(ctx context.Context) error {
		err := member.Client().AppsV1().Deployments(workloads).Delete(ctx, name, metav1.DeleteOptions{DryRun: []string{metav1.DryRunAll}})
		if apierrors.IsInvalid(err) || apierrors.IsForbidden(err) {
			return nil
		}
		return errors.New("it would be deleted")
	})
	return func() {
		if err := bindings.Delete(t.Context(), binding.Name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}
