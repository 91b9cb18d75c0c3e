package e2e

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// TestFacts 看着 GPU 的数字跟着成员走：pod 来去、节点停用、卡不够、节点增减，始终是成员那一刻的样子。
func TestFacts(t *testing.T) {
	name := "facts"
	c := register(t, name, env.alpha, v1alpha1.DeletionOrphan)
	if id := systemUID(t, env.alpha); c.Status.ID != id {
		t.Errorf("the id is %q, want the UID of kube-system %q", c.Status.ID, id)
	}
	if !strings.HasPrefix(c.Status.Version, "v1.") || c.Status.Endpoint != env.alpha.APIServer.URL {
		t.Errorf("version %q, endpoint %q, want those of %s", c.Status.Version, c.Status.Endpoint, env.alpha.APIServer.URL)
	}
	empty := facts{nodes: v1alpha1.NodeSummary{Total: 3, Ready: 3, Schedulable: 3}, accelerators: []v1alpha1.Accelerator{
		accelerator(a100, "40Gi", 1, numbers{capacity: 4, allocatable: 4}, block(4, 1)),
		accelerator(h100, "81559Mi", 2, numbers{capacity: 16, allocatable: 16}, block(8, 2)),
	}}
	awaitFacts(t, name, "an empty member", empty)
	if out := harness.MustKubectl(t, env.platform.Kubeconfig, "", "get", "clusters", name); !strings.Contains(out, "20/20") {
		t.Errorf("kubectl get clusters does not show 20 of 20 GPUs free:\n%s", out)
	}

	runPods(t, env.alpha, "train", 2, 3, h100)
	awaitFacts(t, name, "holding two pods of 3 GPUs", facts{nodes: empty.nodes, accelerators: []v1alpha1.Accelerator{
		empty.accelerators[0], accelerator(h100, "81559Mi", 2, numbers{capacity: 16, allocatable: 16, allocated: 6}, freeAfter(t, env.alpha, "h100", 8)...),
	}})

	kubectl(t, env.alpha, "scale", "deployment", "train", "--replicas=5")
	waiting := await(t, name, "full but for blocks too small for a pod", func(c *v1alpha1.Cluster) error {
		for _, a := range c.Status.Accelerators {
			if a.Product == h100 && a.Allocated == 12 && a.Free == 4 && a.LargestFreeBlock == 2 && reflect.DeepEqual(a.FreeBlocks, []v1alpha1.FreeBlock{block(2, 2)}) {
				return nil
			}
		}
		return fmt.Errorf("the accelerators are %+v", c.Status.Accelerators)
	})
	harness.Eventually(t, "one pod to be pending", promptly, func(ctx) error {
		if pending := pendingPods(t, env.alpha, "train"); pending != 1 {
			return fmt.Errorf("%d pods are, while the accelerators are %+v", pending, waiting.Status.Accelerators)
		}
		return nil
	})

	kubectl(t, env.alpha, "cordon", "a100-0")
	await(t, name, "without the cordoned node", func(c *v1alpha1.Cluster) error {
		for _, a := range c.Status.Accelerators {
			if a.Product == a100 && (a.Capacity != 4 || a.Allocatable != 0 || a.Free != 0 || a.LargestFreeBlock != 0 || len(a.FreeBlocks) != 0) {
				return fmt.Errorf("the cordoned A100 are %+v", a)
			}
		}
		if *c.Status.Nodes != (v1alpha1.NodeSummary{Total: 3, Ready: 3, Schedulable: 2}) {
			return fmt.Errorf("the nodes are %+v", *c.Status.Nodes)
		}
		return nil
	})

	kubectl(t, env.alpha, "uncordon", "a100-0")
	kubectl(t, env.alpha, "delete", "deployment", "train", "--wait=false")
	awaitFacts(t, name, "an empty member again", empty)
}

// TestKubectlDescribe 保证人用 describe 看得到条件与事件。
func TestKubectlDescribe(t *testing.T) {
	register(t, "described", env.beta, v1alpha1.DeletionOrphan)
	harness.Eventually(t, "kubectl describe to show the events", promptly, func(c ctx) error {
		out, err := harness.Kubectl(c, env.platform.Kubeconfig, "", "describe", "cluster", "described")
		if err != nil {
			return err
		}
		for _, part := range []string{l40s, "Capacity Known", "Events:", "kubellm"} {
			if !strings.Contains(strings.ReplaceAll(out, "CapacityKnown", "Capacity Known"), part) {
				return fmt.Errorf("it does not show %q:\n%s", part, out)
			}
		}
		return nil
	})
}

// facts 是状态里来自监视的部分。
type facts struct {
	nodes        v1alpha1.NodeSummary
	accelerators []v1alpha1.Accelerator
}

func awaitFacts(t *testing.T, name, what string, want facts) {
	t.Helper()
	await(t, name, what, func(c *v1alpha1.Cluster) error {
		if c.Status.Nodes == nil || *c.Status.Nodes != want.nodes {
			return fmt.Errorf("the nodes are %+v, want %+v", c.Status.Nodes, want.nodes)
		}
		if len(c.Status.Accelerators) != len(want.accelerators) {
			return fmt.Errorf("there are %d accelerators, want %d", len(c.Status.Accelerators), len(want.accelerators))
		}
		for i, got := range c.Status.Accelerators {
			expected := want.accelerators[i]
			if got.Memory == nil || got.Memory.Cmp(*expected.Memory) != 0 {
				return fmt.Errorf("the memory of %s is %v, want %v", got.Product, got.Memory, expected.Memory)
			}
			got.Memory = expected.Memory
			if !reflect.DeepEqual(got, expected) {
				return fmt.Errorf("the accelerators are %+v, want %+v", got, expected)
			}
		}
		return has(v1alpha1.ConditionCapacityKnown, metav1.ConditionTrue, v1alpha1.ReasonWatching)(c)
	})
}

type numbers struct{ capacity, allocatable, allocated int32 }

// accelerator 由空闲块得出其余的数字。
func accelerator(product, memory string, nodes int32, n numbers, blocks ...v1alpha1.FreeBlock) v1alpha1.Accelerator {
	quantity := resource.MustParse(memory)
	a := v1alpha1.Accelerator{Product: product, ResourceName: "nvidia.com/gpu", Memory: &quantity, Nodes: nodes,
		Capacity: n.capacity, Allocatable: n.allocatable, Allocated: n.allocated, FreeBlocks: blocks}
	for _, b := range blocks {
		a.Free += b.Size * b.Nodes
		a.LargestFreeBlock = max(a.LargestFreeBlock, b.Size)
	}
	return a
}

func block(size, nodes int32) v1alpha1.FreeBlock { return v1alpha1.FreeBlock{Size: size, Nodes: nodes} }

// freeAfter 从成员自己那里数出一组节点的空闲块：调度器把 pod 放到哪里由它定，平台说的要与之一致。
func freeAfter(t *testing.T, m *harness.Member, prefix string, gpus int32) []v1alpha1.FreeBlock {
	t.Helper()
	used := map[string]int32{}
	for i := range 2 {
		used[fmt.Sprintf("%s-%d", prefix, i)] = 0
	}
	for _, pod := range pods(t, m) {
		if pod.Spec.NodeName != "" {
			quantity := pod.Spec.Containers[0].Resources.Requests["nvidia.com/gpu"]
			used[pod.Spec.NodeName] += int32(quantity.Value())
		}
	}
	counts := map[int32]int32{}
	for _, n := range used {
		counts[gpus-n]++
	}
	var blocks []v1alpha1.FreeBlock
	for size := gpus; size > 0; size-- {
		if counts[size] > 0 {
			blocks = append(blocks, block(size, counts[size]))
		}
	}
	return blocks
}

func pods(t *testing.T, m *harness.Member) []corev1.Pod {
	t.Helper()
	list, err := m.Client().CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

func pendingPods(t *testing.T, m *harness.Member, app string) int {
	t.Helper()
	count := 0
	for _, pod := range pods(t, m) {
		if pod.Labels["app"] == app && pod.Spec.NodeName == "" {
			count++
		}
	}
	return count
}

func systemUID(t *testing.T, m *harness.Member) string {
	t.Helper()
	ns, err := m.Client().CoreV1().Namespaces().Get(t.Context(), "kube-system", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return string(ns.UID)
}

// kubectl 在成员上动手。
func kubectl(t *testing.T, m *harness.Member, args ...string) {
	t.Helper()
	harness.MustKubectl(t, m.APIServer.Kubeconfig, "", args...)
}

// scheduling 是等成员自己调度的上限：它刚重启时，部件一个个接上。
const scheduling = 2 * time.Minute

// runPods 在成员上跑一个要 GPU 的 Deployment，并等 pod 都有了节点；测试结束时删掉。
func runPods(t *testing.T, m *harness.Member, name string, replicas, gpus int, product string) {
	t.Helper()
	runDeployment(t, m, "default", name, nil, replicas, gpus, product)
	harness.Eventually(t, fmt.Sprintf("%d pods of %s to be scheduled", replicas, name), scheduling, func(ctx) error {
		scheduled, why := 0, ""
		for _, pod := range pods(t, m) {
			if pod.Labels["app"] != name {
				continue
			}
			if pod.Spec.NodeName != "" {
				scheduled++
			}
			for _, c := range pod.Status.Conditions {
				why = c.Message
			}
		}
		if scheduled != replicas {
			return fmt.Errorf("%d are: %s", scheduled, why)
		}
		return nil
	})
}
