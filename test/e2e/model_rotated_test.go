package e2e

import (
	"context"
	"errors"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// TestModelRotatesWhileKept 要得更多而没有答应、原样留着的也拿到换了的令牌：成员上的 Secret 换了，跑着的不动；
// 答应了才换副本，恰好一次。
func TestModelRotatesWhileKept(t *testing.T) {
	const first, second = "hf_before_rotation_0123456789", "hf_after_rotation_0123456789"
	register(t, "rotary", env.beta, clusterv1alpha1.DeletionOrphan)
	c := &carrying{name: "rotated", on: map[string]*harness.Member{"rotary": env.beta}}
	deploySpec(t, c.name, `"source":{"huggingFace":{"repo":"meta/gated"}},"engine":{"type":"VLLM","image":"example.org/vllm:1"},
"resources":{"accelerator":{"count":1}},"placement":{"clusterNames":["rotary"]}`)
	c.handIn(t, first)
	c.settles(t, "as it was handed in", first, 0)
	before := placedDeployment(t, env.beta, awaitModel(t, c.name, "serving", promptly, serves("rotary")))
	change(t, c.name, `{"spec":{"resources":{"accelerator":{"count":9}}}}`)
	awaitModel(t, c.name, "kept as it was", promptly, kept("rotary", v1alpha1.RejectedFreeBlock))
	c.handIn(t, second)
	harness.Eventually(t, "the other token to reach the member", promptly, func(ctx context.Context) error {
		secret, err := env.beta.Client().CoreV1().Secrets(workloads).Get(ctx, c.secretName(), metav1.GetOptions{})
		if err == nil && string(secret.Data[v1alpha1.CredentialToken]) != second {
			err = errors.New("it holds another one")
		}
		return err
	})
	awaitModel(t, c.name, "still kept, with the version that was handed in last observed", promptly, observed(kept("rotary", v1alpha1.RejectedFreeBlock)))
	sameWorkload(t, before)
	change(t, c.name, `{"spec":{"resources":{"accelerator":{"count":1}}}}`)
	c.settles(t, "granted again", second, 1)
	c.keepsQuiet(t, first, second)
}
