package harness

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
)

const (
	// nodesTimeout 是等一批节点就绪的上限：一千个节点在两核上约半分钟。
	nodesTimeout = 3 * time.Minute
	// nodeCreators 是同时建节点的请求数。
	nodeCreators = 8
	// nvidiaGPU 是 NVIDIA 设备插件报告的资源名。
	nvidiaGPU = "nvidia.com/gpu"
)

// GPUNodes 是一批同样的节点，名字是 Prefix-0、Prefix-1……。
type GPUNodes struct {
	Prefix string
	Count  int
	// Product 与 MemoryMiB 写成 GPU Feature Discovery 的标签；空或零则没有那个标签。
	Product   string
	MemoryMiB int
	// GPUs 是每个节点的 GPU 数，零则是普通节点；ResourceName 空则 nvidia.com/gpu。
	GPUs         int
	ResourceName corev1.ResourceName
	// CPU、Memory 空则 96 与 1Ti。
	CPU, Memory string
	Labels      map[string]string
	Taints      []corev1.Taint
}

// AddGPUNodes 建一批假节点，等到它们就绪、可调度才返回；这是等待的上限，ctx 可以更早结束它。
func (m *Member) AddGPUNodes(ctx context.Context, n GPUNodes) error {
	capacity, err := n.capacity()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, nodesTimeout)
	defer cancel()
	ctx, release := m.alive(ctx)
	defer release()

	group, creating := errgroup.WithContext(ctx)
	group.SetLimit(nodeCreators)
	names := sets.New[string]()
	for i := range n.Count {
		node := n.node(i, capacity)
		if m.options.ControlPlaneOnly {
			node.Status.Conditions = []corev1.NodeCondition{readyCondition()}
		}
		names.Insert(node.Name)
		group.Go(func() error {
			if _, err := m.client.CoreV1().Nodes().Create(creating, node, metav1.CreateOptions{}); err != nil {
				return fmt.Errorf("create node %s in member cluster %s: %w", node.Name, m.Name, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return errors.Join(err, context.Cause(ctx))
	}
	return m.waitForNodes(ctx, names)
}

// waitForNodes 由 watch 得知节点就绪，节点再多也不必反复列出。
func (m *Member) waitForNodes(ctx context.Context, waiting sets.Set[string]) error {
	nodes := cache.NewListWatchFromClient(m.client.CoreV1().RESTClient(), "nodes", metav1.NamespaceAll, fields.Everything())
	_, err := watchtools.UntilWithSync(ctx, nodes, &corev1.Node{}, nil, func(event watch.Event) (bool, error) {
		if node, ok := event.Object.(*corev1.Node); ok && usable(node) {
			waiting.Delete(node.Name)
		}
		return waiting.Len() == 0, nil
	})
	if err != nil {
		return fmt.Errorf("wait for the nodes of member cluster %s: %d of them are not ready: %w",
			m.Name, waiting.Len(), errors.Join(err, context.Cause(ctx)))
	}
	return nil
}

// usable 判断节点就绪，并且控制器管理器已经去掉 not-ready 污点，Pod 可以马上排上去。
func usable(node *corev1.Node) bool {
	for _, taint := range node.Spec.Taints {
		if taint.Key == corev1.TaintNodeNotReady {
			return false
		}
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

// readyCondition 是没有 kwok 时由我们代写的就绪状态。
func readyCondition() corev1.NodeCondition {
	now := metav1.Now()
	return corev1.NodeCondition{
		Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady",
		LastHeartbeatTime: now, LastTransitionTime: now,
	}
}

// node 返回第 i 个节点。
func (n GPUNodes) node(i int, capacity corev1.ResourceList) *corev1.Node {
	name := n.Prefix + "-" + strconv.Itoa(i)
	labels := map[string]string{
		corev1.LabelHostname: name, corev1.LabelOSStable: "linux", corev1.LabelArchStable: "amd64",
	}
	if n.Product != "" {
		labels["nvidia.com/gpu.product"] = n.Product
	}
	if n.MemoryMiB != 0 {
		labels["nvidia.com/gpu.memory"] = strconv.Itoa(n.MemoryMiB)
	}
	for key, value := range n.Labels {
		labels[key] = value
	}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
		Spec:       corev1.NodeSpec{Taints: n.Taints},
		Status: corev1.NodeStatus{
			Capacity: capacity, Allocatable: capacity,
			Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeHostName, Address: name},
				{Type: corev1.NodeInternalIP, Address: fmt.Sprintf("10.128.%d.%d", i/250, i%250+1)},
			},
		},
	}
}

// capacity 返回每个节点的资源；建好之后 kwok 原样保留。
func (n GPUNodes) capacity() (corev1.ResourceList, error) {
	list := corev1.ResourceList{corev1.ResourcePods: resource.MustParse("110")}
	for name, amount := range map[corev1.ResourceName]string{
		corev1.ResourceCPU: orName(n.CPU, "96"), corev1.ResourceMemory: orName(n.Memory, "1Ti"),
	} {
		quantity, err := resource.ParseQuantity(amount)
		if err != nil {
			return nil, fmt.Errorf("parse the %s of the nodes %s, %q: %w", name, n.Prefix, amount, err)
		}
		list[name] = quantity
	}
	if n.GPUs > 0 {
		name := corev1.ResourceName(orName(string(n.ResourceName), nvidiaGPU))
		list[name] = *resource.NewQuantity(int64(n.GPUs), resource.DecimalSI)
	}
	return list, nil
}
