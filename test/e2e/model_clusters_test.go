package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// TestModelOnTwoClusters 按标签放到两个成员上：每一处都真有它的副本与地址，Model 有其中一个地址；
// 伸缩改的是每一处的副本数，scale 子资源说的也是；删除之后两处都不剩。
func TestModelOnTwoClusters(t *testing.T) {
	members := map[string]*harness.Member{"twin-a": env.alpha, "twin-b": env.beta}
	for name, member := range members {
		register(t, name, member, clusterv1alpha1.DeletionOrphan)
		label(t, name, "fleet=twins")
	}
	deploySpec(t, "twins", `"source":{"huggingFace":{"repo":"Qwen/Qwen3-8B"}},"engine":{"type":"SGLang","image":"example.org/sglang:1"},
"resources":{"accelerator":{"count":1}},"placement":{"clusters":2,"clusterSelector":{"matchLabels":{"fleet":"twins"}}}`)
	m := awaitModel(t, "twins", "serving on both", promptly, serves("twin-a", "twin-b"))
	endpoints := map[string]string{}
	for _, p := range m.Status.Placements {
		holdsReplicas(t, members[p.Cluster], m, 1)
		if p.Endpoint == "" || p.ReadyReplicas != 1 || p.Replicas != 1 {
			t.Errorf("the placement on %s has no endpoint or other replicas than one: %+v", p.Cluster, p)
		}
		endpoints[p.Cluster] = p.Endpoint
	}
	if of, known := endpoints[m.Status.EndpointCluster]; m.Status.ReadyReplicas != 2 || m.Status.Replicas != 2 || !known || of != m.Status.Endpoint {
		t.Errorf("%d of %d replicas at %q of %q, want both, at one of %q", m.Status.ReadyReplicas, m.Status.Replicas, m.Status.Endpoint, m.Status.EndpointCluster, endpoints)
	}
	saysOfEach(t, "twins", "Placed on Cluster twin-a.", "Placed on Cluster twin-b.")
	scaledTo(t, "twins", 1)
	harness.MustKubectl(t, env.platform.Kubeconfig, "", "scale", "model", "twins", "-n", team, "--replicas=2")
	m = awaitModel(t, "twins", "serving twice on both", promptly, hasReady(4, "twin-a", "twin-b"))
	scaledTo(t, "twins", 2)
	for _, member := range members {
		holdsReplicas(t, member, m, 2)
	}
	harness.MustKubectl(t, env.platform.Kubeconfig, "", "delete", "model", "twins", "-n", team, "--timeout=3m")
	for name, member := range members {
		if d := placedDeployment(t, member, m); d != nil {
			t.Errorf("%s still holds the Deployment", name)
		}
		if _, err := member.Client().CoreV1().Services(workloads).Get(t.Context(), "twins", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			t.Errorf("%s still holds the Service: %v", name, err)
		}
	}
}

// saysOfEach 要求 kubectl describe 的事件里各有这几句：一起发生的，一句也不能少。
func saysOfEach(t *testing.T, name string, texts ...string) {
	t.Helper()
	harness.Eventually(t, "kubectl describe to show an event of each", promptly, func(context.Context) error {
		text := harness.MustKubectl(t, env.platform.Kubeconfig, "", "describe", "model", name, "-n", team)
		for _, want := range texts {
			if _, events, _ := strings.Cut(text, "\nEvents:"); !strings.Contains(events, want) {
				return fmt.Errorf("there is no event %q in %s", want, text)
			}
		}
		return nil
	})
}

// holdsReplicas 要求成员上恰有 n 个就绪的、属于 m 的副本。
func holdsReplicas(t *testing.T, member *harness.Member, m *v1alpha1.Model, n int32) {
	t.Helper()
	d := placedDeployment(t, member, m)
	if d == nil || d.Status.ReadyReplicas != n || d.Status.Replicas != n {
		t.Errorf("the member does not hold %d ready replicas, but %+v", n, d)
	}
}

// scaledTo 要求 scale 子资源要的与现有的都是每个集群 n 个：自动伸缩器拿现有的乘以比例写回要的，
// 口径不同就会越算越多。
func scaledTo(t *testing.T, name string, n int32) {
	t.Helper()
	clients := models(t).ModelV1alpha1().Models(team)
	harness.Eventually(t, "the scale to be settled", promptly, func(ctx context.Context) error {
		scale, err := clients.GetScale(ctx, name, metav1.GetOptions{})
		if err == nil && (scale.Spec.Replicas != n || scale.Status.Replicas != n || scale.Status.Selector == "") {
			err = fmt.Errorf("wanted are %d, there are %d (selector %q), want %d of both", scale.Spec.Replicas, scale.Status.Replicas, scale.Status.Selector, n)
		}
		return err
	})
}
