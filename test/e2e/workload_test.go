package e2e

import (
	"context"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/test/harness"
)

type ctx = context.Context

// runDeployment 在成员上建一个要 GPU 的 Deployment；测试结束时删掉。
func runDeployment(t *testing.T, m *harness.Member, namespace, name string, labels map[string]string, replicas, gpus int, product string) {
	t.Helper()
	app := map[string]string{"app": name}
	request := corev1.ResourceList{"nvidia.com/gpu": *resource.NewQuantity(int64(gpus), resource.DecimalSI)}
	_, err := m.Client().AppsV1().Deployments(namespace).Create(t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To(int32(replicas)),
			Selector: &metav1.LabelSelector{MatchLabels: app},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: app},
				Spec: corev1.PodSpec{
					NodeSelector:                  map[string]string{"nvidia.com/gpu.product": product},
					TerminationGracePeriodSeconds: ptr.To(int64(0)),
					Containers:                    []corev1.Container{{Name: "engine", Image: "example.org/engine:1", Resources: corev1.ResourceRequirements{Requests: request, Limits: request}}},
				},
			},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// 控制面可能正停着；那时别的清理会先把它启动起来。
		err := m.Client().AppsV1().Deployments(namespace).Delete(context.Background(), name, metav1.DeleteOptions{PropagationPolicy: ptr.To(metav1.DeletePropagationBackground)})
		if err != nil && !apierrors.IsNotFound(err) {
			t.Error(err)
		}
	})
}
