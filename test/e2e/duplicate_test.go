package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// TestDuplicate 同一个成员登记两次：先站住的照旧，哪怕另一个登记得更早；后来的说出是谁，先站住的走了，它接着用。
func TestDuplicate(t *testing.T) {
	create(t, "early", v1alpha1.DeletionOrphan)
	register(t, "standing", env.beta, v1alpha1.DeletionOrphan)
	handIn(t, "early", harness.MemberKubeconfig(t, env.beta, admin, time.Hour))
	await(t, "early", "a duplicate of the one that stands", func(c *v1alpha1.Cluster) error {
		if !strings.Contains(conditionsText(c), `"standing"`) {
			return fmt.Errorf("it does not name the other: %s", conditionsText(c))
		}
		return has(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonDuplicateMember)(c)
	})
	awaitReady(t, "standing")
	harness.MustKubectl(t, env.platform.Kubeconfig, "", "delete", "cluster", "standing", "--timeout=3m")
	awaitReady(t, "early")
}
