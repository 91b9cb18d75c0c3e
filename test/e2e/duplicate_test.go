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

// TestDuplicate 同一个成员登记两次：先来的照旧，后来的说出是谁；先来的走了，后来的接着用。
func TestDuplicate(t *testing.T) {
	register(t, "first", env.beta, v1alpha1.DeletionOrphan)
	create(t, "second", v1alpha1.DeletionOrphan)
	handIn(t, "second", harness.MemberKubeconfig(t, env.beta, admin, time.Hour))
	older, younger := inOrder(t, "first", "second")
	await(t, younger, "a duplicate of "+older, func(c *v1alpha1.Cluster) error {
		if !strings.Contains(conditionsText(c), `"`+older+`"`) {
			return fmt.Errorf("it does not name %s", older)
		}
		return has(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonDuplicateMember)(c)
	})
	awaitReady(t, older)
	harness.MustKubectl(t, env.platform.Kubeconfig, "", "delete", "cluster", older, "--timeout=30s")
	awaitReady(t, younger)
}

// inOrder 按先来后到排两个 Cluster；创建时间只到秒，同一秒里的按 UID。
func inOrder(t *testing.T, a, b string) (older, younger string) {
	t.Helper()
	first, err := env.clusters.Get(t.Context(), a, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	second, err := env.clusters.Get(t.Context(), b, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if first.CreationTimestamp.Before(&second.CreationTimestamp) || first.CreationTimestamp.Equal(&second.CreationTimestamp) && first.UID < second.UID {
		return a, b
	}
	return b, a
}
