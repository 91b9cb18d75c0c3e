package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// TestModelUnplaced 没有集群合要求的 Model 照样收下，条件说出差什么、差在谁；差的有了，就放上去。
func TestModelUnplaced(t *testing.T) {
	register(t, "plain", env.beta, clusterv1alpha1.DeletionOrphan)
	const served = `"source":{"huggingFace":{"repo":"Qwen/Qwen3-8B"}},"engine":{"type":"VLLM","image":"example.org/vllm:1"},`
	for _, test := range []struct {
		name, spec, reason string
		// says 是消息里要有的，rejected 是 plain 被拒绝的理由。
		says, rejected string
		amend          func(t *testing.T)
	}{
		{
			name: "no-product", spec: `"resources":{"accelerator":{"count":1,"products":["NVIDIA-X1"]}},"placement":{"clusterNames":["plain"]}`,
			reason: v1alpha1.ReasonNoClusterFits, says: "plain: no NVIDIA-X1", rejected: v1alpha1.RejectedProduct,
			amend: func(t *testing.T) {
				change(t, "no-product", `{"spec":{"resources":{"accelerator":{"count":1,"products":["NVIDIA-X1","`+l40s+`"]}}}}`)
			},
		},
		{
			name: "no-selected", spec: `"resources":{"accelerator":{"count":1}},"placement":{"clusterSelector":{"matchLabels":{"tier":"gold"}}}`,
			reason: v1alpha1.ReasonNoClusterSelected, says: "tier=gold",
			amend: func(t *testing.T) { label(t, "plain", "tier=gold") },
		},
		{
			name: "no-such-name", spec: `"resources":{"accelerator":{"count":1}},"placement":{"clusterNames":["elsewhere"]}`,
			reason: v1alpha1.ReasonNoClusterSelected, says: "elsewhere",
			amend: func(t *testing.T) {
				change(t, "no-such-name", `{"spec":{"placement":{"clusterNames":["elsewhere","plain"]}}}`)
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			deploySpec(t, test.name, served+test.spec)
			m := awaitModel(t, test.name, "placed nowhere, with the reason", promptly, func(m *v1alpha1.Model) error {
				c := meta.FindStatusCondition(m.Status.Conditions, v1alpha1.ConditionScheduled)
				if c == nil || c.Status != metav1.ConditionFalse || c.Reason != test.reason || !strings.Contains(c.Message, test.says) {
					return fmt.Errorf("Scheduled is %+v, want %s with %q", c, test.reason, test.says)
				}
				return is(metav1.ConditionFalse, test.reason)(m)
			})
			if len(m.Status.Placements) > 0 || !meta.IsStatusConditionTrue(m.Status.Conditions, v1alpha1.ConditionAccepted) {
				t.Errorf("it is to be accepted and placed nowhere: %+v", m.Status)
			}
			if err := rejectedFor(m, "plain", test.rejected); err != nil {
				t.Error(err)
			}
			test.amend(t)
			m = awaitModel(t, test.name, "serving once it can be", promptly, serves("plain"))
			awaitServing(t, env.beta, m, 1)
			harness.MustKubectl(t, env.platform.Kubeconfig, "", "delete", "model", test.name, "-n", team, "--timeout=3m")
		})
	}
}

// rejectedFor 要求 cluster 被拒绝的理由是 reason；空是不曾被拒绝。
func rejectedFor(m *v1alpha1.Model, cluster, reason string) error {
	for _, r := range m.Status.RejectedClusters {
		if r.Cluster == cluster && r.Reason == reason {
			return nil
		}
		if r.Cluster == cluster {
			return fmt.Errorf("%s is rejected for %s, want %q", cluster, r.Reason, reason)
		}
	}
	if reason != "" {
		return errors.New(cluster + " is not rejected for " + reason)
	}
	return nil
}
