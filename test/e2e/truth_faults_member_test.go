package e2e

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// forced 不等宽限期：节点没了就没有 kubelet 来收尾。
var forced = metav1.DeleteOptions{GracePeriodSeconds: ptr.To[int64](0)}

// partFaults 成员自己的部件死了：它的 API 还答得好好的，只是没有人干活。
func partFaults() []fault {
	return []fault{
		// 没有人调度：新的副本排不上。
		{name: "member's scheduler killed while scaling up", inject: func(ctx context.Context, w *world) error {
			return errors.Join(env.alpha.Scheduler.Kill(), w.patch(ctx, several, `{"spec":{"scaling":{"replicas":5}}}`))
		}, stance: loading(several), heal: restarting(env.alpha, scheduler)},
		// 没有人照 Deployment 办事：它的状态停在从前，说的是旧的 generation。
		{name: "member's controller manager killed while scaling down", inject: func(ctx context.Context, w *world) error {
			return errors.Join(env.alpha.ControllerManager.Kill(), w.patch(ctx, several, `{"spec":{"scaling":{"replicas":3}}}`))
		}, stance: unready(several), heal: restarting(env.alpha, controllerManager)},
		// 没有人数副本：Deployment 的状态说三个都就绪，其实少了；只看它的人会一直说假话。
		{name: "replicas die while the member's controller manager is dead", inject: func(ctx context.Context, w *world) error {
			return errors.Join(env.alpha.ControllerManager.Kill(), w.deletePods(ctx, onAlpha, forced, several))
		}, stance: unready(several), heal: restarting(env.alpha, controllerManager)},
		// kubelet 都死了：节点租约过期，成员自己判它们没有就绪，其上的副本也没有。宽限期调短，不必等它一分钟。
		{name: "every kubelet of the member dies", inject: func(ctx context.Context, _ *world) error {
			return errors.Join(env.beta.ControllerManager.Reboot(ctx, "--node-monitor-grace-period=6s", "--node-monitor-period=1s"), env.beta.Kwok.Kill())
		}, stance: unready(twin, nomad, sleeper), heal: func(ctx context.Context, w *world) error {
			return errors.Join(restarting(env.beta, kwok)(ctx, w), env.beta.ControllerManager.Reboot(ctx))
		}},
	}
}

func scheduler(m *harness.Member) *harness.Process         { return m.Scheduler }
func controllerManager(m *harness.Member) *harness.Process { return m.ControllerManager }
func kwok(m *harness.Member) *harness.Process              { return m.Kwok }

// restarting 让死了的部件重新起来。
func restarting(m *harness.Member, part func(*harness.Member) *harness.Process) func(context.Context, *world) error {
	return func(ctx context.Context, _ *world) error {
		if part(m).Running() {
			return nil
		}
		return part(m).Restart(ctx)
	}
}

// nodeFaults 节点没了、停用了、卡没了。
func nodeFaults() []fault {
	return []fault{
		// 停用节点、赶走副本，像人要维护它那样：副本无处可去。
		{name: "node cordoned and drained", inject: func(ctx context.Context, w *world) error {
			return errors.Join(w.patchNode(ctx, `{"spec":{"unschedulable":true}}`), w.deletePods(ctx, onBeta, metav1.DeleteOptions{}, twin, nomad, sleeper))
		}, stance: unready(twin, nomad, sleeper), heal: func(ctx context.Context, w *world) error {
			return w.patchNode(ctx, `{"spec":{"unschedulable":false}}`)
		}},
		// 节点连同其上的副本消失：云上缩容，或机器坏了。
		{name: "node deleted with what ran there", inject: func(ctx context.Context, w *world) error {
			return errors.Join(env.beta.Client().CoreV1().Nodes().Delete(ctx, betaNode, metav1.DeleteOptions{}), w.deletePods(ctx, onBeta, forced, twin, nomad, sleeper))
		}, stance: unready(twin, nomad, sleeper), heal: func(ctx context.Context, _ *world) error {
			if _, err := env.beta.Client().CoreV1().Nodes().Get(ctx, betaNode, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
				return err
			}
			return env.beta.AddGPUNodes(ctx, betaNodes)
		}},
		// 驱动坏了，节点报告没有卡；崩掉的副本因此再也排不上。
		{name: "node reports no GPUs and a replica dies", inject: func(ctx context.Context, w *world) error {
			return errors.Join(w.patchNode(ctx, cards(0), "status"), w.deletePods(ctx, onBeta, metav1.DeleteOptions{}, nomad))
		}, stance: unready(nomad), heal: func(ctx context.Context, w *world) error {
			return w.patchNode(ctx, cards(betaNodes.GPUs), "status")
		}},
	}
}

// betaNode 是 beta 唯一的节点。
const betaNode = "l40s-0"

func cards(n int) string {
	return fmt.Sprintf(`{"status":{"capacity":{"nvidia.com/gpu":"%d"},"allocatable":{"nvidia.com/gpu":"%d"}}}`, n, n)
}

func (w *world) patchNode(ctx context.Context, patch string, subresources ...string) error {
	_, err := env.beta.Client().CoreV1().Nodes().Patch(ctx, betaNode, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{}, subresources...)
	return err
}

// podFaults 副本自己的事。
func podFaults() []fault {
	return []fault{
		// 引擎崩溃。
		{name: "replica crashes", inject: func(ctx context.Context, w *world) error { return w.crash(ctx, onAlpha, single) },
			stance: failing(single), heal: mending(onAlpha, single)},
		// 全部副本被删：成员自己会补，补好之前不许说就绪。
		{name: "all replicas deleted", inject: func(ctx context.Context, w *world) error {
			return w.deletePods(ctx, onAlpha, metav1.DeleteOptions{}, several)
		}},
		// 引擎还跑着，只是不再应答健康检查。
		{name: "replica alive but not ready", inject: func(ctx context.Context, w *world) error {
			return errors.Join(w.patchPods(ctx, onAlpha, single, loadTime(`"1h"`)), w.patchPods(ctx, onAlpha, single,
				`{"status":{"conditions":[{"type":"Ready","status":"False","reason":"ContainersNotReady"}]}}`, "status"))
		}, stance: loading(single), heal: func(ctx context.Context, w *world) error { return w.patchPods(ctx, onAlpha, single, loadTime("null")) }},
		// 终止不了的副本占着卡不放，接替它的排不上；它自己的条件还写着就绪。
		{name: "replica stuck while it ends", inject: func(ctx context.Context, w *world) error {
			return errors.Join(w.patchPods(ctx, onBeta, nomad, `{"metadata":{"finalizers":["example.org/hold"]}}`), w.deletePods(ctx, onBeta, metav1.DeleteOptions{}, nomad))
		}, stance: loading(nomad), heal: release},
		// 成员不肯造 Pod。
		{name: "quota refuses replicas", inject: func(ctx context.Context, w *world) error {
			return errors.Join(w.forbidPods(ctx), w.deletePods(ctx, onAlpha, forced, single))
		}, stance: failing(single), heal: func(ctx context.Context, _ *world) error {
			err := env.alpha.Client().CoreV1().ResourceQuotas(workloads).Delete(ctx, "none", metav1.DeleteOptions{})
			if apierrors.IsNotFound(err) {
				return nil
			}
			return err
		}},
	}
}

// forbidPods 立一个不准有 Pod 的配额，等成员真的照它拒绝。
func (w *world) forbidPods(ctx context.Context) error {
	quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "none"}, Spec: corev1.ResourceQuotaSpec{
		Hard: corev1.ResourceList{corev1.ResourcePods: *resource.NewQuantity(0, resource.DecimalSI)}}}
	if _, err := env.alpha.Client().CoreV1().ResourceQuotas(workloads).Create(ctx, quota, metav1.CreateOptions{}); err != nil {
		return err
	}
	return awaitRefusal(ctx, env.alpha, 0)
}

// awaitRefusal 等成员照刚立的配额拒绝要这么多卡的 Pod：准入看的是自己的缓存，跟上之前还放得进来。
func awaitRefusal(ctx context.Context, m *harness.Member, gpus int64) error {
	request := corev1.ResourceList{"nvidia.com/gpu": *resource.NewQuantity(gpus, resource.DecimalSI)}
	probe := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{GenerateName: "probe-"}, Spec: corev1.PodSpec{
		Containers: []corev1.Container{{Name: "probe", Image: "example.org/probe:1", Resources: corev1.ResourceRequirements{Requests: request, Limits: request}}}}}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return harness.Wait(ctx, "the member to refuse pods", func(ctx context.Context) error {
		_, err := m.Client().CoreV1().Pods(workloads).Create(ctx, probe, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		switch {
		case apierrors.IsForbidden(err):
			return nil
		case err == nil:
			return errors.New("a pod was let in")
		}
		return err
	})
}

func loadTime(value string) string {
	return `{"metadata":{"annotations":{"` + harness.LoadTimeAnnotation + `":` + value + `}}}`
}

// release 放走终止不了的副本。
func release(ctx context.Context, _ *world) error {
	pods, err := env.beta.Client().CoreV1().Pods(workloads).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for i := range pods.Items {
		if p := &pods.Items[i]; len(p.Finalizers) > 0 {
			_, err := env.beta.Client().CoreV1().Pods(p.Namespace).Patch(ctx, p.Name, types.JSONPatchType, []byte(`[{"op":"remove","path":"/metadata/finalizers"}]`), metav1.PatchOptions{})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// loading 要求 model 说副本还没有都就绪。
func loading(model string) func(*world) string {
	return func(w *world) string { return w.modelReads(model, metav1.ConditionFalse, v1alpha1.ReasonLoading) }
}

// noneReady 要求这些 Model 都没有说就绪，而且说的是现在的 spec。
func (w *world) noneReady(models ...string) string {
	for _, name := range models {
		m := w.model(name)
		if m.Status.ObservedGeneration != m.Generation || meta.IsStatusConditionTrue(m.Status.Conditions, v1alpha1.ConditionReady) {
			return "model " + name + " still says that it is ready, or speaks of an older generation"
		}
	}
	return ""
}
