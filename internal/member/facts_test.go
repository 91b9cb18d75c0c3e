package member

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
)

const (
	gpu  = corev1.ResourceName("nvidia.com/gpu")
	mig  = corev1.ResourceName("nvidia.com/mig-1g.10gb")
	h100 = "NVIDIA-H100-80GB-HBM3"
)

// nodeWith 是一个就绪的节点，有 n 块加速器。
func nodeWith(name string, resourceName corev1.ResourceName, n int64, labels map[string]string) *corev1.Node {
	list := corev1.ResourceList{resourceName: *resource.NewQuantity(n, resource.DecimalSI), corev1.ResourceCPU: resource.MustParse("64")}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
		Status: corev1.NodeStatus{
			Capacity: list, Allocatable: list,
			Conditions: []corev1.NodeCondition{
				{Type: corev1.NodeMemoryPressure, Status: corev1.ConditionFalse},
				{Type: corev1.NodeReady, Status: corev1.ConditionTrue},
			},
		},
	}
}

func h100Node(name string, n int64) *corev1.Node {
	return nodeWith(name, gpu, n, map[string]string{"nvidia.com/gpu.product": h100, "nvidia.com/gpu.memory": "81559"})
}

func asking(resourceName corev1.ResourceName, n int64) corev1.Container {
	return corev1.Container{Name: "main", Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
		resourceName: *resource.NewQuantity(n, resource.DecimalSI), corev1.ResourceCPU: resource.MustParse("1"),
	}}}
}

func podOn(name, node string, containers ...corev1.Container) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: name},
		Spec:       corev1.PodSpec{NodeName: node, Containers: containers},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning},
	}
}

func with[T any](object T, change func(T)) T {
	change(object)
	return object
}

func sidecar(c corev1.Container) corev1.Container {
	c.RestartPolicy = ptr.To(corev1.ContainerRestartPolicyAlways)
	return c
}

func TestFacts(t *testing.T) {
	memory := resource.MustParse("81559Mi")
	row := func(a v1alpha1.Accelerator) []v1alpha1.Accelerator {
		a.Product, a.ResourceName, a.Memory = h100, string(gpu), &memory
		return []v1alpha1.Accelerator{a}
	}
	oneNode := v1alpha1.NodeSummary{Total: 1, Ready: 1, Schedulable: 1}
	cases := map[string]struct {
		reason  string
		nodes   []*corev1.Node
		pods    []*corev1.Pod
		summary v1alpha1.NodeSummary
		want    []v1alpha1.Accelerator
	}{
		"Nothing": {reason: "a member without nodes"},
		"NoAccelerators": {
			reason:  "plain nodes count, and have no row",
			nodes:   []*corev1.Node{nodeWith("a", corev1.ResourceMemory, 1<<30, nil)},
			pods:    []*corev1.Pod{podOn("p", "a", asking(corev1.ResourceMemory, 1))},
			summary: oneNode,
		},
		"Fragmented": {
			reason:  "what is free is told by node, because a pod runs on one",
			nodes:   []*corev1.Node{h100Node("a", 8), h100Node("b", 8), h100Node("c", 8)},
			pods:    []*corev1.Pod{podOn("p", "a", asking(gpu, 6)), podOn("q", "b", asking(gpu, 4), asking(gpu, 2))},
			summary: v1alpha1.NodeSummary{Total: 3, Ready: 3, Schedulable: 3},
			want: row(v1alpha1.Accelerator{Nodes: 3, Capacity: 24, Allocatable: 24, Allocated: 12, Free: 12, LargestFreeBlock: 8,
				FreeBlocks: []v1alpha1.FreeBlock{{Size: 8, Nodes: 1}, {Size: 2, Nodes: 2}}}),
		},
		"CordonedAndNotReady": {
			reason: "they have their capacity and keep their pods, but nothing more can go there",
			nodes: []*corev1.Node{
				with(h100Node("a", 8), func(n *corev1.Node) { n.Spec.Unschedulable = true }),
				with(h100Node("b", 8), func(n *corev1.Node) { n.Status.Conditions[1].Status = corev1.ConditionUnknown }),
			},
			pods:    []*corev1.Pod{podOn("p", "a", asking(gpu, 3))},
			summary: v1alpha1.NodeSummary{Total: 2, Ready: 1},
			want:    row(v1alpha1.Accelerator{Nodes: 2, Capacity: 16, Allocated: 3}),
		},
		"Overcommitted": {
			reason: "devices that failed after the pods came leave nothing free, and take nothing from other nodes",
			nodes: []*corev1.Node{with(h100Node("a", 8), func(n *corev1.Node) {
				n.Status.Allocatable = corev1.ResourceList{gpu: resource.MustParse("2")}
			}), h100Node("b", 1)},
			pods:    []*corev1.Pod{podOn("p", "a", asking(gpu, 8))},
			summary: v1alpha1.NodeSummary{Total: 2, Ready: 2, Schedulable: 2},
			want: row(v1alpha1.Accelerator{Nodes: 2, Capacity: 9, Allocatable: 3, Allocated: 8, Free: 1, LargestFreeBlock: 1,
				FreeBlocks: []v1alpha1.FreeBlock{{Size: 1, Nodes: 1}}}),
		},
		"Phases": {
			reason: "a terminating pod holds until it is gone; finished ones and those without a node hold nothing",
			nodes:  []*corev1.Node{h100Node("a", 8)},
			pods: []*corev1.Pod{
				with(podOn("terminating", "a", asking(gpu, 1)), func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{Time: time.Now()} }),
				with(podOn("starting", "a", asking(gpu, 2)), func(p *corev1.Pod) { p.Status.Phase = corev1.PodPending }),
				with(podOn("done", "a", asking(gpu, 1)), func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }),
				with(podOn("crashed", "a", asking(gpu, 1)), func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }),
				podOn("unbound", "", asking(gpu, 1)),
				podOn("on a node that is gone", "z", asking(gpu, 1)),
			},
			summary: oneNode,
			want: row(v1alpha1.Accelerator{Nodes: 1, Capacity: 8, Allocatable: 8, Allocated: 3, Free: 5, LargestFreeBlock: 5,
				FreeBlocks: []v1alpha1.FreeBlock{{Size: 5, Nodes: 1}}}),
		},
		"InitContainers": {
			reason: "the scheduler reserves the largest step: 3 in the init container beside the sidecar's 1, more than 1+2 later",
			nodes:  []*corev1.Node{h100Node("a", 8)},
			pods: []*corev1.Pod{with(podOn("p", "a", asking(gpu, 2)), func(p *corev1.Pod) {
				p.Spec.InitContainers = []corev1.Container{sidecar(asking(gpu, 1)), asking(gpu, 3)}
			})},
			summary: oneNode,
			want: row(v1alpha1.Accelerator{Nodes: 1, Capacity: 8, Allocatable: 8, Allocated: 4, Free: 4, LargestFreeBlock: 4,
				FreeBlocks: []v1alpha1.FreeBlock{{Size: 4, Nodes: 1}}}),
		},
		"Kinds": {
			reason: "one row a product and resource in alphabetical order; no label is unknown; vendors' extras are not devices",
			nodes: []*corev1.Node{
				nodeWith("mig", mig, 7, map[string]string{string(mig) + ".product": "A100-MIG", string(mig) + ".memory": "9728"}),
				nodeWith("amd", "amd.com/gpu", 8, map[string]string{"amd.com/gpu.product-name": "MI300X", "amd.com/gpu.vram": "192G"}),
				nodeWith("gke", gpu, 1, map[string]string{"cloud.google.com/gke-accelerator": "nvidia-l4"}),
				nodeWith("gaudi", "habana.ai/gaudi", 8, nil),
				nodeWith("intel", "gpu.intel.com/i915_monitoring", 1, nil),
			},
			summary: v1alpha1.NodeSummary{Total: 5, Ready: 5, Schedulable: 5},
			want: []v1alpha1.Accelerator{
				idle("A100-MIG", mig, 7, "9728Mi"), idle("MI300X", "amd.com/gpu", 8, "192Gi"),
				idle("nvidia-l4", gpu, 1, ""), idle("unknown", "habana.ai/gaudi", 8, ""),
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			summary, got := Facts(tc.nodes, tc.pods)
			if summary != tc.summary {
				t.Errorf("%s: got nodes %+v, want %+v", tc.reason, summary, tc.summary)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s: -want +got:\n%s", tc.reason, diff)
			}
			// 剥过的算出来必须一样：缓存与账里只有剥过的。
			slimNodes, slimPods := stripAll(tc.nodes, tc.pods)
			slimSummary, slim := Facts(slimNodes, slimPods)
			if diff := cmp.Diff(got, slim); diff != "" || slimSummary != summary {
				t.Errorf("%s: stripped objects give other facts: -whole +stripped:\n%s", tc.reason, diff)
			}
		})
	}
}

// idle 是一行没有人用的加速器，全在一个节点上。
func idle(product string, resourceName corev1.ResourceName, n int32, memory string) v1alpha1.Accelerator {
	a := v1alpha1.Accelerator{
		Product: product, ResourceName: string(resourceName), Nodes: 1, Capacity: n, Allocatable: n, Free: n,
		LargestFreeBlock: n, FreeBlocks: []v1alpha1.FreeBlock{{Size: n, Nodes: 1}},
	}
	if memory != "" {
		a.Memory = ptr.To(resource.MustParse(memory))
	}
	return a
}

func stripAll(nodes []*corev1.Node, pods []*corev1.Pod) (slimNodes []*corev1.Node, slimPods []*corev1.Pod) {
	for _, node := range nodes {
		slim, _ := stripNode(node)
		slimNodes = append(slimNodes, slim)
	}
	for _, pod := range pods {
		if slim, keep := stripPod(pod); keep {
			slimPods = append(slimPods, slim)
		}
	}
	return slimNodes, slimPods
}

func TestStripPod(t *testing.T) {
	whole := with(podOn("p", "a", asking(gpu, 1), asking(corev1.ResourceMemory, 1)), func(p *corev1.Pod) {
		p.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "kubelet"}}
		p.Annotations = map[string]string{"note": "long"}
		p.Labels = map[string]string{"app": "chat", v1alpha1.LabelClusterUID: "u", "notkubellm.io/x": "y"}
		p.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "TOKEN", Value: "secret"}}
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "main"}}
	})
	want := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "p", Labels: map[string]string{v1alpha1.LabelClusterUID: "u"}},
		Spec: corev1.PodSpec{NodeName: "a", Containers: []corev1.Container{{
			Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{gpu: resource.MustParse("1")}},
		}}},
		Status: corev1.PodStatus{Phase: corev1.PodRunning},
	}
	slim, keep := stripPod(whole)
	if diff := cmp.Diff(want, slim); diff != "" || !keep {
		t.Errorf("kept: %v, -want +got:\n%s", keep, diff)
	}
	if _, keep := stripPod(podOn("web", "a", asking(corev1.ResourceMemory, 1))); keep {
		t.Error("a pod that has nothing to do with the platform must not be kept")
	}
}

// history 随机地改动一个成员，同时喂给账本。
type history struct {
	rand   *rand.Rand
	ledger *ledger
	nodes  map[types.NamespacedName]*corev1.Node
	pods   map[types.NamespacedName]*corev1.Pod
}

// step 做一件成员里会发生的事：次序任意，连 Pod 先于节点出现也在内。
func (h *history) step() {
	nodeName := fmt.Sprintf("node-%d", h.rand.IntN(6))
	nodeKey := types.NamespacedName{Name: nodeName}
	podKey := types.NamespacedName{Namespace: "team", Name: fmt.Sprintf("pod-%d", h.rand.IntN(20))}
	switch h.rand.IntN(10) {
	case 0:
		delete(h.nodes, nodeKey)
		h.ledger.removeNode(nodeKey)
	case 1, 2:
		node := with(h100Node(nodeName, h.rand.Int64N(9)), func(n *corev1.Node) { n.Spec.Unschedulable = h.rand.IntN(4) == 0 })
		h.nodes[nodeKey] = node
		h.ledger.setNode(node)
	case 3, 4:
		delete(h.pods, podKey)
		h.ledger.removePod(podKey)
	case 5:
		h.relist()
	default:
		on := []string{nodeName, ""}[h.rand.IntN(2)]
		resourceName := []corev1.ResourceName{gpu, mig, corev1.ResourceCPU}[h.rand.IntN(3)]
		phase := []corev1.PodPhase{corev1.PodRunning, corev1.PodPending, corev1.PodFailed}[h.rand.IntN(3)]
		pod := with(podOn(podKey.Name, on, asking(resourceName, h.rand.Int64N(5))), func(p *corev1.Pod) { p.Status.Phase = phase })
		h.pods[podKey] = pod
		h.ledger.setPod(pod)
	}
}

// relist 断开一阵之后重新列出：其间少了的、变了的都要对得上。
func (h *history) relist() {
	for key, pod := range h.pods {
		switch h.rand.IntN(4) {
		case 0:
			delete(h.pods, key)
		case 1:
			moved := pod.DeepCopy()
			moved.Spec.NodeName = fmt.Sprintf("node-%d", h.rand.IntN(6))
			h.pods[key] = moved
		}
	}
	for key := range h.nodes {
		if h.rand.IntN(4) == 0 {
			delete(h.nodes, key)
		}
	}
	h.ledger.replacePods(h.pods)
	h.ledger.replaceNodes(h.nodes)
}

// TestLedgerEqualsFacts 对任意的历史，增量记的账与从头算的一样。
func TestLedgerEqualsFacts(t *testing.T) {
	for seed := range uint64(300) {
		h := &history{rand: rand.New(rand.NewPCG(seed, 7)), ledger: newLedger(),
			nodes: map[types.NamespacedName]*corev1.Node{}, pods: map[types.NamespacedName]*corev1.Pod{}}
		for n := range 80 {
			h.step()
			summary, got := h.ledger.summary()
			wantSummary, want := Facts(values(h.nodes), values(h.pods))
			if diff := cmp.Diff(want, got); diff != "" || summary != wantSummary {
				t.Fatalf("seed %d, step %d: nodes %+v, want %+v; -want +got:\n%s", seed, n, summary, wantSummary, diff)
			}
		}
		h.ledger.replacePods(nil)
		h.ledger.replaceNodes(nil)
		if len(h.ledger.nodes) != 0 || len(h.ledger.pods) != 0 {
			t.Fatalf("seed %d: an empty member leaves %d nodes and %d pods in the ledger", seed, len(h.ledger.nodes), len(h.ledger.pods))
		}
	}
}

func values[T any](objects map[types.NamespacedName]T) []T {
	all := make([]T, 0, len(objects))
	for _, object := range objects {
		all = append(all, object)
	}
	return all
}

// bigLedger 是一千个节点、五千个 Pod 的账。
func bigLedger() (*ledger, []*corev1.Pod) {
	l := newLedger()
	var pods []*corev1.Pod
	for i := range 1000 {
		node, _ := stripNode(h100Node(fmt.Sprintf("node-%d", i), 8))
		l.setNode(node)
	}
	for i := range 5000 {
		pod, _ := stripPod(podOn(fmt.Sprintf("pod-%d", i), fmt.Sprintf("node-%d", i%1000), asking(gpu, 1)))
		pods = append(pods, pod)
		l.setPod(pod)
	}
	return l, pods
}

// BenchmarkPodEvent 是一个 Pod 来或去的花费，不含结算。
func BenchmarkPodEvent(b *testing.B) {
	l, pods := bigLedger()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		pod := pods[i%len(pods)]
		if i/len(pods)%2 == 0 {
			l.removePod(types.NamespacedName{Namespace: pod.Namespace, Name: pod.Name})
		} else {
			l.setPod(pod)
		}
	}
}

// BenchmarkStripPod 是一个完整的 Pod 变成缓存里那个的花费。
func BenchmarkStripPod(b *testing.B) {
	pod := podOn("p", "a", asking(gpu, 1), asking(corev1.ResourceMemory, 1))
	b.ReportAllocs()
	for b.Loop() {
		if _, keep := stripPod(pod); !keep {
			b.Fatal("it asks for an accelerator")
		}
	}
}

// BenchmarkSummary 是一次结算的花费，每秒至多一次。
func BenchmarkSummary(b *testing.B) {
	l, _ := bigLedger()
	b.ReportAllocs()
	for b.Loop() {
		if nodes, _ := l.summary(); nodes.Total != 1000 {
			b.Fatalf("%d nodes", nodes.Total)
		}
	}
}

func TestCapabilities(t *testing.T) {
	all := groups{"gateway.networking.k8s.io": nil, "keda.sh": nil, kserveGroup: {"inferenceservices", kserveResource}}
	cases := map[string]struct {
		reason  string
		served  groups
		version string
		want    []v1alpha1.Capability
	}{
		"All":       {"everything is there", all, "v1.37.2", []v1alpha1.Capability{"GatewayAPI", "ImageVolumes", "KEDA", "KServe"}},
		"OldKServe": {"InferenceService alone is not enough", groups{kserveGroup: {"inferenceservices"}}, "v1.34.9", nil},
		"Vendor":    {"a vendor's suffix is not part of the version", nil, "v1.35.1-gke.1000", []v1alpha1.Capability{"ImageVolumes"}},
		"Beta":      {"image volumes were beta but off in 1.33 and 1.34", nil, "v1.34.0+k3s1", nil},
		"Garbled":   {"nothing is claimed of a version that cannot be read", nil, "unknown", nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := capabilities(tc.served, tc.version); !slices.Equal(got, tc.want) {
				t.Errorf("%s: got %v, want %v", tc.reason, got, tc.want)
			}
		})
	}
}
