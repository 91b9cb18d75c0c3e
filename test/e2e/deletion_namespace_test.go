package e2e

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

const (
	tenant = "tenant"
	// shared 是平台在成员上为 team 造的命名空间；前缀是这个 Cluster 自己的，别的测试不用它。
	shared = "tenant-" + team
)

// TestDeleteKeepsNamespace 平台造的命名空间里有别人的权重与配置：删除模型、排空 Cluster，平台放的都走，
// 命名空间与别人的原样留着。同一个成员再登记一次，命名空间还标着从前的 Cluster，模型照样放得上、跑得起来，也照样排得空。
// 平台在成员上只有文档里的权限。
func TestDeleteKeepsNamespace(t *testing.T) {
	t.Cleanup(func() {
		c, cancel := cleanup()
		defer cancel()
		if _, err := harness.Kubectl(c, env.beta.APIServer.Kubeconfig, "", "delete", "namespace", shared, "--ignore-not-found", "--timeout=3m"); err != nil {
			t.Error(err)
		}
	})
	grant(t, env.beta)
	c := registerTenant(t)
	deploySpec(t, "weighty", tenantSpec(`"pvc":{"claimName":"models","path":"qwen3"}`, ""))
	awaitModel(t, "weighty", "waiting for its weights", promptly, is(metav1.ConditionFalse, v1alpha1.ReasonUnschedulable, tenant))
	others := bringWeights(t, c)
	for round := 1; ; round++ {
		m := awaitModel(t, "weighty", "serving", promptly, servesAt(c))
		awaitServing(t, env.beta, m, 1)
		class := fmt.Sprintf("tenant-cache-%d", round)
		staticVolume(t, env.beta, class)
		deploySpec(t, "cached", tenantSpec(`"huggingFace":{"repo":"Qwen/Qwen3-8B"}`, `,"cache":{"size":"1Gi","storageClassName":"`+class+`"}`))
		cached := awaitModel(t, "cached", "serving", promptly, servesAt(c))
		harness.MustKubectl(t, env.platform.Kubeconfig, "", "delete", "model", "cached", "-n", team, "--timeout=3m")
		nothingLeft(t, v1alpha1.LabelModelUID, cached.UID)
		others.stay(t)

		harness.MustKubectl(t, env.platform.Kubeconfig, "", "delete", "cluster", tenant, "--wait=false")
		awaitGone(t, tenant)
		nothingLeft(t, clusterv1alpha1.LabelClusterUID, c.UID)
		others.stay(t)
		if round == 2 {
			return
		}
		c = registerTenant(t)
	}
}

// registerTenant 以文档里的权限登记成员，命名空间的前缀是它自己的。
func registerTenant(t *testing.T) *clusterv1alpha1.Cluster {
	t.Helper()
	harness.MustKubectl(t, env.platform.Kubeconfig, `{"apiVersion":"cluster.kubellm.io/v1alpha1","kind":"Cluster",
"metadata":{"name":"`+tenant+`"},"spec":{"workloadNamespacePrefix":"tenant-"}}`, "apply", "--server-side", "--field-manager=tenant", "-f", "-")
	create(t, tenant, clusterv1alpha1.DeletionDrain)
	handIn(t, tenant, harness.MemberKubeconfig(t, env.beta, visitor, time.Hour))
	return awaitReady(t, tenant)
}

func tenantSpec(source, rest string) string {
	return fmt.Sprintf(`"source":{%s},"engine":{"type":"VLLM","image":"example.org/vllm:1"},
"resources":{"accelerator":{"count":1}},"placement":{"clusterNames":[%q]}%s`, source, tenant, rest)
}

// servesAt 要求就绪的是放在 c 上的，不是放在从前同名的那个上的。
func servesAt(c *clusterv1alpha1.Cluster) func(*v1alpha1.Model) error {
	return func(m *v1alpha1.Model) error {
		if err := serves(c.Name)(m); err != nil {
			return err
		}
		if on := m.Status.Placements[0].ClusterUID; on != string(c.UID) {
			return fmt.Errorf("it is placed on the Cluster with the UID %s, want %s", on, c.UID)
		}
		return nil
	}
}

// nothingLeft 验证成员上带着这个标签的，除了命名空间什么也没有了，Pod 也走完了。
func nothingLeft(t *testing.T, label string, uid types.UID) {
	t.Helper()
	left := harness.MustKubectl(t, env.beta.APIServer.Kubeconfig, "", "get", "--all-namespaces", "-o", "name", "-l", label+"="+string(uid),
		"deployments,replicasets,pods,services,secrets,configmaps,persistentvolumeclaims")
	if left != "" {
		t.Errorf("what KubeLLM placed with %s=%s is left:\n%s", label, uid, left)
	}
}

// belongings 是平台造的命名空间与别人放在里面的，最初的样子。
type belongings struct {
	namespace *corev1.Namespace
	claim     *corev1.PersistentVolumeClaim
	settings  *corev1.ConfigMap
}

// bringWeights 把别人的权重与配置放进平台为 c 造的命名空间，模型等的就是这些权重。
func bringWeights(t *testing.T, c *clusterv1alpha1.Cluster) belongings {
	t.Helper()
	core := env.beta.Client().CoreV1()
	namespace, err := core.Namespaces().Get(t.Context(), shared, metav1.GetOptions{})
	if err != nil || namespace.Labels[clusterv1alpha1.LabelClusterUID] != string(c.UID) {
		t.Fatalf("KubeLLM is to make the namespace %s for the Cluster: labels %v, %v", shared, namespace.Labels, err)
	}
	staticVolume(t, env.beta, fileClass)
	return belongings{namespace,
		given(t, core.PersistentVolumeClaims(shared), modelsClaim()),
		given(t, core.ConfigMaps(shared), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "settings"}, Data: map[string]string{"owner": "others"}})}
}

// stay 验证命名空间与别人的都是原来的，没有一个在走，平台也没有改过它们的标签。
func (b belongings) stay(t *testing.T) {
	t.Helper()
	core := env.beta.Client().CoreV1()
	namespace, err := core.Namespaces().Get(t.Context(), shared, metav1.GetOptions{})
	if unmoved(t, "the namespace", namespace, err, b.namespace) && namespace.Status.Phase != corev1.NamespaceActive {
		t.Errorf("the namespace is %s", namespace.Status.Phase)
	}
	claim, err := core.PersistentVolumeClaims(shared).Get(t.Context(), b.claim.Name, metav1.GetOptions{})
	if unmoved(t, "the claim with the weights", claim, err, b.claim) && claim.Status.Phase != corev1.ClaimBound {
		t.Errorf("the claim with the weights is %s", claim.Status.Phase)
	}
	settings, err := core.ConfigMaps(shared).Get(t.Context(), b.settings.Name, metav1.GetOptions{})
	unmoved(t, "the ConfigMap of others", settings, err, b.settings)
}

// unmoved 报告 now 就是 before，没有在走，标签也没变。
func unmoved(t *testing.T, what string, now metav1.Object, err error, before metav1.Object) bool {
	t.Helper()
	if err != nil {
		t.Errorf("%s must stay: %v", what, err)
		return false
	}
	if now.GetUID() != before.GetUID() || now.GetDeletionTimestamp() != nil || !equality.Semantic.DeepEqual(now.GetLabels(), before.GetLabels()) {
		t.Errorf("%s must stay as it is: UID %s, before %s; deleted at %v; labels %v, before %v",
			what, now.GetUID(), before.GetUID(), now.GetDeletionTimestamp(), now.GetLabels(), before.GetLabels())
	}
	return true
}
