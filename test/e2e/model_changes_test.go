package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// TestModelNeedsMore 放好了的模型每个副本要得更多：没有地方时说得出来，成员上跑着的一个字也不动；有了地方就照办。
func TestModelNeedsMore(t *testing.T) {
	register(t, "needs", env.beta, clusterv1alpha1.DeletionOrphan)
	deploy(t, wish{name: "grower", clusters: []string{"needs"}, replicas: 1, gpus: 1})
	deploy(t, wish{name: "neighbour", clusters: []string{"needs"}, replicas: 1, gpus: 2})
	m := awaitModel(t, "grower", "serving", promptly, serves("needs"))
	before := awaitServing(t, env.beta, m, 1)
	awaitModel(t, "neighbour", "serving", promptly, serves("needs"))
	await(t, "needs", "nearly full", freeAccelerators(1))

	change(t, "grower", `{"spec":{"resources":{"accelerator":{"count":2}},"engine":{"args":["--seed=1"]}}}`)
	awaitModel(t, "grower", "kept as it was, with the reason", promptly, kept("needs", v1alpha1.RejectedFreeBlock, "largest free block 1 < 2", "suspend the Model first"))
	sameWorkload(t, before)
	change(t, "grower", `{"spec":{"engine":{"args":["--seed=2"]}}}`)
	awaitModel(t, "grower", "still kept as it was", promptly, kept("needs", v1alpha1.RejectedFreeBlock, "largest free block 1 < 2"))
	sameWorkload(t, before)

	harness.MustKubectl(t, env.platform.Kubeconfig, "", "delete", "model", "neighbour", "-n", team, "--timeout=3m")
	m = awaitModel(t, "grower", "serving with more, once there is room", promptly, serves("needs"))
	grown := awaitServing(t, env.beta, m, 1)
	if each := accelerators(grown); each != 2 || grown.UID != before.UID {
		t.Errorf("a replica has %d accelerators, want 2; the Deployment is %s, before %s", each, grown.UID, before.UID)
	}
	await(t, "needs", "holding only the new replica", freeAccelerators(2))

	// 整个节点：旧的还在就放不下，停下来让出地方才行。
	change(t, "grower", `{"spec":{"resources":{"accelerator":{"count":4}}}}`)
	awaitModel(t, "grower", "kept as it was for the lack of a whole node", promptly, kept("needs", v1alpha1.RejectedFreeBlock, "largest free block 2 < 4"))
	sameWorkload(t, grown)
	change(t, "grower", `{"spec":{"suspended":true}}`)
	awaitModel(t, "grower", "suspended", promptly, is(metav1.ConditionFalse, v1alpha1.ReasonSuspended, "needs"))
	await(t, "needs", "free", freeAccelerators(4))
	change(t, "grower", `{"spec":{"suspended":false}}`)
	m = awaitModel(t, "grower", "serving with the whole node", promptly, serves("needs"))
	if each := accelerators(awaitServing(t, env.beta, m, 1)); each != 4 {
		t.Errorf("a replica has %d accelerators, want 4", each)
	}
}

// TestModelLacksCapability 成员没有 KEDA：改成自动伸缩的 Model 什么也不放上去，副本数也不动；改回来就照办。
func TestModelLacksCapability(t *testing.T) {
	register(t, "bare", env.beta, clusterv1alpha1.DeletionOrphan)
	deploy(t, wish{name: "stiff", clusters: []string{"bare"}, replicas: 3, gpus: 1})
	before := awaitServing(t, env.beta, awaitModel(t, "stiff", "serving", promptly, serves("bare")), 3)
	change(t, "stiff", `{"spec":{"scaling":{"replicas":null,"autoscaling":{"minReplicas":1,"maxReplicas":3}},"engine":{"args":["--seed=1"]}}}`)
	awaitModel(t, "stiff", "kept as it was for the lack of KEDA", promptly, kept("bare", v1alpha1.RejectedCapability, "KEDA"))
	sameWorkload(t, before)
	change(t, "stiff", `{"spec":{"scaling":{"replicas":2,"autoscaling":null}}}`)
	awaitServing(t, env.beta, awaitModel(t, "stiff", "scaled without KEDA", promptly, hasReady(2, "bare")), 2)
}

// TestModelDeploymentRepaired 成员上有人停住了滚动、揭去了平台认它的标签：都改回来，Deployment 还是那一个。
func TestModelDeploymentRepaired(t *testing.T) {
	register(t, "mends", env.beta, clusterv1alpha1.DeletionOrphan)
	deploy(t, wish{name: "mended", clusters: []string{"mends"}, replicas: 1, gpus: 1})
	before := awaitServing(t, env.beta, awaitModel(t, "mended", "serving", promptly, serves("mends")), 1)
	for _, test := range []struct {
		name, patch string
		wrong       func(*appsv1.Deployment) string
	}{
		{"paused", `{"spec":{"paused":true}}`, func(d *appsv1.Deployment) string { return fmt.Sprintf("paused: %t", d.Spec.Paused) }},
		{"unlabelled", `{"metadata":{"labels":{"` + v1alpha1.LabelModelUID + `":null}}}`, func(d *appsv1.Deployment) string { return "labels: " + fmt.Sprint(d.Labels) }},
		{"relabelled", `{"metadata":{"labels":{"` + v1alpha1.LabelModelUID + `":"somebody"}}}`, func(d *appsv1.Deployment) string { return "labels: " + fmt.Sprint(d.Labels) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			deployments := env.beta.Client().AppsV1().Deployments(workloads)
			if _, err := deployments.Patch(t.Context(), before.Name, types.MergePatchType, []byte(test.patch), metav1.PatchOptions{}); err != nil {
				t.Fatal(err)
			}
			harness.Eventually(t, "the Deployment to be repaired", promptly, func(ctx context.Context) error {
				d, err := deployments.Get(ctx, before.Name, metav1.GetOptions{})
				if err == nil && test.wrong(d) != test.wrong(before) {
					err = fmt.Errorf("it has %s, want %s", test.wrong(d), test.wrong(before))
				}
				return err
			})
			m := awaitModel(t, "mended", "serving", promptly, serves("mends"))
			if d := awaitServing(t, env.beta, m, 1); d.UID != before.UID || d.Annotations[revision] != before.Annotations[revision] {
				t.Errorf("its pods were replaced: %s of revision %s, before %s of revision %s", d.UID, d.Annotations[revision], before.UID, before.Annotations[revision])
			}
		})
	}
	// 停住了的也滚得动。
	change(t, "mended", `{"spec":{"engine":{"args":["--seed=1"]}}}`)
	awaitServing(t, env.beta, awaitModel(t, "mended", "rolled out", promptly, serves("mends")), 1)
}

// kept 要求要的没有答应：Scheduled 与 Applied 说得出为什么，副本还在原处。
func kept(on, reason string, says ...string) func(*v1alpha1.Model) error {
	return func(m *v1alpha1.Model) error {
		for _, kind := range []string{v1alpha1.ConditionScheduled, v1alpha1.ConditionApplied} {
			c := meta.FindStatusCondition(m.Status.Conditions, kind)
			if c == nil || c.Status != metav1.ConditionFalse || c.Reason != v1alpha1.ReasonNoClusterFits || c.ObservedGeneration != m.Generation {
				return fmt.Errorf("%s is %+v, want False (%s) of generation %d", kind, c, v1alpha1.ReasonNoClusterFits, m.Generation)
			}
		}
		c := meta.FindStatusCondition(m.Status.Conditions, v1alpha1.ConditionScheduled)
		for _, text := range says {
			if !strings.Contains(c.Message, text) {
				return fmt.Errorf("Scheduled says %q, want it to name %q", c.Message, text)
			}
		}
		if placedOn(m) != on {
			return fmt.Errorf("it is placed on %q, want %s", placedOn(m), on)
		}
		return rejectedFor(m, on, reason)
	}
}

// sameWorkload 要求成员上的 Deployment 与 before 是同一个，没有人改过它的 spec。
func sameWorkload(t *testing.T, before *appsv1.Deployment) {
	t.Helper()
	d, err := env.beta.Client().AppsV1().Deployments(before.Namespace).Get(t.Context(), before.Name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if d.UID != before.UID || d.Generation != before.Generation || d.Status.ReadyReplicas != ptr.Deref(before.Spec.Replicas, 1) {
		t.Errorf("what runs was touched: %s at generation %d with %d replicas ready; before %s at generation %d", d.UID, d.Generation, d.Status.ReadyReplicas, before.UID, before.Generation)
	}
}

// accelerators 是一个副本要的卡数。
func accelerators(d *appsv1.Deployment) int64 {
	n := d.Spec.Template.Spec.Containers[0].Resources.Limits[corev1.ResourceName(v1alpha1.DefaultAcceleratorResource)]
	return n.Value()
}
