package e2e

import (
	"context"
	"fmt"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// TestModelSuspended 暂停在成员上真的一个副本也不留，卡也真的空出来，放置却留着；恢复之后一样不少，还在原处。
func TestModelSuspended(t *testing.T) {
	register(t, "rests", env.beta, clusterv1alpha1.DeletionOrphan)
	deploy(t, wish{name: "sleepy", clusters: []string{"rests"}, replicas: 2, gpus: 2})
	m := awaitModel(t, "sleepy", "serving", promptly, serves("rests"))
	before := awaitServing(t, env.beta, m, 2)
	await(t, "rests", "full", freeAccelerators(0))

	moves := trace(t, m, placedOn)
	change(t, "sleepy", `{"spec":{"suspended":true}}`)
	await(t, "rests", "free again", freeAccelerators(4))
	asleep := awaitModel(t, "sleepy", "suspended", promptly, func(m *v1alpha1.Model) error {
		if p := m.Status.Placements; len(p) == 1 && (p[0].Replicas != 0 || p[0].ObservedReplicas != 0 || m.Status.Replicas != 0) {
			return fmt.Errorf("%d replicas are left", m.Status.Replicas)
		}
		return is(metav1.ConditionFalse, v1alpha1.ReasonSuspended, "rests")(m)
	})
	harness.Eventually(t, "the Deployment to stay with no replicas", promptly, func(context.Context) error {
		d := placedDeployment(t, env.beta, asleep)
		if d == nil || d.UID != before.UID || *d.Spec.Replicas != 0 || d.Status.Replicas != 0 {
			return fmt.Errorf("the member holds %+v", d)
		}
		return nil
	})
	if left := podsOf(t, env.beta, asleep); len(left) > 0 {
		t.Errorf("%d pods are left on the member", len(left))
	}

	change(t, "sleepy", `{"spec":{"suspended":false}}`)
	m = awaitModel(t, "sleepy", "resumed", promptly, serves("rests"))
	if d := awaitServing(t, env.beta, m, 2); d.UID != before.UID {
		t.Error("the Deployment was made anew")
	}
	await(t, "rests", "full again", freeAccelerators(0))
	moves.through(t, "rests")
}

// freeAccelerators 要求 Cluster 的状态说恰有 n 块空着。
func freeAccelerators(n int32) func(*clusterv1alpha1.Cluster) error {
	return func(c *clusterv1alpha1.Cluster) error {
		var free int32
		for _, a := range c.Status.Accelerators {
			free += a.Free
		}
		if free != n {
			return fmt.Errorf("%d accelerators are free, want %d", free, n)
		}
		return nil
	}
}
