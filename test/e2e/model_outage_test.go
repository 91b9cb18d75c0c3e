package e2e

import (
	"context"
	"errors"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// TestModelFailsOver 成员死掉：先是不知道，到时改放到别处；回来之后旧的收走，不留两份，也不搬回去。
func TestModelFailsOver(t *testing.T) {
	register(t, "lost", env.beta, clusterv1alpha1.DeletionOrphan)
	steady(t, "lost")
	deploy(t, wish{name: "mobile", clusters: []string{"lost", "spare"}, replicas: 1, gpus: 1, failover: failoverAfter})
	settled := awaitModel(t, "mobile", "serving", promptly, serves("lost"))
	register(t, "spare", env.alpha, clusterv1alpha1.DeletionOrphan)
	steady(t, "spare")
	moves, readiness := trace(t, settled, placedOn), trace(t, settled, readiness)
	down(t, env.beta)
	awaitModel(t, "mobile", "unknown, because the member does not answer", promptly,
		readySays(metav1.ConditionUnknown, v1alpha1.ReasonClusterUnreachable, "Cluster lost: The Cluster's Reachable is False"))
	moved := awaitModel(t, "mobile", "moved", afterFailover, serves("spare"))
	awaitServing(t, env.alpha, moved, 1)
	evidence := lastEvidence(t, "lost")
	if len(moved.Status.RemovedPlacements) != 1 || moved.Status.RemovedPlacements[0].Cluster != "lost" {
		t.Errorf("what is still on the lost cluster must be remembered: %+v", moved.Status.RemovedPlacements)
	}
	up(t, env.beta)
	back := awaitModel(t, "mobile", "cleaned up after the return", afterFailover, func(m *v1alpha1.Model) error {
		if len(m.Status.RemovedPlacements) > 0 {
			return errors.New("something is still to be removed: " + m.Status.RemovedPlacements[0].Message)
		}
		return serves("spare")(m)
	})
	if d := placedDeployment(t, env.beta, back); d != nil {
		t.Errorf("there are two of it: %s is still on the lost cluster", d.Name)
	}
	// 回来的集群稳稳跳过几次，才说得上没有反复。
	awaitReady(t, "lost")
	awaitBeats(t, "lost", beatsAtRest)
	if steps := moves.through(t, "lost", "spare"); steps[len(steps)-1].at.Before(evidence.Add(failoverAfter * time.Second)) {
		t.Errorf("it was moved at %s, less than %d s after the last evidence at %s", steps[len(steps)-1].at, failoverAfter, evidence)
	}
	readiness.once(t, string(metav1.ConditionTrue))
}

// lastEvidence 是最后一次确知集群还在的时间。
func lastEvidence(t *testing.T, cluster string) time.Time {
	t.Helper()
	c, err := env.clusters.Get(t.Context(), cluster, metav1.GetOptions{})
	if err != nil || c.Status.LastHeartbeatTime == nil {
		t.Fatalf("cluster %s does not say when it was last seen: %v", cluster, err)
	}
	return c.Status.LastHeartbeatTime.Time
}

// TestModelDeleted 按策略删除，成员在与不在各一遍。
func TestModelDeleted(t *testing.T) {
	for _, test := range []struct {
		name   string
		policy v1alpha1.DeletionPolicy
		down   bool
	}{
		{"delete-up", v1alpha1.DeletionDelete, false},
		{"orphan-up", v1alpha1.DeletionOrphan, false},
		{"delete-down", v1alpha1.DeletionDelete, true},
		{"orphan-down", v1alpha1.DeletionOrphan, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			name := "model-" + test.name
			register(t, name, env.beta, clusterv1alpha1.DeletionOrphan)
			deploy(t, wish{name: name, clusters: []string{name}, replicas: 1, gpus: 1, policy: test.policy})
			m := awaitModel(t, name, "serving", promptly, serves(name))
			if test.down {
				down(t, env.beta)
				awaitModel(t, name, "unknown", promptly, is(metav1.ConditionUnknown, v1alpha1.ReasonClusterUnreachable))
			}
			harness.MustKubectl(t, env.platform.Kubeconfig, "", "delete", "model", name, "-n", team, "--wait=false")
			if test.down && test.policy == v1alpha1.DeletionDelete {
				awaitModel(t, name, "waiting for its cluster", promptly, func(m *v1alpha1.Model) error {
					c := m.Status.Conditions
					for i := range c {
						if c[i].Type == v1alpha1.ConditionApplied && c[i].Reason == v1alpha1.ReasonClusterUnreachable {
							return is(metav1.ConditionFalse, v1alpha1.ReasonDeleting)(m)
						}
					}
					return errors.New("it does not say that the cluster cannot be reached")
				})
				up(t, env.beta)
			}
			awaitModelGone(t, name)
			if test.down {
				up(t, env.beta)
			}
			d := placedDeployment(t, env.beta, m)
			if (d != nil) != (test.policy == v1alpha1.DeletionOrphan) {
				t.Errorf("what ran on the member is still there: %t", d != nil)
			}
			if d != nil {
				removeOrphan(t, m)
			}
		})
	}
}

// removeOrphan 收走留下的，下一个测试才有空闲的卡。
func removeOrphan(t *testing.T, m *v1alpha1.Model) {
	t.Helper()
	err := env.beta.Client().AppsV1().Deployments(workloads).DeleteCollection(context.WithoutCancel(t.Context()), metav1.DeleteOptions{},
		metav1.ListOptions{LabelSelector: v1alpha1.LabelModelUID + "=" + string(m.UID)})
	if err != nil {
		t.Error(err)
	}
}
