package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// TestModelLeavesForeignAlone 成员上别人的同名对象从不接管：说得出是哪一个，一个字也不动它；它走了就接着放。
func TestModelLeavesForeignAlone(t *testing.T) {
	register(t, "shared", env.beta, clusterv1alpha1.DeletionOrphan)
	ensureNamespace(t, env.beta)
	runDeployment(t, env.beta, workloads, "squatter", map[string]string{"owner": "others"}, 1, 1, l40s)
	deployments := env.beta.Client().AppsV1().Deployments(workloads)
	before, err := deployments.Get(t.Context(), "squatter", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	deploy(t, wish{name: "squatter", clusters: []string{"shared"}, replicas: 1, gpus: 1})
	awaitModel(t, "squatter", "refused for what is there already", promptly, readySays(metav1.ConditionFalse, v1alpha1.ReasonApplyFailed, "Deployment "+workloads+"/squatter"))
	after, err := deployments.Get(t.Context(), "squatter", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if after.UID != before.UID || !equality.Semantic.DeepEqual(after.Spec, before.Spec) || !equality.Semantic.DeepEqual(after.Labels, before.Labels) {
		t.Errorf("what others placed was changed: labels %v, spec %+v", after.Labels, after.Spec)
	}
	for _, f := range after.ManagedFields {
		if f.Manager == "kubellm" {
			t.Errorf("kubellm owns fields of what others placed: %s", f.FieldsV1)
		}
	}
	if err := deployments.Delete(t.Context(), "squatter", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	m := awaitModel(t, "squatter", "serving once the name is free", promptly, serves("shared"))
	awaitServing(t, env.beta, m, 1)
}

// TestModelLeavesForeignServiceAlone 别人的同名 Service 也不接管：改了它的选择器，别人的请求就到了模型这里。
// Deployment 的选择器本来就改不了，Service 的没有人拦，只有平台自己不动手。
func TestModelLeavesForeignServiceAlone(t *testing.T) {
	register(t, "crowded", env.beta, clusterv1alpha1.DeletionOrphan)
	ensureNamespace(t, env.beta)
	services := env.beta.Client().CoreV1().Services(workloads)
	before := given(t, services, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "usurped"},
		Spec:       corev1.ServiceSpec{Selector: map[string]string{"app": "others"}, Ports: []corev1.ServicePort{{Name: "http", Port: 8000}}},
	})
	deploy(t, wish{name: "usurped", clusters: []string{"crowded"}, replicas: 1, gpus: 1})
	awaitModel(t, "usurped", "refused for the Service that is there already", promptly, readySays(metav1.ConditionFalse, v1alpha1.ReasonApplyFailed, "Service "+workloads+"/usurped"))
	if after, err := services.Get(t.Context(), "usurped", metav1.GetOptions{}); err != nil || after.ResourceVersion != before.ResourceVersion {
		t.Errorf("the Service of others was touched (%v): %+v", err, after)
	}
	if err := services.Delete(t.Context(), "usurped", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	m := awaitModel(t, "usurped", "serving once the name is free", promptly, serves("crowded"))
	awaitServing(t, env.beta, m, 1)
}

// TestModelSurvivesNamespace 成员上的命名空间被人整个删掉，里面的都要重新放好。
func TestModelSurvivesNamespace(t *testing.T) {
	register(t, "razed", env.beta, clusterv1alpha1.DeletionOrphan)
	deploy(t, wish{name: "phoenix", clusters: []string{"razed"}, replicas: 1, gpus: 1})
	before := awaitServing(t, env.beta, awaitModel(t, "phoenix", "serving", promptly, serves("razed")), 1)
	namespaces := env.beta.Client().CoreV1().Namespaces()
	razed, err := namespaces.Get(t.Context(), workloads, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := namespaces.Delete(t.Context(), workloads, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, "the namespace to be made anew", scheduling, func(ctx context.Context) error {
		now, err := namespaces.Get(ctx, workloads, metav1.GetOptions{})
		if err == nil && now.UID == razed.UID {
			err = fmt.Errorf("it is still the one that was deleted: %+v", now.Status)
		}
		return err
	})
	m := awaitModel(t, "phoenix", "serving again", promptly, serves("razed"))
	if d := awaitServing(t, env.beta, m, 1); d.UID == before.UID {
		t.Error("the Deployment is still the one that was deleted with its namespace")
	}
	if _, err := env.beta.Client().CoreV1().Services(workloads).Get(t.Context(), "phoenix", metav1.GetOptions{}); err != nil {
		t.Error(err)
	}
}

// TestModelMeetsQuota 成员的配额不肯给 Pod：它的话到得了 Model；配额没了就跑起来。
func TestModelMeetsQuota(t *testing.T) {
	register(t, "rationed", env.beta, clusterv1alpha1.DeletionOrphan)
	ensureNamespace(t, env.beta)
	quotas := env.beta.Client().CoreV1().ResourceQuotas(workloads)
	given(t, quotas, &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "no-gpus"}, Spec: corev1.ResourceQuotaSpec{
		Hard: corev1.ResourceList{"requests.nvidia.com/gpu": resource.MustParse("0")},
	}})
	if err := awaitRefusal(t.Context(), env.beta, 1); err != nil {
		t.Fatal(err)
	}
	deploy(t, wish{name: "hungry", clusters: []string{"rationed"}, replicas: 1, gpus: 1})
	awaitModel(t, "hungry", "refused by the quota", promptly, readySays(metav1.ConditionFalse, v1alpha1.ReasonReplicasFailing, "exceeded quota: no-gpus"))
	if err := quotas.Delete(t.Context(), "no-gpus", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	m := awaitModel(t, "hungry", "serving without the quota", promptly, serves("rationed"))
	awaitServing(t, env.beta, m, 1)
}

// TestModelInherits 以 Orphan 删掉之后再建的同名 Model 接过留下的：Deployment 还是那一个，不另起一份。
func TestModelInherits(t *testing.T) {
	register(t, "estate", env.beta, clusterv1alpha1.DeletionOrphan)
	heirloom := wish{name: "heirloom", clusters: []string{"estate"}, replicas: 1, gpus: 1, policy: v1alpha1.DeletionOrphan}
	deploy(t, heirloom)
	testator := awaitModel(t, "heirloom", "serving", promptly, serves("estate"))
	left := awaitServing(t, env.beta, testator, 1)
	harness.MustKubectl(t, env.platform.Kubeconfig, "", "delete", "model", "heirloom", "-n", team, "--timeout=3m")
	if d := placedDeployment(t, env.beta, testator); d == nil || d.UID != left.UID || d.Status.ReadyReplicas != 1 {
		t.Fatalf("what runs is to stay, but the member holds %+v", d)
	}

	heirloom.policy = v1alpha1.DeletionDelete
	deploy(t, heirloom)
	heir := awaitModel(t, "heirloom", "serving again", promptly, serves("estate"))
	if d := awaitServing(t, env.beta, heir, 1); d.UID != left.UID {
		t.Error("the Deployment was made anew instead of taken over")
	}
	if d := placedDeployment(t, env.beta, testator); d != nil {
		t.Errorf("there is a second copy, which bears the UID of the former Model: %s", d.Name)
	}
	await(t, "estate", "without the pods of the former Model", freeAccelerators(3))
	if pods := podsOf(t, env.beta, heir); len(pods) != 1 {
		t.Errorf("%d pods run, want one", len(pods))
	}
	harness.MustKubectl(t, env.platform.Kubeconfig, "", "delete", "model", "heirloom", "-n", team, "--timeout=3m")
	if d := placedDeployment(t, env.beta, heir); d != nil {
		t.Error("what was taken over is left on the member")
	}
}

// readySays 要求 Ready 有这个取值与理由，消息里有 text。
func readySays(status metav1.ConditionStatus, reason, text string) func(*v1alpha1.Model) error {
	return func(m *v1alpha1.Model) error {
		if c := meta.FindStatusCondition(m.Status.Conditions, v1alpha1.ConditionReady); c == nil || !strings.Contains(c.Message, text) {
			return fmt.Errorf("the message lacks %q: %+v", text, c)
		}
		return is(status, reason)(m)
	}
}

// ensureNamespace 让成员上有 team 的命名空间，谁造的都一样。
func ensureNamespace(t *testing.T, m *harness.Member) {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: workloads}}
	if _, err := m.Client().CoreV1().Namespaces().Create(t.Context(), ns, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
}
