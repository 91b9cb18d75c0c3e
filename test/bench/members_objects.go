package main

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubellm/kubellm/test/harness"
)

// populate 给一个成员装上节点与 Pod，大小与真实的相近：节点带镜像清单，Pod 带环境变量与状态。
func populate(ctx context.Context, m *harness.Member, s settings) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(s.clients)
	for i := range s.memberNodes {
		group.Go(func() error {
			_, err := m.Client().CoreV1().Nodes().Create(ctx, benchNode(i), metav1.CreateOptions{})
			return err
		})
	}
	pods := m.Client().CoreV1().Pods(metav1.NamespaceDefault)
	for i := range s.memberPods {
		group.Go(func() error {
			created, err := pods.Create(ctx, benchPod(i, s.memberNodes), metav1.CreateOptions{})
			if err != nil {
				return err
			}
			created.Status = runningStatus()
			_, err = pods.UpdateStatus(ctx, created, metav1.UpdateOptions{})
			return err
		})
	}
	return group.Wait()
}

// benchNode 是一个就绪的 GPU 节点。
func benchNode(i int) *corev1.Node {
	list := corev1.ResourceList{
		"nvidia.com/gpu": *resource.NewQuantity(gpusPerNode, resource.DecimalSI), corev1.ResourceCPU: resource.MustParse("192"),
		corev1.ResourceMemory: resource.MustParse("2Ti"), corev1.ResourcePods: resource.MustParse("110"),
	}
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("gpu-%04d", i), Labels: map[string]string{
			"nvidia.com/gpu.product": fmt.Sprintf("NVIDIA-H100-%d", i%4), "nvidia.com/gpu.memory": "81559",
			corev1.LabelTopologyZone: fmt.Sprintf("zone-%d", i%3),
		}},
		Status: corev1.NodeStatus{Capacity: list, Allocatable: list},
	}
	for j := range 40 {
		node.Labels[fmt.Sprintf("feature.node.kubernetes.io/cpu-feature-%d", j)] = "true"
	}
	for j := range 50 {
		node.Status.Images = append(node.Status.Images, corev1.ContainerImage{
			Names: []string{fmt.Sprintf("registry.example.org/team/image-%d@sha256:%064d", j, j)}, SizeBytes: 1 << 30})
	}
	for _, kind := range []corev1.NodeConditionType{corev1.NodeMemoryPressure, corev1.NodeDiskPressure, corev1.NodePIDPressure, corev1.NodeReady} {
		status := corev1.ConditionFalse
		if kind == corev1.NodeReady {
			status = corev1.ConditionTrue
		}
		node.Status.Conditions = append(node.Status.Conditions, corev1.NodeCondition{Type: kind, Status: status, Reason: "Kubelet", Message: "kubelet says so"})
	}
	return node
}

// benchPod 是一个已绑到节点上、占一块 GPU 的 Pod。
func benchPod(i, nodes int) *corev1.Pod {
	list := corev1.ResourceList{
		"nvidia.com/gpu": *resource.NewQuantity(1, resource.DecimalSI), corev1.ResourceCPU: resource.MustParse("8"),
		corev1.ResourceMemory: resource.MustParse("64Gi"),
	}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprintf("job-7d9f8c6b5-%05d", i), Labels: map[string]string{"app": "training", "team": fmt.Sprintf("team-%d", i%20)},
			Annotations: map[string]string{"checksum/config": fmt.Sprintf("%064d", i)},
		},
		Spec: corev1.PodSpec{NodeName: fmt.Sprintf("gpu-%04d", i%nodes), Containers: []corev1.Container{{
			Name: "main", Image: "registry.example.org/team/trainer:1.2.3", Args: []string{"--epochs", "10"},
			Resources: corev1.ResourceRequirements{Requests: list, Limits: list},
		}}},
	}
	for j := range 15 {
		pod.Spec.Containers[0].Env = append(pod.Spec.Containers[0].Env, corev1.EnvVar{Name: fmt.Sprintf("SETTING_%d", j), Value: "some value of a setting"})
	}
	return pod
}

func runningStatus() corev1.PodStatus {
	status := corev1.PodStatus{Phase: corev1.PodRunning, HostIP: "10.0.0.1", PodIP: "10.1.0.1",
		ContainerStatuses: []corev1.ContainerStatus{{Name: "main", Ready: true, Image: "registry.example.org/team/trainer:1.2.3",
			ImageID: "registry.example.org/team/trainer@sha256:0000", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Now()}}}}}
	for _, kind := range []corev1.PodConditionType{corev1.PodScheduled, corev1.PodInitialized, corev1.ContainersReady, corev1.PodReady} {
		status.Conditions = append(status.Conditions, corev1.PodCondition{Type: kind, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Now()})
	}
	return status
}
