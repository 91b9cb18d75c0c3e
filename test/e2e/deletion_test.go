package e2e

import (
	"context"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// cleanup 是清理用的时限；t.Context 那时已经结束。
func cleanup() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), collected)
}

// TestDelete 按策略删除，成员在与不在各一遍：Drain 收走 KubeLLM 放的东西、不碰别人的，命名空间留着，
// 成员不在时说出等什么、怎样放行；Orphan 一概留下，不等成员。
func TestDelete(t *testing.T) {
	for _, test := range []struct {
		name, reason string
		policy       v1alpha1.DeletionPolicy
		down         bool
	}{
		{"drain-up", "what KubeLLM placed goes, what others placed stays", v1alpha1.DeletionDrain, false},
		{"orphan-up", "everything stays", v1alpha1.DeletionOrphan, false},
		{"drain-down", "the deletion waits and says for what; once the member is back it is drained", v1alpha1.DeletionDrain, true},
		{"orphan-down", "nobody waits for the member", v1alpha1.DeletionOrphan, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			name := "delete-" + test.name
			c := register(t, name, env.beta, test.policy)
			place(t, env.beta, c)
			if test.down {
				down(t, env.beta)
				await(t, name, "unreachable", has(v1alpha1.ConditionReachable, metav1.ConditionFalse, v1alpha1.ReasonHeartbeatFailed))
			}
			harness.MustKubectl(t, env.platform.Kubeconfig, "", "delete", "cluster", name, "--wait=false")
			if test.down && test.policy == v1alpha1.DeletionDrain {
				await(t, name, "waiting for its member", all(
					has(v1alpha1.ConditionDrained, metav1.ConditionFalse, v1alpha1.ReasonMemberUnavailable),
					has(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonDeleting)))
				up(t, env.beta)
			}
			awaitGone(t, name)
			if test.down {
				up(t, env.beta)
			}
			if left := placed(t, env.beta, c); left != (test.policy == v1alpha1.DeletionOrphan) {
				t.Errorf("what KubeLLM placed is still there: %t (%s)", left, test.reason)
			}
			if _, err := env.beta.Client().AppsV1().Deployments("default").Get(t.Context(), othersBeside(c), metav1.GetOptions{}); err != nil {
				t.Errorf("what others placed must stay: %v", err)
			}
		})
	}
}

// TestDeleteReleased 成员再也回不来时，改成 Orphan 就放行。
func TestDeleteReleased(t *testing.T) {
	name := "released"
	c := register(t, name, env.beta, v1alpha1.DeletionDrain)
	place(t, env.beta, c)
	down(t, env.beta)
	harness.MustKubectl(t, env.platform.Kubeconfig, "", "delete", "cluster", name, "--wait=false")
	await(t, name, "waiting for its member", has(v1alpha1.ConditionDrained, metav1.ConditionFalse, v1alpha1.ReasonMemberUnavailable))
	harness.MustKubectl(t, env.platform.Kubeconfig, "", "patch", "cluster", name, "--type=merge", `--patch={"spec":{"deletionPolicy":"Orphan"}}`)
	awaitGone(t, name)
	up(t, env.beta)
}

// place 在成员上放一份带着 Cluster 标记的东西（连同命名空间）和一份别人的。
func place(t *testing.T, m *harness.Member, c *v1alpha1.Cluster) {
	t.Helper()
	mark := map[string]string{v1alpha1.LabelClusterUID: string(c.UID)}
	namespace := "kubellm-" + c.Name
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace, Labels: mark}}
	given(t, m.Client().CoreV1().Namespaces(), ns)
	runDeployment(t, m, namespace, "model", mark, 1, 1, l40s)
	runDeployment(t, m, "default", othersBeside(c), nil, 1, 1, l40s)
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "token", Labels: mark}}
	if _, err := m.Client().CoreV1().Secrets(namespace).Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// othersBeside 是别人的那份的名字，每个 Cluster 一个：同名的在监视断开时删了又建，成员的垃圾回收会看成是同一个的修改，
// 从前那个的 ReplicaSet 就一直留着，占着卡。
func othersBeside(c *v1alpha1.Cluster) string { return "others-" + c.Name }

// placed 说带标记的东西还在不在：要么全在，要么全不在；命名空间总在。
func placed(t *testing.T, m *harness.Member, c *v1alpha1.Cluster) bool {
	t.Helper()
	selector := metav1.ListOptions{LabelSelector: v1alpha1.LabelClusterUID + "=" + string(c.UID)}
	deployments, err := m.Client().AppsV1().Deployments("").List(t.Context(), selector)
	if err != nil {
		t.Fatal(err)
	}
	secrets, err := m.Client().CoreV1().Secrets("").List(t.Context(), selector)
	if err != nil {
		t.Fatal(err)
	}
	namespaces, err := m.Client().CoreV1().Namespaces().List(t.Context(), selector)
	if err != nil {
		t.Fatal(err)
	}
	counts := []int{len(deployments.Items), len(secrets.Items), len(namespaces.Items)}
	switch fmt.Sprint(counts) {
	case "[0 0 1]":
		return false
	case "[1 1 1]":
		return true
	}
	t.Errorf("deployments, secrets and namespaces placed for %s: %v, want [1 1 1], or [0 0 1] once it is drained", c.Name, counts)
	return true
}

// down 让成员的 API 服务器死掉；测试结束时它一定又起来了。
func down(t *testing.T, m *harness.Member) {
	t.Helper()
	if err := m.KillAPIServer(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c, cancel := cleanup()
		defer cancel()
		if !m.APIServer.Running() {
			if err := m.StartAPIServer(c); err != nil {
				t.Error(err)
			}
		}
	})
}

func up(t *testing.T, m *harness.Member) {
	t.Helper()
	if m.APIServer.Running() {
		return
	}
	if err := m.StartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
}
