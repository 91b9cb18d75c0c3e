package member

import (
	"cmp"
	"iter"
	"maps"
	"math"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
)

// maxRows 与 maxBlocks 让状态总写得下：真的成员远不到这么多，谎报的也占不满 etcd 的一个对象。
const (
	maxRows   = 128
	maxBlocks = 128
)

// Facts 从节点与 Pod 算出容量，是增量算法的准绳。
func Facts(nodes []*corev1.Node, pods []*corev1.Pod) (v1alpha1.NodeSummary, []v1alpha1.Accelerator) {
	seen := make(map[string]*nodeFacts, len(nodes))
	for _, node := range nodes {
		facts := factsOf(node)
		seen[node.Name] = &facts
	}
	for _, pod := range pods {
		h := holdingOf(pod)
		if facts := seen[h.node]; facts != nil {
			facts.use(h.uses, +1)
		}
	}
	return summarize(maps.Values(seen))
}

// nodeFacts 是一个节点上与容量有关的一切。
type nodeFacts struct {
	ready, schedulable bool
	devices            []device
	// used 是节点上的 Pod 占用的，按资源。
	used map[corev1.ResourceName]int64
}

// device 是一个节点上的一种加速器。
type device struct {
	resource              corev1.ResourceName
	product               string
	memory                int64
	capacity, allocatable int64
}

// factsOf 读出节点自己的部分；占用另记。
func factsOf(node *corev1.Node) nodeFacts {
	facts := nodeFacts{ready: isReady(node)}
	facts.schedulable = facts.ready && !node.Spec.Unschedulable
	for name, capacity := range node.Status.Capacity {
		labelling, ok := labellingOf(name)
		if !ok || len(validation.IsQualifiedName(string(name))) > 0 {
			continue
		}
		allocatable := node.Status.Allocatable[name]
		facts.devices = append(facts.devices, device{
			resource: name, product: labelling.product(node.Labels), memory: labelling.memoryBytes(node.Labels),
			capacity: reported(capacity), allocatable: reported(allocatable),
		})
	}
	return facts
}

// reported 读成员报来的数，收进状态里放得下的范围：离谱的数加起来才不会绕回来。
func reported(quantity resource.Quantity) int64 { return int64(count(quantity.Value())) }

func isReady(node *corev1.Node) bool {
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

// use 把一个 Pod 的占用加上或减去。
func (f *nodeFacts) use(uses []use, sign int64) {
	for _, u := range uses {
		if f.used == nil {
			f.used = make(map[corev1.ResourceName]int64, 1)
		}
		if f.used[u.resource] += sign * u.count; f.used[u.resource] == 0 {
			delete(f.used, u.resource)
		}
	}
}

// holding 是一个 Pod 在一个节点上占着的；零值是什么也没占。
type holding struct {
	node string
	uses []use
}

type use struct {
	resource corev1.ResourceName
	count    int64
}

// holdingOf 说一个 Pod 占着什么：没有绑到节点的和已经结束的不占，正在终止的一直占到消失。
func holdingOf(pod *corev1.Pod) holding {
	if pod.Spec.NodeName == "" || pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return holding{}
	}
	requests := podAccelerators(pod)
	if len(requests) == 0 {
		return holding{}
	}
	h := holding{node: pod.Spec.NodeName, uses: make([]use, 0, len(requests))}
	for name, quantity := range requests {
		if count := reported(quantity); count > 0 {
			h.uses = append(h.uses, use{resource: name, count: count})
		}
	}
	slices.SortFunc(h.uses, func(a, b use) int { return cmp.Compare(a.resource, b.resource) })
	return h
}

// kind 是状态里的一行：一种产品以一种资源提供。
type kind struct {
	product  string
	resource corev1.ResourceName
}

// tally 是一行的累计。
type tally struct {
	nodes                                  int64
	capacity, allocatable, allocated, free int64
	// memory 是各节点标明的最小值：放得进最小的，才处处放得进。
	memory int64
	// blocks 是空闲数到节点数。
	blocks map[int64]int64
}

// summarize 把各节点加成总账。
func summarize(nodes iter.Seq[*nodeFacts]) (v1alpha1.NodeSummary, []v1alpha1.Accelerator) {
	var summary v1alpha1.NodeSummary
	tallies := map[kind]*tally{}
	for node := range nodes {
		summary.Total++
		if node.ready {
			summary.Ready++
		}
		if node.schedulable {
			summary.Schedulable++
		}
		for i := range node.devices {
			d := &node.devices[i]
			used := node.used[d.resource]
			if d.capacity <= 0 && used <= 0 {
				continue
			}
			key := kind{d.product, d.resource}
			t := tallies[key]
			if t == nil {
				t = &tally{blocks: map[int64]int64{}}
				tallies[key] = t
			}
			t.add(d, used, node.schedulable)
		}
	}
	return summary, rows(tallies)
}

// add 加上一个节点的一种加速器；用超了的节点没有空闲，也不欠别人的。
func (t *tally) add(d *device, used int64, schedulable bool) {
	if d.capacity > 0 {
		t.nodes++
	}
	t.capacity += d.capacity
	t.allocated += used
	if d.memory > 0 && (t.memory == 0 || d.memory < t.memory) {
		t.memory = d.memory
	}
	if !schedulable {
		return
	}
	t.allocatable += d.allocatable
	if free := d.allocatable - used; free > 0 {
		t.free += free
		t.blocks[free]++
	}
}

// rows 按产品与资源的字母顺序列出，次序固定才不会无故写状态。
func rows(tallies map[kind]*tally) []v1alpha1.Accelerator {
	var all []v1alpha1.Accelerator
	for key, t := range tallies {
		row := v1alpha1.Accelerator{
			Product: key.product, ResourceName: string(key.resource), Nodes: count(t.nodes),
			Capacity: count(t.capacity), Allocatable: count(t.allocatable), Allocated: count(t.allocated), Free: count(t.free),
		}
		if t.memory > 0 {
			row.Memory = resource.NewQuantity(t.memory, resource.BinarySI)
		}
		for _, size := range slices.Backward(slices.Sorted(maps.Keys(t.blocks))) {
			if len(row.FreeBlocks) == maxBlocks {
				break
			}
			row.FreeBlocks = append(row.FreeBlocks, v1alpha1.FreeBlock{Size: count(size), Nodes: count(t.blocks[size])})
		}
		if len(row.FreeBlocks) > 0 {
			row.LargestFreeBlock = row.FreeBlocks[0].Size
		}
		all = append(all, row)
	}
	slices.SortFunc(all, func(a, b v1alpha1.Accelerator) int {
		return cmp.Or(cmp.Compare(a.Product, b.Product), cmp.Compare(a.ResourceName, b.ResourceName))
	})
	return all[:min(len(all), maxRows)]
}

// count 换成状态里的整数；成员报来的数再离谱也不绕回负数。
func count(n int64) int32 { return int32(min(max(n, 0), math.MaxInt32)) }
