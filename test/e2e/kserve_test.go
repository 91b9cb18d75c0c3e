package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/util/retry"
	"k8s.io/utils/ptr"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// address 是 KServe 给模型的地址。
const address = "http://gateway.example.org/" + workloads + "/served"

// TestModelByKServe 交给 KServe 的模型，对着它自己发布的 CRD：没有它的成员说得出为什么不行；装上之后不必重启就放上去；
// 就绪与否照它的状态和真的 Pod；被动过的修复；CRD 没了只影响用它的模型，再装上又接着来；CRD 又没了的时候删除，也什么都不剩。
func TestModelByKServe(t *testing.T) {
	if c := register(t, "kserve", env.beta, clusterv1alpha1.DeletionOrphan); slices.Contains(c.Status.Capabilities, clusterv1alpha1.CapabilityKServe) {
		t.Fatalf("the member has KServe already: %v", c.Status.Capabilities)
	}
	deploy(t, wish{name: "beside", clusters: []string{"kserve"}, replicas: 1, gpus: 1})
	beside := awaitModel(t, "beside", "serving", promptly, serves("kserve"))
	deployManifest(t, "served", `"engine":{"type":"VLLM","delivery":"KServe"},"resources":{"accelerator":{"count":1}},"placement":{"clusterNames":["kserve"]}`)
	awaitModel(t, "served", "refused for the lack of KServe", promptly, refused("kserve", "KServe"))

	installCRD(t, env.beta, "llminferenceservices.yaml")
	k := &kserve{t: t, member: env.beta, name: "served"}
	awaitModel(t, "served", "placed once KServe is there", promptly, is(metav1.ConditionFalse, v1alpha1.ReasonApplying, "kserve"))
	k.servesAsItSays()
	k.rollsOut()
	k.isRepaired()
	k.comesAndGoes()

	now := awaitModel(t, "beside", "serving still", promptly, serves("kserve"))
	if was, is := transition(beside), transition(now); !was.Equal(&is) {
		t.Errorf("a model that KServe has nothing to do with was not Ready at %s, when KServe came or went", is)
	}
	k.isRemoved()
}

// kserve 演 KServe 0.20 的控制器：镜像跑不了，它造的 Deployment、写的状态照它自己的样子来。
type kserve struct {
	t      *testing.T
	member *harness.Member
	name   string
}

// servesAsItSays 看就绪与否、地址、失败的话怎样到得了 Model。
func (k *kserve) servesAsItSays() {
	t := k.t
	own := k.run()
	k.say(metav1.ConditionFalse, "MinimumReplicasUnavailable", "no gateway accepts the route")
	m := awaitModel(t, k.name, "loading in the words of KServe", promptly, is(metav1.ConditionFalse, v1alpha1.ReasonLoading))
	if c := meta.FindStatusCondition(m.Status.Conditions, v1alpha1.ConditionReady); !strings.Contains(c.Message, "no gateway accepts the route") {
		t.Errorf("the message of KServe is missing: %s", c.Message)
	}
	k.say(metav1.ConditionTrue, "", "")
	m = awaitModel(t, k.name, "serving", promptly, serves("kserve"))
	if p := m.Status.Placements[0]; m.Status.Endpoint != address || p.Endpoint != address || p.ReadyReplicas != 1 || m.Status.Replicas != 1 {
		t.Errorf("endpoint and replicas are not those of KServe: %+v", m.Status)
	}
	if now := k.deployment(); now == nil || now.UID != own.UID || now.DeletionTimestamp != nil {
		t.Error("the Deployment that KServe made for the model was taken for a leftover and removed")
	}
}

// rollsOut 换了样子：KServe 还没看到、看到了而副本还是旧的，都不算就绪；崩溃的副本的遗言到得了 Model。
func (k *kserve) rollsOut() {
	t := k.t
	before := k.get().GetGeneration()
	change(t, k.name, `{"spec":{"engine":{"args":["--seed=1"]}}}`)
	// 成员答得慢时也说正在放上去：等它真的放上了。
	harness.Eventually(t, "the change to be applied to the member", promptly, func(context.Context) error {
		if now := k.get().GetGeneration(); now == before {
			return fmt.Errorf("the generation is still %d", now)
		}
		return nil
	})
	awaitModel(t, k.name, "not taken up by KServe", promptly, is(metav1.ConditionFalse, v1alpha1.ReasonApplying))
	k.say(metav1.ConditionTrue, "", "")
	awaitModel(t, k.name, "rolling out, whatever KServe says", promptly, is(metav1.ConditionFalse, v1alpha1.ReasonRollingOut))
	k.run()
	awaitModel(t, k.name, "rolled out", promptly, serves("kserve"))

	crash := []byte(`{"metadata":{"annotations":{"` + harness.FailAnnotation + `":"CUDA out of memory"}}}`)
	for _, pod := range k.pods() {
		if _, err := k.member.Client().CoreV1().Pods(workloads).Patch(t.Context(), pod.Name, types.MergePatchType, crash, metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	k.say(metav1.ConditionFalse, "MinimumReplicasUnavailable", "")
	awaitModel(t, k.name, "failing", promptly, func(m *v1alpha1.Model) error {
		if c := meta.FindStatusCondition(m.Status.Conditions, v1alpha1.ConditionReady); c == nil || !strings.Contains(c.Message, "CUDA out of memory") {
			return fmt.Errorf("the last words are missing: %+v", c)
		}
		return is(metav1.ConditionFalse, v1alpha1.ReasonReplicasFailing)(m)
	})
}

// isRepaired 改了的改回来，删了的再放上去。
func (k *kserve) isRepaired() {
	t := k.t
	before := k.get()
	if _, err := k.objects().Patch(t.Context(), k.name, types.MergePatchType, []byte(`{"spec":{"replicas":3,"model":{"uri":"hf://other/model"}}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, "the LLMInferenceService to be repaired", promptly, func(context.Context) error {
		now := k.get()
		if uri, _, _ := unstructured.NestedString(now.Object, "spec", "model", "uri"); uri != "hf://Qwen/Qwen3-8B" || k.replicas(now) != 1 {
			return fmt.Errorf("it asks for %d replicas of %s", k.replicas(now), uri)
		}
		return nil
	})
	if err := k.objects().Delete(t.Context(), k.name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, "the LLMInferenceService to be placed again", promptly, func(ctx context.Context) error {
		now, err := k.objects().Get(ctx, k.name, metav1.GetOptions{})
		if err == nil && now.GetUID() == before.GetUID() {
			err = errors.New("it is still the one that was deleted")
		}
		return err
	})
	k.stop()
	k.run()
	k.say(metav1.ConditionTrue, "", "")
	awaitModel(t, k.name, "serving again", promptly, serves("kserve"))
}

// comesAndGoes 卸下 CRD：能力没了，用它的模型说放不上去；再装上，接着来。控制器一直没有重启。
func (k *kserve) comesAndGoes() {
	t := k.t
	can := func(want bool) func(*clusterv1alpha1.Cluster) error {
		return func(c *clusterv1alpha1.Cluster) error {
			if slices.Contains(c.Status.Capabilities, clusterv1alpha1.CapabilityKServe) != want {
				return fmt.Errorf("the capabilities are %v", c.Status.Capabilities)
			}
			return nil
		}
	}
	uninstallCRD(t, k.member, "llminferenceservices.serving.kserve.io")
	await(t, "kserve", "without KServe", can(false))
	awaitModel(t, k.name, "kept though nothing can be applied", promptly, kept("kserve", v1alpha1.RejectedCapability, "KServe"))
	k.stop()
	installCRD(t, k.member, "llminferenceservices.yaml")
	await(t, "kserve", "with KServe again", can(true))
	harness.Eventually(t, "the LLMInferenceService to be applied again", promptly, func(ctx context.Context) error {
		_, err := k.objects().Get(ctx, k.name, metav1.GetOptions{})
		return err
	})
	awaitModel(t, k.name, "waiting for KServe", promptly, is(metav1.ConditionFalse, v1alpha1.ReasonApplying, "kserve"))
	k.run()
	k.say(metav1.ConditionTrue, "", "")
	awaitModel(t, k.name, "serving again", promptly, serves("kserve"))
}

// isRemoved 删除模型时 CRD 正好也没了：成员的垃圾回收认不出没了的主人，KServe 造的也要收走，否则卡一直占着。
func (k *kserve) isRemoved() {
	t := k.t
	uninstallCRD(t, k.member, "llminferenceservices.serving.kserve.io")
	harness.MustKubectl(t, env.platform.Kubeconfig, "", "delete", "model", k.name, "-n", team, "--timeout=3m")
	if d, pods := k.deployment(), k.pods(); d != nil || len(pods) > 0 {
		t.Errorf("the model is gone, but %d pods and the Deployment are left: %t", len(pods), d != nil)
	}
}

func (k *kserve) objects() dynamic.ResourceInterface {
	k.t.Helper()
	// KServe 自己读写的是存储的那个版本，平台放的是 v1alpha1。
	return memberResource(k.t, k.member, schema.GroupVersionResource{Group: "serving.kserve.io", Version: "v1alpha2", Resource: "llminferenceservices"})
}

func (k *kserve) get() *unstructured.Unstructured {
	k.t.Helper()
	u, err := k.objects().Get(k.t.Context(), k.name, metav1.GetOptions{})
	if err != nil {
		k.t.Fatal(err)
	}
	return u
}

func (k *kserve) replicas(u *unstructured.Unstructured) int64 {
	n, _, _ := unstructured.NestedInt64(u.Object, "spec", "replicas")
	return n
}

// say 写下状态，说的是此刻的 generation；没有就绪时地址也还在。
func (k *kserve) say(ready metav1.ConditionStatus, reason, message string) {
	k.t.Helper()
	condition := func(kind string) any {
		c := map[string]any{"type": kind, "status": string(ready), "lastTransitionTime": "2030-01-01T00:00:00Z"}
		if ready != metav1.ConditionTrue {
			c["reason"], c["message"], c["severity"] = reason, message, ""
		}
		return c
	}
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		u := k.get()
		u.Object["status"] = map[string]any{
			"observedGeneration": u.GetGeneration(), "url": address,
			"conditions": []any{condition("MainWorkloadReady"), condition("Ready"), condition("WorkloadsReady")},
		}
		_, err := k.objects().UpdateStatus(k.t.Context(), u, metav1.UpdateOptions{})
		return err
	})
	if err != nil {
		k.t.Fatal(err)
	}
}

// run 照此刻的 LLMInferenceService 造出或更新它的 Deployment。
func (k *kserve) run() *appsv1.Deployment {
	k.t.Helper()
	deployments, wanted := k.member.Client().AppsV1().Deployments(workloads), k.rendered(k.get())
	var current *appsv1.Deployment
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() (err error) {
		if current = k.deployment(); current == nil {
			current, err = deployments.Create(k.t.Context(), wanted, metav1.CreateOptions{})
			return err
		}
		current.Spec.Replicas, current.Spec.Template = wanted.Spec.Replicas, wanted.Spec.Template
		current, err = deployments.Update(k.t.Context(), current, metav1.UpdateOptions{})
		return err
	})
	if err != nil {
		k.t.Fatal(err)
	}
	return current
}

// rendered 是 KServe 造的样子：spec.labels 同时在 Deployment、它的选择器与 Pod 上，spec.annotations 在 Pod 上。
func (k *kserve) rendered(u *unstructured.Unstructured) *appsv1.Deployment {
	k.t.Helper()
	labels, _, _ := unstructured.NestedStringMap(u.Object, "spec", "labels")
	labels["app.kubernetes.io/name"], labels["app.kubernetes.io/part-of"], labels["kserve.io/component"] = k.name, "llminferenceservice", "workload"
	annotations, _, _ := unstructured.NestedStringMap(u.Object, "spec", "annotations")
	template, _, _ := unstructured.NestedMap(u.Object, "spec", "template")
	var pod corev1.PodSpec
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(template, &pod); err != nil {
		k.t.Fatal(err)
	}
	pod.TerminationGracePeriodSeconds = ptr.To(int64(0))
	main := &pod.Containers[0]
	main.Image = "ghcr.io/llm-d/llm-d-cuda:v0.8.0"
	main.StartupProbe.HTTPGet = &corev1.HTTPGetAction{Path: "/health", Port: intstr.FromInt32(8000)}
	owner := metav1.NewControllerRef(u, schema.GroupVersionKind{Group: "serving.kserve.io", Version: "v1alpha2", Kind: "LLMInferenceService"})
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: k.name + "-kserve", Namespace: workloads, Labels: labels, OwnerReferences: []metav1.OwnerReference{*owner}},
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To(int32(k.replicas(u))), Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: annotations}, Spec: pod},
		},
	}
}

// deployment 是它造的 Deployment；没有为 nil。
func (k *kserve) deployment() *appsv1.Deployment {
	k.t.Helper()
	d, err := k.member.Client().AppsV1().Deployments(workloads).Get(k.t.Context(), k.name+"-kserve", metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		k.t.Fatal(err)
	}
	return d
}

// stop 收走它造的，就像主人没了之后成员自己做的那样，只是不等垃圾回收。
func (k *kserve) stop() {
	k.t.Helper()
	err := k.member.Client().AppsV1().Deployments(workloads).Delete(k.t.Context(), k.name+"-kserve", metav1.DeleteOptions{PropagationPolicy: ptr.To(metav1.DeletePropagationBackground)})
	if err != nil && !apierrors.IsNotFound(err) {
		k.t.Fatal(err)
	}
	harness.Eventually(k.t, "the pods of KServe to be gone", promptly, func(context.Context) error {
		if left := k.pods(); len(left) > 0 {
			return fmt.Errorf("%d are left", len(left))
		}
		return nil
	})
}

func (k *kserve) pods() []corev1.Pod {
	k.t.Helper()
	list, err := k.member.Client().CoreV1().Pods(workloads).List(k.t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=" + k.name})
	if err != nil {
		k.t.Fatal(err)
	}
	return list.Items
}

// transition 是 Ready 最后一次改变的时间。
func transition(m *v1alpha1.Model) metav1.Time {
	return meta.FindStatusCondition(m.Status.Conditions, v1alpha1.ConditionReady).LastTransitionTime
}

// refused 要求 Model 没有放下，而且说得出 on 缺的是什么。
func refused(on, lacks string) func(*v1alpha1.Model) error {
	return func(m *v1alpha1.Model) error {
		for _, r := range m.Status.RejectedClusters {
			if r.Cluster == on && r.Reason == v1alpha1.RejectedCapability && strings.Contains(r.Message, lacks) {
				return is(metav1.ConditionFalse, v1alpha1.ReasonNoClusterFits)(m)
			}
		}
		return fmt.Errorf("cluster %s is not rejected for the lack of %s: %+v", on, lacks, m.Status.RejectedClusters)
	}
}

// deployManifest 建一个来自 Hugging Face 的 Model，spec 是来源之外的字段；测试结束时删掉。
func deployManifest(t *testing.T, name, spec string) {
	t.Helper()
	deploySpec(t, name, `"source":{"huggingFace":{"repo":"Qwen/Qwen3-8B"}},`+spec)
}

// installCRD 在成员上装一份别人的 CRD；测试结束时卸下。
func installCRD(t *testing.T, m *harness.Member, file string) {
	t.Helper()
	name := harness.InstallCRD(t, m.APIServer.Kubeconfig, file)
	t.Cleanup(func() {
		c, cancel := cleanup()
		defer cancel()
		if _, err := harness.Kubectl(c, m.APIServer.Kubeconfig, "", "delete", "crd", name, "--ignore-not-found", "--timeout=3m"); err != nil {
			t.Error(err)
		}
	})
}

// uninstallCRD 卸下一份 CRD，等成员收走它的对象。
func uninstallCRD(t *testing.T, m *harness.Member, name string) {
	t.Helper()
	kubectl(t, m, "delete", "crd", name, "--timeout=3m")
}

// memberResource 读写成员上平台为 team 用的命名空间里的一种对象。
func memberResource(t *testing.T, m *harness.Member, resource schema.GroupVersionResource) dynamic.ResourceInterface {
	t.Helper()
	client, err := dynamic.NewForConfig(m.Config())
	if err != nil {
		t.Fatal(err)
	}
	return client.Resource(resource).Namespace(workloads)
}
