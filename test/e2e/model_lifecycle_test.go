package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// TestModelLives 放上、伸缩、在满员的卡上滚动、修复被人动过的、暂停与恢复。
func TestModelLives(t *testing.T) {
	register(t, "lives", env.beta, clusterv1alpha1.DeletionOrphan)
	deploy(t, wish{name: "chat", clusters: []string{"lives"}, replicas: 1, gpus: 2})
	m := awaitModel(t, "chat", "serving", promptly, serves("lives"))
	awaitServing(t, env.beta, m, 1)
	if m.Status.Endpoint == "" || m.Status.Placements[0].ManifestHash == "" || m.Status.Placements[0].Product != l40s {
		t.Errorf("endpoint, manifest hash and product are missing: %+v", m.Status)
	}

	harness.MustKubectl(t, env.platform.Kubeconfig, "", "scale", "model", "chat", "-n", team, "--replicas=2")
	m = awaitModel(t, "chat", "scaled to the whole pool", promptly, serves("lives"))
	d := awaitServing(t, env.beta, m, 2)

	change(t, "chat", `{"spec":{"engine":{"args":["--seed=1"]}}}`)
	m = awaitModel(t, "chat", "rolled out on a full pool", promptly, serves("lives"))
	if rolled := awaitServing(t, env.beta, m, 2); rolled.Generation <= d.Generation {
		t.Errorf("nothing was rolled out: generation %d, before %d", rolled.Generation, d.Generation)
	}

	tamper := []byte(`{"spec":{"template":{"spec":{"containers":[{"name":"` + d.Spec.Template.Spec.Containers[0].Name + `","image":"example.org/other:1"}]}}}}`)
	if _, err := env.beta.Client().AppsV1().Deployments(d.Namespace).Patch(t.Context(), d.Name, types.StrategicMergePatchType, tamper, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := env.beta.Client().CoreV1().Services(d.Namespace).Delete(t.Context(), d.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, "the drift to be repaired", promptly, func(ctx context.Context) error {
		now, err := env.beta.Client().AppsV1().Deployments(d.Namespace).Get(ctx, d.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if image := now.Spec.Template.Spec.Containers[0].Image; image != "example.org/vllm:1" {
			return fmt.Errorf("the image is %s", image)
		}
		_, err = env.beta.Client().CoreV1().Services(d.Namespace).Get(ctx, d.Name, metav1.GetOptions{})
		return err
	})

	change(t, "chat", `{"spec":{"suspended":true}}`)
	awaitModel(t, "chat", "suspended", promptly, func(m *v1alpha1.Model) error {
		if m.Status.Replicas != 0 {
			return fmt.Errorf("%d replicas are left", m.Status.Replicas)
		}
		return is(metav1.ConditionFalse, v1alpha1.ReasonSuspended, "lives")(m)
	})
	change(t, "chat", `{"spec":{"suspended":false}}`)
	m = awaitModel(t, "chat", "resumed", promptly, serves("lives"))
	awaitServing(t, env.beta, m, 2)
}

// TestModelCrashes 崩溃的引擎的遗言到得了 kubectl describe。
func TestModelCrashes(t *testing.T) {
	register(t, "crashes", env.beta, clusterv1alpha1.DeletionOrphan)
	deploy(t, wish{name: "broken", clusters: []string{"crashes"}, replicas: 1, gpus: 1})
	m := awaitModel(t, "broken", "serving", promptly, serves("crashes"))
	pods, err := env.beta.Client().CoreV1().Pods(workloads).List(t.Context(), metav1.ListOptions{LabelSelector: v1alpha1.LabelModelUID + "=" + string(m.UID)})
	if err != nil || len(pods.Items) != 1 {
		t.Fatalf("one pod is wanted: %v, %d", err, len(pods.Items))
	}
	crash := []byte(`{"metadata":{"annotations":{"` + harness.FailAnnotation + `":"CUDA out of memory"}}}`)
	if _, err := env.beta.Client().CoreV1().Pods(workloads).Patch(t.Context(), pods.Items[0].Name, types.MergePatchType, crash, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	awaitModel(t, "broken", "failing", promptly, is(metav1.ConditionFalse, v1alpha1.ReasonReplicasFailing))
	harness.Eventually(t, "kubectl describe to show status and event", promptly, func(context.Context) error {
		text := harness.MustKubectl(t, env.platform.Kubeconfig, "", "describe", "model", "broken", "-n", team)
		status, events, _ := strings.Cut(text, "\nEvents:")
		if !strings.Contains(status, "CUDA out of memory") || !strings.Contains(events, "CUDA out of memory") {
			return fmt.Errorf("the last words are missing in %s", text)
		}
		return nil
	})
}

// TestModelsReserve 两个同时建的模型不会得到同一批空闲的卡。
func TestModelsReserve(t *testing.T) {
	register(t, "reserves", env.beta, clusterv1alpha1.DeletionOrphan)
	a, b := wish{name: "first", clusters: []string{"reserves"}, replicas: 1, gpus: 3}, wish{name: "second", clusters: []string{"reserves"}, replicas: 1, gpus: 3}
	deploy(t, a)
	deploy(t, b)
	// 谁先轮到都对，只是不能都得到。
	winner, loser := a.name, b.name
	harness.Eventually(t, "one of two models to serve and the other to be placed nowhere", promptly, func(context.Context) error {
		errs := []error{}
		for range 2 {
			err := errors.Join(serves("reserves")(modelNow(t, winner)), is(metav1.ConditionFalse, v1alpha1.ReasonNoClusterFits)(modelNow(t, loser)))
			if err == nil {
				return nil
			}
			errs = append(errs, err)
			winner, loser = loser, winner
		}
		return errors.Join(errs...)
	})
	harness.MustKubectl(t, env.platform.Kubeconfig, "", "delete", "model", winner, "-n", team, "--timeout=3m")
	awaitModel(t, loser, "serving once there is room", promptly, serves("reserves"))
}
