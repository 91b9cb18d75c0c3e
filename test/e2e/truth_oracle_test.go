package e2e

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// 这里只有判断，没有平台的代码：什么算真，由成员自己的 Deployment、Pod 与节点说了算。

// claim 是平台此刻的一句话：asserted 表示它说了“是”，untrue 说为什么其实不是（空表示确实是）。
type claim struct {
	name     string
	asserted bool
	untrue   string
}

// readyUntrue 说一个 Model 为什么其实没有就绪。
func readyUntrue(m *v1alpha1.Model, members map[string]*mirror) string {
	wanted := 1
	if m.Spec.Placement != nil {
		wanted = int(ptr.Deref(m.Spec.Placement.Clusters, 1))
	}
	said := meta.FindStatusCondition(m.Status.Conditions, v1alpha1.ConditionReady)
	switch {
	case m.DeletionTimestamp != nil:
		return "it is being deleted"
	case ptr.Deref(m.Spec.Suspended, false):
		return "it is suspended"
	case said == nil || said.ObservedGeneration != m.Generation || m.Status.ObservedGeneration != m.Generation:
		return fmt.Sprintf("generation %d has not been looked at", m.Generation)
	case len(m.Status.Placements) != wanted:
		return fmt.Sprintf("it is placed on %d clusters, not %d", len(m.Status.Placements), wanted)
	}
	for _, p := range m.Status.Placements {
		if why := servesUntrue(m, members[p.Cluster]); why != "" {
			return p.Cluster + ": " + why
		}
	}
	return ""
}

// servesUntrue 说一个成员为什么其实没有照 m 现在的 spec 服务着。
func servesUntrue(m *v1alpha1.Model, on *mirror) string {
	if on == nil {
		return "there is no such cluster"
	}
	if on.blind != "" {
		return on.blind
	}
	placed := on.placed(m)
	if len(placed) != 1 {
		return fmt.Sprintf("the member holds %d Deployments of it", len(placed))
	}
	d, want := placed[0], ptr.Deref(m.Spec.Scaling.Replicas, 1)
	switch {
	case d.DeletionTimestamp != nil:
		return "its Deployment is being deleted"
	case d.Status.ObservedGeneration < d.Generation:
		return "the member has not taken up the latest Deployment"
	case ptr.Deref(d.Spec.Replicas, 1) != want:
		return fmt.Sprintf("its Deployment asks for %d replicas, not %d", ptr.Deref(d.Spec.Replicas, 1), want)
	case !runs(&d.Spec.Template.Spec, m):
		return "its Deployment is not what the Model asks for"
	}
	var ready int32
	for _, pod := range on.living(m) {
		if runs(&pod.Spec, m) && podIs(pod, corev1.PodReady) {
			ready++
		}
	}
	if ready < want {
		return fmt.Sprintf("%d of %d replicas are ready", ready, want)
	}
	return ""
}

// runs 说跑的是不是 m 点名的镜像与参数；用户的参数总在最后。
func runs(spec *corev1.PodSpec, m *v1alpha1.Model) bool {
	engine := spec.Containers[0]
	given, asked := len(engine.Args), len(m.Spec.Engine.Args)
	return engine.Image == ptr.Deref(m.Spec.Engine.Image, "") && given >= asked && slices.Equal(engine.Args[given-asked:], m.Spec.Engine.Args)
}

func podIs(pod *corev1.Pod, kind corev1.PodConditionType) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == kind {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// gpus 是一种卡的数目；free 只数能排上去的节点。
type gpus struct{ capacity, allocatable, allocated, free int64 }

// capacityUntrue 说 Cluster 的卡数为什么不是成员此刻的样子。
func capacityUntrue(c *clusterv1alpha1.Cluster, on *mirror) string {
	if on.blind != "" {
		return on.blind
	}
	said := map[string]gpus{}
	for i := range c.Status.Accelerators {
		a := &c.Status.Accelerators[i]
		said[a.Product] = gpus{int64(a.Capacity), int64(a.Allocatable), int64(a.Allocated), int64(a.Free)}
	}
	held, nodes := on.count()
	if fmt.Sprint(said) != fmt.Sprint(held) {
		return fmt.Sprintf("the status says %v, the member holds %v", said, held)
	}
	if c.Status.Nodes == nil || *c.Status.Nodes != nodes {
		return fmt.Sprintf("the status says %+v, the member holds %+v", c.Status.Nodes, nodes)
	}
	return ""
}

// count 从成员的节点与 Pod 数出卡数。
func (m *mirror) count() (map[string]gpus, clusterv1alpha1.NodeSummary) {
	const gpu corev1.ResourceName = "nvidia.com/gpu"
	used := map[string]int64{}
	for _, pod := range m.pods.rows {
		if pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed {
			q := pod.Spec.Containers[0].Resources.Requests[gpu]
			used[pod.Spec.NodeName] += q.Value()
		}
	}
	held, nodes := map[string]gpus{}, clusterv1alpha1.NodeSummary{}
	for _, node := range m.nodes.rows {
		ready := nodeReady(node)
		schedulable := ready && !node.Spec.Unschedulable
		nodes.Total++
		nodes.Ready += one(ready)
		nodes.Schedulable += one(schedulable)
		capacity, allocatable := node.Status.Capacity[gpu], node.Status.Allocatable[gpu]
		if capacity.IsZero() && used[node.Name] == 0 {
			continue
		}
		row := held[node.Labels["nvidia.com/gpu.product"]]
		row.capacity += capacity.Value()
		row.allocated += used[node.Name]
		if schedulable {
			row.allocatable += allocatable.Value()
			row.free += max(allocatable.Value()-used[node.Name], 0)
		}
		held[node.Labels["nvidia.com/gpu.product"]] = row
	}
	return held, nodes
}

func one(yes bool) int32 {
	if yes {
		return 1
	}
	return 0
}

func nodeReady(node *corev1.Node) bool {
	for _, c := range node.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// strayed 说成员上有没有 m 不该有的：多一份、多几个副本、离开了的地方还跑着。
func strayed(m *v1alpha1.Model, members map[string]*mirror) string {
	for name, on := range members {
		deployments, pods := 0, 0
		if slices.ContainsFunc(m.Status.Placements, func(p v1alpha1.ModelPlacement) bool { return p.Cluster == name }) {
			deployments, pods = 1, int(ptr.Deref(m.Spec.Scaling.Replicas, 1))
		}
		if d, p := len(on.placed(m)), len(on.living(m)); d != deployments || p != pods {
			return fmt.Sprintf("%s holds %d Deployments and %d pods of %s, wanted are %d and %d", name, d, p, m.Name, deployments, pods)
		}
	}
	return ""
}
