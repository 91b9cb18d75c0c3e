package member_test

import (
	"context"
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubellm/kubellm/internal/member"
	"github.com/kubellm/kubellm/test/harness"
)

// TestForbiddenKindConcernsItsOwn 一种不许看：要它的模型看不见，说得出缺什么权；不要它的模型照旧看得见。
func TestForbiddenKindConcernsItsOwn(t *testing.T) {
	t.Parallel()
	m, e := newMember(t), open(t)
	kubeconfig, err := m.TokenKubeconfig(t.Context(), "default", "eyes", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "unscaled"}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{corev1.GroupName, "apps"}, Resources: []string{rbacv1.ResourceAll}, Verbs: []string{"get", "list", "watch"}},
	}}
	if _, err := m.Client().RbacV1().ClusterRoles().Create(t.Context(), role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	grant(t, m, role.Name)
	e.Ensure(target(configOf(t, kubeconfig)))
	e.until(t, "the capacity to be known", known)
	deployments, scalers := schema.GroupKind{Group: "apps", Kind: "Deployment"}, member.ScaledObject.GroupKind()
	harness.Eventually(t, "the missing right to be named", patience, func(context.Context) error {
		if o, _ := e.Observe("a", "scaled", deployments, scalers); o.Known || member.ReasonOf(o.Err) != member.Forbidden {
			return errors.New("it is said to be seen, or not for the lack of a right")
		}
		return nil
	})
	harness.Eventually(t, "the others to see what is theirs", patience, func(context.Context) error {
		o, _ := e.Observe("a", "fixed", deployments)
		if !o.Known {
			return o.Err
		}
		return nil
	})
}
