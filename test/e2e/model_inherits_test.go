package e2e

import (
	"context"
	"fmt"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// TestModelInheritsNoToken 以 Orphan 删掉的留下了令牌与缓存；同名的下一个不要它们，它们就从成员上走，
// 不等它也被删除：令牌只在有人用着它的时候留在成员上。别人的同名 Secret 从头到尾不动。
func TestModelInheritsNoToken(t *testing.T) {
	register(t, "bequest", env.beta, clusterv1alpha1.DeletionOrphan)
	staticVolume(t, env.beta, cacheClass)
	ensureNamespace(t, env.beta)
	given(t, env.beta.Client().CoreV1().Secrets(workloads), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "legacy-pull"}})
	c := &carrying{name: "legacy", on: map[string]*harness.Member{"bequest": env.beta}}
	c.writeSecret(t, "hf_left_behind_0123456789", "other")
	const spec = `"source":{"huggingFace":{"repo":"meta/gated"%s}},"engine":{"type":"VLLM","image":"example.org/vllm:1"},
"resources":{"accelerator":{"count":1}},"placement":{"clusterNames":["bequest"]},"deletionPolicy":%q%s`
	deploySpec(t, c.name, fmt.Sprintf(spec, `,"tokenSecretRef":{"name":"legacy","key":"token"}`, v1alpha1.DeletionOrphan, `,"cache":{"size":"1Gi","storageClassName":"`+cacheClass+`"}`))
	awaitModel(t, c.name, "serving", promptly, serves("bequest"))
	harness.MustKubectl(t, env.platform.Kubeconfig, "", "delete", "model", c.name, "-n", team, "--timeout=3m")
	inherited := []string{"PersistentVolumeClaim legacy-cache", "Secret legacy-credentials"}
	if left, err := c.left(t.Context()); err != nil || !slices.Equal(left, inherited) {
		t.Fatalf("what runs is to keep %q, it has %q: %v", inherited, left, err)
	}

	deploySpec(t, c.name, fmt.Sprintf(spec, "", v1alpha1.DeletionDelete, ""))
	heir := awaitModel(t, c.name, "serving without either", promptly, serves("bequest"))
	awaitServing(t, env.beta, heir, 1)
	harness.Eventually(t, "the token and the cache to be removed", promptly, func(ctx context.Context) error {
		left, err := c.left(ctx)
		if err == nil && len(left) > 0 {
			err = fmt.Errorf("the member still holds %q", left)
		}
		return err
	})
	harness.MustKubectl(t, env.platform.Kubeconfig, "", "delete", "model", c.name, "-n", team, "--timeout=3m")
	if d := placedDeployment(t, env.beta, heir); d != nil {
		t.Error("what was taken over is left on the member")
	}
	if _, err := env.beta.Client().CoreV1().Secrets(workloads).Get(t.Context(), "legacy-pull", metav1.GetOptions{}); err != nil {
		t.Errorf("a Secret of somebody else's was touched: %v", err)
	}
}

// left 是成员上这个模型的令牌与缓存。
func (c *carrying) left(ctx context.Context) ([]string, error) {
	var left []string
	core := env.beta.Client().CoreV1()
	_, claim := core.PersistentVolumeClaims(workloads).Get(ctx, c.name+"-cache", metav1.GetOptions{})
	_, secret := core.Secrets(workloads).Get(ctx, c.secretName(), metav1.GetOptions{})
	for _, object := range []struct {
		name string
		err  error
	}{{"PersistentVolumeClaim " + c.name + "-cache", claim}, {"Secret " + c.secretName(), secret}} {
		switch {
		case object.err == nil:
			left = append(left, object.name)
		case !apierrors.IsNotFound(object.err):
			return nil, object.err
		}
	}
	return left, nil
}
