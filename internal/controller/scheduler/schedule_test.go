package scheduler_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	cluster "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	model "github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/scheduler"
)

const (
	gpu  = "nvidia.com/gpu"
	h100 = "H100"
	a100 = "A100"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// row 是一种产品的空闲块，每个节点一个数。
func row(product string, free ...int32) cluster.Accelerator {
	a := cluster.Accelerator{Product: product, ResourceName: gpu, Nodes: int32(len(free))}
	counts := map[int32]int32{}
	for _, n := range free {
		counts[n]++
		a.Free += n
		a.LargestFreeBlock = max(a.LargestFreeBlock, n)
	}
	for size := a.LargestFreeBlock; size > 0; size-- {
		if counts[size] > 0 {
			a.FreeBlocks = append(a.FreeBlocks, cluster.FreeBlock{Size: size, Nodes: counts[size]})
		}
	}
	return a
}

type clusterOption func(*cluster.Cluster)

func site(name string, options ...clusterOption) cluster.Cluster {
	c := cluster.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID("uid-" + name), Labels: map[string]string{"name": name}}}
	condition(cluster.ConditionReady, metav1.ConditionTrue, cluster.ReasonReady, time.Hour)(&c)
	for _, o := range options {
		o(&c)
	}
	return c
}

func condition(kind string, status metav1.ConditionStatus, reason string, ago time.Duration) clusterOption {
	return func(c *cluster.Cluster) {
		meta.SetStatusCondition(&c.Status.Conditions, metav1.Condition{
			Type: kind, Status: status, Reason: reason, LastTransitionTime: metav1.NewTime(now.Add(-ago)),
		})
	}
}

func lost(ago time.Duration) clusterOption {
	return condition(cluster.ConditionReady, metav1.ConditionUnknown, cluster.ReasonHeartbeatFailed, ago)
}

func has(rows ...cluster.Accelerator) clusterOption {
	return func(c *cluster.Cluster) { c.Status.Accelerators = rows }
}

func h100s(free ...int32) clusterOption { return has(row(h100, free...)) }

func tainted(key, value string, effect cluster.TaintEffect) clusterOption {
	return func(c *cluster.Cluster) {
		c.Spec.Taints = append(c.Spec.Taints, cluster.Taint{Key: key, Value: value, Effect: effect})
	}
}

func can(all ...cluster.Capability) clusterOption {
	return func(c *cluster.Cluster) { c.Status.Capabilities = all }
}

// prefix 是成员上命名空间的前缀。
func prefix(p string) clusterOption {
	return func(c *cluster.Cluster) { c.Spec.WorkloadNamespacePrefix = ptr.To(p) }
}

// inNamespace 把模型放在名字有 length 个字符的命名空间里。
func inNamespace(length int) modelOption {
	return func(m *model.Model) { m.Namespace = strings.Repeat("n", length) }
}

func deleting(c *cluster.Cluster)  { c.DeletionTimestamp = &metav1.Time{Time: now} }
func suspended(c *cluster.Cluster) { c.Spec.Suspended = ptr.To(true) }

type modelOption func(*model.Model)

// llm 是要 replicas 个副本、每个 count 块的模型。
func llm(name string, count, replicas int32, options ...modelOption) *model.Model {
	m := &model.Model{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: name}}
	if count > 0 {
		m.Spec.Resources = &model.Resources{Accelerator: &model.AcceleratorRequest{Count: ptr.To(count)}}
	}
	m.Spec.Scaling = &model.Scaling{Replicas: ptr.To(replicas)}
	m.Spec.Placement = &model.Placement{}
	for _, o := range options {
		o(m)
	}
	return m
}

func on(name string, replicas, observed int32) modelOption {
	return onProduct(name, h100, replicas, observed)
}

func onProduct(name, product string, replicas, observed int32) modelOption {
	return func(m *model.Model) {
		resource, count := "", int32(0)
		if m.Spec.Resources != nil && product != "" {
			resource, count = gpu, *m.Spec.Resources.Accelerator.Count
		}
		m.Status.Placements = append(m.Status.Placements, model.ModelPlacement{
			Cluster: name, ClusterUID: "uid-" + name, Namespace: "kubellm-team", Product: product,
			ResourceName: resource, AcceleratorCount: count,
			Replicas: replicas, ObservedReplicas: observed, ReadyReplicas: observed, Endpoint: "http://" + name,
		})
	}
}

func wanting(clusters int32) modelOption {
	return func(m *model.Model) { m.Spec.Placement.Clusters = &clusters }
}
func packed(m *model.Model) { m.Spec.Placement.Strategy = ptr.To(model.PlacementPack) }
func products(all ...string) modelOption {
	return func(m *model.Model) { m.Spec.Resources.Accelerator.Products = all }
}
func named(all ...string) modelOption {
	return func(m *model.Model) { m.Spec.Placement.ClusterNames = all }
}
func selecting(name string) modelOption {
	return func(m *model.Model) {
		m.Spec.Placement.ClusterSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"name": name}}
	}
}
func failover(seconds int32) modelOption {
	return func(m *model.Model) { m.Spec.Placement.Failover = &model.Failover{AfterSeconds: seconds} }
}
func tolerating(t model.Toleration) modelOption {
	return func(m *model.Model) { m.Spec.Placement.Tolerations = append(m.Spec.Placement.Tolerations, t) }
}
func autoscaled(m *model.Model) {
	m.Spec.Scaling = &model.Scaling{Autoscaling: &model.Autoscaling{MaxReplicas: 3}}
}
func paused(m *model.Model)  { m.Spec.Suspended = ptr.To(true) }
func kserve(m *model.Model)  { m.Spec.Engine.Delivery = ptr.To(model.DeliveryKServe) }
func fromOCI(m *model.Model) { m.Spec.Source.OCI = &model.OCISource{Image: "i"} }
func adapterOCI(m *model.Model) {
	m.Spec.Adapters = []model.Adapter{{Name: "a", Source: model.ModelSource{OCI: &model.OCISource{Image: "i"}}}}
}

// answer 是决定的要点：集群/产品/副本数，被拒的集群/理由，条件。
type answer struct {
	placed, rejected string
	reason           string
	message          string
	requeue          time.Duration
}

func answerOf(r scheduler.Result) answer {
	var placed, rejected []string
	for _, p := range r.Placements {
		placed = append(placed, fmt.Sprintf("%s/%s/%d", p.Cluster, p.Product, p.Replicas))
	}
	for _, x := range r.Rejected {
		rejected = append(rejected, x.Cluster+"/"+x.Reason)
	}
	return answer{strings.Join(placed, " "), strings.Join(rejected, " "), r.Condition.Reason, r.Condition.Message, r.RequeueAfter}
}

type scene struct {
	why      string
	model    *model.Model
	clusters []cluster.Cluster
	others   []*model.Model
	want     answer
}

func run(t *testing.T, scenes map[string]scene) {
	for name, s := range scenes {
		t.Run(name, func(t *testing.T) {
			models := []model.Model{*s.model}
			for _, m := range s.others {
				models = append(models, *m)
			}
			r := scheduler.Schedule(scheduler.Input{Model: s.model, Clusters: s.clusters, Models: models, Now: now})
			got := answerOf(r)
			if s.want.message == "" {
				got.message = ""
			}
			if diff := cmp.Diff(s.want, got, cmp.AllowUnexported(answer{})); diff != "" {
				t.Errorf("%s: -want, +got:\n%s\nmessage: %s", s.why, diff, r.Condition.Message)
			}
			if (r.Condition.Status == metav1.ConditionTrue) != (r.Condition.Reason == model.ReasonScheduled) || r.Condition.Type != model.ConditionScheduled {
				t.Errorf("%s: condition %+v contradicts itself", s.why, r.Condition)
			}
		})
	}
}

func all(c ...cluster.Cluster) []cluster.Cluster { return c }

func TestRejections(t *testing.T) {
	const none = model.ReasonNoClusterFits
	run(t, map[string]scene{
		"Message": {"the manner of kube-scheduler, a reason for each", llm("m", 2, 1), all(
			site("gpu-c", lost(time.Minute)), site("gpu-b", h100s(8), tainted("maintenance", "true", cluster.TaintNoSchedule)), site("gpu-a", h100s(1, 1))), nil,
			answer{rejected: "gpu-a/FreeBlock gpu-b/Taint gpu-c/NotReady", reason: none,
				message: "0 of 3 clusters fit: gpu-a: largest free block 1 < 2; gpu-b: taint maintenance=true:NoSchedule; gpu-c: Ready is Unknown (HeartbeatFailed)"}},
		"NotObserved": {"a Cluster without conditions is not known to be ready", llm("m", 1, 1),
			all(site("a", h100s(1), func(c *cluster.Cluster) { c.Status.Conditions = nil })), nil,
			answer{rejected: "a/NotReady", reason: none, message: "0 of 1 clusters fit: a: Ready is Unknown (NotObserved)"}},
		"Suspended":  {"nothing is placed on a suspended Cluster, even before its status says so", llm("m", 1, 1), all(site("a", h100s(1), suspended)), nil, answer{rejected: "a/NotReady", reason: none}},
		"Deleting":   {"nor on one that goes away", llm("m", 1, 1), all(site("a", h100s(1), deleting)), nil, answer{rejected: "a/Deleting", reason: none}},
		"NoExecute":  {"both effects keep new models away", llm("m", 1, 1), all(site("a", h100s(1), tainted("t", "", cluster.TaintNoExecute))), nil, answer{rejected: "a/Taint", reason: none, message: "0 of 1 clusters fit: a: taint t:NoExecute"}},
		"KServe":     {"the delivery needs KServe", llm("m", 1, 1, kserve), all(site("a", h100s(1))), nil, answer{rejected: "a/Capability", reason: none}},
		"OCI":        {"an image volume needs ImageVolumes", llm("m", 1, 1, fromOCI), all(site("a", h100s(1), can(cluster.CapabilityKServe))), nil, answer{rejected: "a/Capability", reason: none}},
		"AdapterOCI": {"so does an adapter's", llm("m", 1, 1, adapterOCI), all(site("a", h100s(1))), nil, answer{rejected: "a/Capability", reason: none}},
		"KEDA":       {"autoscaling needs KEDA", llm("m", 1, 1, autoscaled), all(site("a", h100s(8))), nil, answer{rejected: "a/Capability", reason: none}},
		"Capable": {"what has all of them fits, with room for the most replicas", llm("m", 1, 1, kserve, fromOCI, autoscaled), all(
			site("a", h100s(8), can(cluster.CapabilityImageVolumes, cluster.CapabilityKEDA, cluster.CapabilityKServe))), nil,
			answer{placed: "a/H100/3", reason: model.ReasonScheduled, message: "1 of 1 wanted clusters chosen: a"}},
		"AutoscaledTooFar": {"the greatest number must fit, not the least", llm("m", 1, 1, autoscaled), all(site("a", h100s(2), can(cluster.CapabilityKEDA))), nil, answer{rejected: "a/Capacity", reason: none}},
		"Product": {"an unknown product is no mistake, but nothing has it", llm("m", 1, 1, products("X", "Y")), all(site("a", h100s(8))), nil,
			answer{rejected: "a/Product", reason: none, message: "0 of 1 clusters fit: a: no X and none of 1 other products of nvidia.com/gpu; it has H100"}},
		"Products": {"what the Cluster has is told, and no more than a few", llm("m", 1, 1, products("H100-80GB")), all(site("a", has(row("E", 1), row("D", 1), row("C", 1), row("B", 1), amd(1), row(strings.Repeat("A", 200), 1)))), nil,
			answer{rejected: "a/Product", reason: none, message: "0 of 1 clusters fit: a: no H100-80GB of nvidia.com/gpu; it has " + strings.Repeat("A", 125) + "..., B, C, D, and 2 more"}},
		"OtherResource": {"under which resource it is, too", llm("m", 1, 1), all(site("a", has(amd(8)))), nil,
			answer{rejected: "a/Product", reason: none, message: "0 of 1 clusters fit: a: no nvidia.com/gpu; it has H100 of amd.com/gpu"}},
		"NodesGone": {"the product that the replicas are on is gone, others are there", llm("m", 1, 2, on("a", 1, 1)), all(site("a", has(row(a100, 8)))), nil,
			answer{placed: "a/H100/1", rejected: "a/Product", reason: none, message: "0 of 1 clusters fit, 1 wanted, placed on 1: a: no H100 of nvidia.com/gpu; it has A100"}},
		"Namespace": {"the member could not make a namespace of such a name", llm("m", 1, 1, inNamespace(56)), all(site("a", h100s(8)), site("b", h100s(1), prefix("llm-"))), nil,
			answer{placed: "b/H100/1", rejected: "a/Namespace", reason: model.ReasonScheduled}},
		"NamespaceSays": {"which namespace, and how long it may be", llm("m", 1, 1, inNamespace(63)), all(site("a", lost(time.Hour), prefix("p-"))), nil,
			answer{rejected: "a/Namespace", reason: none, message: "0 of 1 clusters fit: a: the namespace p-" + strings.Repeat("n", 63) + " on the member would have 65 characters, at most 63 are possible"}},
		"NamespaceFits": {"63 characters are possible", llm("m", 1, 1, inNamespace(55)), all(site("a", h100s(8))), nil, answer{placed: "a/H100/1", reason: model.ReasonScheduled}},
		"Resource": {"another extended resource is another accelerator", llm("m", 1, 1, func(m *model.Model) {
			m.Spec.Resources.Accelerator.ResourceName = ptr.To("amd.com/gpu")
		}), all(site("a", h100s(8))), nil, answer{rejected: "a/Product", reason: none}},
		"Capacity": {"all replicas of a cluster or none", llm("m", 2, 4), all(site("a", h100s(3, 5))), nil,
			answer{rejected: "a/Capacity", reason: none, message: "0 of 1 clusters fit: a: room for 3 of 4 replicas"}},
		"Reserved": {"what another model was promised is not free", llm("m", 2, 1), all(site("a", h100s(2))), []*model.Model{llm("n", 2, 1, on("a", 1, 0))},
			answer{rejected: "a/Capacity", reason: none, message: "0 of 1 clusters fit: a: room for 0 of 1 replicas (2 of 2 free accelerators are reserved)"}},
		"Partly": {"two of three wanted: what fits is placed, and the condition says what is missing", llm("m", 1, 1, wanting(3)), all(site("a", h100s(1)), site("b"), site("c", h100s(1))), nil,
			answer{placed: "a/H100/1 c/H100/1", rejected: "b/Product", reason: none, message: "2 of 3 clusters fit, 3 wanted, placed on 2: b: no nvidia.com/gpu"}},
		"TooFewClusters": {"more wanted than there are", llm("m", 0, 1, wanting(3)), all(site("a")), nil,
			answer{placed: "a//1", reason: none, message: "1 of 1 clusters fit, 3 wanted, placed on 1"}},
	})
}

func TestSelection(t *testing.T) {
	two := all(site("a", h100s(8)), site("b", h100s(4)))
	const none = model.ReasonNoClusterSelected
	run(t, map[string]scene{
		"Names":       {"only the named ones are asked", llm("m", 1, 1, named("b", "b")), two, nil, answer{placed: "b/H100/1", reason: model.ReasonScheduled}},
		"NotFound":    {"one that is missing is told", llm("m", 1, 1, named("z", "b")), two, nil, answer{placed: "b/H100/1", rejected: "z/NotFound", reason: model.ReasonScheduled}},
		"NoneFound":   {"names without Clusters select nothing", llm("m", 1, 1, named("z")), two, nil, answer{rejected: "z/NotFound", reason: none, message: "None of the Clusters in spec.placement.clusterNames exists: z: not found"}},
		"Selector":    {"labels choose", llm("m", 1, 1, selecting("b")), two, nil, answer{placed: "b/H100/1", reason: model.ReasonScheduled}},
		"NoLabels":    {"labels that nothing has are accepted and told", llm("m", 1, 1, selecting("z")), two, nil, answer{reason: none, message: "No Cluster has the labels that spec.placement.clusterSelector asks for (name=z)"}},
		"NoClusters":  {"a platform without members", llm("m", 1, 1), nil, nil, answer{reason: none, message: "There are no Clusters"}},
		"NoPlacement": {"all are asked by default", llm("m", 1, 1, func(m *model.Model) { m.Spec.Placement = nil }), two, nil, answer{placed: "a/H100/1", reason: model.ReasonScheduled}},
		"Unselected":  {"a Cluster that is no longer named is left at once", llm("m", 1, 1, named("b"), on("a", 1, 1)), two, nil, answer{placed: "b/H100/1", reason: model.ReasonScheduled}},
	})
}

func TestTolerations(t *testing.T) {
	exists, equal := ptr.To(model.TolerationExists), ptr.To(model.TolerationEqual)
	cases := map[string]struct {
		why        string
		toleration model.Toleration
		want       bool
	}{
		"All":         {"an empty key with Exists tolerates everything", model.Toleration{Operator: exists}, true},
		"EmptyEqual":  {"an empty key with Equal tolerates nothing", model.Toleration{Operator: equal}, false},
		"Exists":      {"any value of the key", model.Toleration{Key: "k", Operator: exists}, true},
		"Equal":       {"the same value; Equal is the default", model.Toleration{Key: "k", Value: "v"}, true},
		"OtherValue":  {"another value", model.Toleration{Key: "k", Value: "w", Operator: equal}, false},
		"OtherKey":    {"another key", model.Toleration{Key: "l", Operator: exists}, false},
		"Effect":      {"the same effect", model.Toleration{Key: "k", Value: "v", Effect: "NoSchedule"}, true},
		"OtherEffect": {"another effect", model.Toleration{Key: "k", Value: "v", Effect: "NoExecute"}, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := scheduler.Schedule(scheduler.Input{Model: llm("m", 1, 1, tolerating(c.toleration)), Now: now,
				Clusters: all(site("a", h100s(1), tainted("k", "v", cluster.TaintNoSchedule)))})
			if got := len(r.Placements) == 1; got != c.want {
				t.Errorf("%s: placed %v, want %v", c.why, got, c.want)
			}
		})
	}
}

func TestStrategies(t *testing.T) {
	const done = model.ReasonScheduled
	run(t, map[string]scene{
		"Spread":         {"the most free accelerators after placing", llm("m", 2, 1), all(site("a", h100s(4)), site("b", h100s(4, 4))), nil, answer{placed: "b/H100/1", reason: done}},
		"SpreadReserved": {"promised ones are not free", llm("m", 2, 1), all(site("a", h100s(4, 1)), site("b", h100s(4, 4))), []*model.Model{llm("n", 4, 1, on("b", 1, 0))}, answer{placed: "a/H100/1", reason: done}},
		"Tie":            {"names decide between equals", llm("m", 2, 1), all(site("b", h100s(4)), site("a", h100s(4))), nil, answer{placed: "a/H100/1", reason: done}},
		"Pack":           {"the fewest left", llm("m", 2, 1, packed), all(site("a", h100s(4, 4)), site("b", h100s(4))), nil, answer{placed: "b/H100/1", reason: done}},
		"PackWhole":      {"blocks that are used up exactly, so that the large one stays whole, though more is left", llm("m", 2, 1, packed), all(site("a", h100s(8)), site("b", h100s(2, 2, 2, 2, 2))), nil, answer{placed: "b/H100/1", reason: done}},
		"PackSmaller":    {"otherwise the smaller block is broken", llm("m", 1, 3, packed), all(site("a", h100s(8)), site("b", h100s(4, 8))), nil, answer{placed: "b/H100/3", reason: done}},
		"CPUSpread":      {"without accelerators the Cluster with the fewest models", llm("m", 0, 5), all(site("a"), site("b")), []*model.Model{llm("n", 0, 1, onProduct("a", "", 1, 0))}, answer{placed: "b//5", reason: done}},
		"CPUPack":        {"or with the most", llm("m", 0, 5, packed), all(site("a"), site("b")), []*model.Model{llm("n", 0, 1, onProduct("b", "", 1, 0))}, answer{placed: "b//5", reason: done}},
		"OneProduct":     {"replicas are never divided between products", llm("m", 1, 3), all(site("a", has(row(a100, 2), row(h100, 2)))), nil, answer{rejected: "a/Capacity", reason: model.ReasonNoClusterFits}},
		"FittingProduct": {"the product that fits is taken", llm("m", 4, 1), all(site("a", has(row(a100, 2, 2, 2), row(h100, 4)))), nil, answer{placed: "a/H100/1", reason: done}},
		"WantedProduct":  {"and one of those that will do", llm("m", 1, 1, products(a100)), all(site("a", has(row(a100, 1), row(h100, 8)))), nil, answer{placed: "a/A100/1", reason: done}},
		"Suspended":      {"a suspended model is placed and takes nothing", llm("m", 1, 4, paused), all(site("a", h100s(1))), nil, answer{placed: "a/H100/0", reason: done}},
		"Zero":           {"so is one of no replicas", llm("m", 8, 0), all(site("a", h100s(1))), nil, answer{placed: "a/H100/0", reason: done}},
	})
}

func TestReservations(t *testing.T) {
	const done, none = model.ReasonScheduled, model.ReasonNoClusterFits
	run(t, map[string]scene{
		"Observed":       {"what the Cluster counts as taken is not counted twice", llm("m", 2, 1), all(site("a", h100s(2))), []*model.Model{llm("n", 2, 1, on("a", 1, 1))}, answer{placed: "a/H100/1", reason: done}},
		"AnyBlock":       {"two promised replicas of 2 may go to two nodes and leave no 4 whole; but 6 of 8 are left of one node each", llm("m", 4, 2), all(site("a", h100s(8, 8))), []*model.Model{llm("n", 2, 2, on("a", 2, 0))}, answer{placed: "a/H100/2", reason: done}},
		"Broken":         {"two promised replicas of 1 may break both nodes", llm("m", 8, 1), all(site("a", h100s(8, 8))), []*model.Model{llm("n", 1, 2, on("a", 2, 0))}, answer{rejected: "a/Capacity", reason: none}},
		"Promised":       {"the new one may not break the block that was promised whole either", llm("m", 1, 1), all(site("a", h100s(8, 1))), []*model.Model{llm("n", 8, 1, on("a", 1, 0))}, answer{rejected: "a/Capacity", reason: none}},
		"Exactly":        {"equal replicas use every block", llm("m", 4, 2), all(site("a", h100s(8, 9))), []*model.Model{llm("n", 4, 2, on("a", 2, 0))}, answer{placed: "a/H100/2", reason: done}},
		"Hopeless":       {"a promise that no node can keep any more takes nothing from others", llm("m", 4, 1), all(site("a", h100s(4))), []*model.Model{llm("n", 8, 1, on("a", 1, 0))}, answer{placed: "a/H100/1", reason: done}},
		"PartlyHopeless": {"of two promised replicas one can be kept, and beside it there is room", llm("m", 2, 1), all(site("a", h100s(6))), []*model.Model{llm("n", 4, 2, on("a", 2, 0))}, answer{placed: "a/H100/1", reason: done}},
		"OtherProduct":   {"a promise on one product leaves another alone", llm("m", 1, 1), all(site("a", has(row(a100, 1), row(h100, 1)))), []*model.Model{llm("n", 1, 1, onProduct("a", a100, 1, 0))}, answer{placed: "a/H100/1", reason: done}},
		"OldCluster": {"a promise on a Cluster of the same name that is gone", llm("m", 1, 1), all(site("a", h100s(1))), []*model.Model{llm("n", 1, 1, on("a", 1, 0), func(m *model.Model) {
			m.Status.Placements[0].ClusterUID = "gone"
		})}, answer{placed: "a/H100/1", reason: done}},
		"Own": {"its own promise is its own", llm("m", 2, 1, on("a", 1, 0)), all(site("a", h100s(2))), nil, answer{placed: "a/H100/1", reason: done}},
	})
}

func TestSticky(t *testing.T) {
	const done, none = model.ReasonScheduled, model.ReasonNoClusterFits
	better := site("b", h100s(8, 8, 8))
	run(t, map[string]scene{
		"Better":        {"a better Cluster is no cause", llm("m", 1, 1, on("a", 1, 1)), all(site("a", h100s()), better), nil, answer{placed: "a/H100/1", reason: done}},
		"NoSchedule":    {"nor is a taint that keeps new models away", llm("m", 1, 1, on("a", 1, 1)), all(site("a", h100s(), tainted("k", "", cluster.TaintNoSchedule)), better), nil, answer{placed: "a/H100/1", reason: done}},
		"Lost":          {"nor a lost Cluster without failover", llm("m", 1, 1, on("a", 1, 1)), all(site("a", lost(24*time.Hour)), better), nil, answer{placed: "a/H100/1", reason: done}},
		"NotDue":        {"nor before the time, which is when to look again", llm("m", 1, 1, on("a", 1, 1), failover(60)), all(site("a", lost(20*time.Second)), better), nil, answer{placed: "a/H100/1", reason: done, requeue: 40 * time.Second}},
		"Due":           {"on time it moves", llm("m", 1, 1, on("a", 1, 1), failover(60)), all(site("a", lost(60*time.Second)), better), nil, answer{placed: "b/H100/1", rejected: "a/NotReady", reason: done}},
		"DueNowhere":    {"with nowhere to go it stays", llm("m", 1, 1, on("a", 1, 1), failover(60)), all(site("a", lost(time.Hour)), site("b")), nil, answer{placed: "a/H100/1", rejected: "a/NotReady b/Product", reason: none}},
		"Returned":      {"when the lost one returns nothing moves back", llm("m", 1, 1, on("b", 1, 1), failover(60)), all(site("a", h100s(8, 8, 8, 8)), better), nil, answer{placed: "b/H100/1", reason: done}},
		"Reachable":     {"since when it cannot be reached counts, not since when it is not ready", llm("m", 1, 1, on("a", 1, 1), failover(60)), all(site("a", lost(time.Hour), condition(cluster.ConditionReachable, metav1.ConditionFalse, cluster.ReasonHeartbeatFailed, 10*time.Second)), better), nil, answer{placed: "a/H100/1", reason: done, requeue: 50 * time.Second}},
		"Unauthorized":  {"refused credentials are no loss: what runs there serves", llm("m", 1, 1, on("a", 1, 1), failover(60)), all(site("a", condition(cluster.ConditionReady, metav1.ConditionFalse, cluster.ReasonUnauthorized, time.Hour)), better), nil, answer{placed: "a/H100/1", reason: done}},
		"SuspendedSite": {"a suspended Cluster is left alone", llm("m", 1, 1, on("a", 1, 1), failover(60)), all(site("a", suspended, lost(time.Hour)), better), nil, answer{placed: "a/H100/1", reason: done}},
		"NoExecute":     {"this taint takes models away", llm("m", 1, 1, on("a", 1, 1)), all(site("a", h100s(8), tainted("k", "", cluster.TaintNoExecute)), better), nil, answer{placed: "b/H100/1", rejected: "a/Taint", reason: done}},
		"Tolerated":     {"unless it is tolerated", llm("m", 1, 1, on("a", 1, 1), tolerating(model.Toleration{Key: "k", Effect: "NoExecute"})), all(site("a", h100s(), tainted("k", "", cluster.TaintNoExecute)), better), nil, answer{placed: "a/H100/1", reason: done}},
		"Deleting":      {"a Cluster that goes away", llm("m", 1, 1, on("a", 1, 1)), all(site("a", h100s(8), deleting), better), nil, answer{placed: "b/H100/1", rejected: "a/Deleting", reason: done}},
		"Gone":          {"a Cluster that is gone", llm("m", 1, 1, on("z", 1, 1)), all(better), nil, answer{placed: "b/H100/1", reason: done}},
		"Reregistered":  {"a Cluster of the same name is another one", llm("m", 1, 4, on("a", 4, 4), func(m *model.Model) { m.Status.Placements[0].ClusterUID = "old" }), all(site("a", h100s(1)), better), nil, answer{placed: "b/H100/4", rejected: "a/Capacity", reason: done}},
		"Product":       {"a product that will not do any more", llm("m", 1, 1, on("a", 1, 1), products(a100)), all(site("a", h100s(8)), site("b", has(row(a100, 1)))), nil, answer{placed: "b/A100/1", rejected: "a/Product", reason: done}},
		"ProductHere":   {"where the same Cluster has the other product, it is taken there", llm("m", 1, 1, on("b", 1, 1), products(a100)), all(site("a", has(row(a100, 8))), site("b", has(row(a100, 1), row(h100, 8)))), nil, answer{placed: "b/A100/1", reason: done}},
		"ProductNone":   {"with nowhere to go what serves is not torn down", llm("m", 1, 1, on("a", 1, 1), products("typo")), all(site("a", h100s(8))), nil, answer{placed: "a/H100/1", rejected: "a/Product", reason: none}},
		"Capability":    {"a capability that went is told, and moves nothing", llm("m", 1, 1, on("a", 1, 1), kserve), all(site("a", h100s(8)), site("b", h100s(8), can(cluster.CapabilityKServe))), nil, answer{placed: "a/H100/1", rejected: "a/Capability", reason: none}},
		"NoNodes":       {"nodes that went are the member's matter", llm("m", 1, 1, on("a", 1, 1)), all(site("a"), better), nil, answer{placed: "a/H100/1", reason: done}},
		"CPU":           {"a model that needs no accelerator any more stays", llm("m", 0, 1, on("a", 1, 1)), all(site("a", h100s()), better), nil, answer{placed: "a//1", reason: done}},
	})
}

func TestScaling(t *testing.T) {
	const done, none = model.ReasonScheduled, model.ReasonNoClusterFits
	run(t, map[string]scene{
		"Up":           {"only the additional replicas need room", llm("m", 2, 4, on("a", 2, 2)), all(site("a", h100s(4))), nil, answer{placed: "a/H100/4", reason: done}},
		"UpPending":    {"beside those promised and not started", llm("m", 2, 4, on("a", 2, 1)), all(site("a", h100s(6))), nil, answer{placed: "a/H100/4", reason: done}},
		"UpTooFar":     {"without room the old number stays, and nothing moves", llm("m", 2, 4, on("a", 2, 1)), all(site("a", h100s(4)), site("b", h100s(8))), nil, answer{placed: "a/H100/2", rejected: "a/Capacity", reason: none, message: "1 of 2 clusters fit, 1 wanted, placed on 1: a: room for 1 of 2 additional replicas"}},
		"UpFull":       {"no block at all", llm("m", 2, 4, on("a", 2, 2)), all(site("a", h100s(1))), nil, answer{placed: "a/H100/2", rejected: "a/FreeBlock", reason: none}},
		"UpLost":       {"where nothing is known nothing is promised", llm("m", 2, 4, on("a", 2, 2)), all(site("a", h100s(8), lost(time.Second))), nil, answer{placed: "a/H100/2", rejected: "a/NotReady", reason: none}},
		"Down":         {"fewer replicas always fit, lost or not", llm("m", 2, 1, on("a", 2, 2)), all(site("a", lost(time.Second))), nil, answer{placed: "a/H100/1", reason: done}},
		"Suspend":      {"a suspended model keeps its place", llm("m", 2, 2, on("a", 2, 2), paused), all(site("a", h100s()), site("b", h100s(8))), nil, answer{placed: "a/H100/0", reason: done}},
		"Resume":       {"and returns there", llm("m", 2, 2, on("a", 0, 0)), all(site("a", h100s(4)), site("b", h100s(8))), nil, answer{placed: "a/H100/2", reason: done}},
		"ResumeFull":   {"unless it is taken: nothing runs there, so moving harms nothing", llm("m", 2, 2, on("a", 0, 0)), all(site("a", h100s(2)), site("b", h100s(8))), nil, answer{placed: "b/H100/2", rejected: "a/Capacity", reason: done}},
		"ResumeNone":   {"with nowhere to go it waits in its place", llm("m", 2, 2, on("a", 0, 0)), all(site("a", h100s(2))), nil, answer{placed: "a/H100/0", rejected: "a/Capacity", reason: none}},
		"More":         {"more Clusters are added to those there are", llm("m", 1, 1, wanting(2), on("a", 1, 1)), all(site("a"), site("b", h100s(1)), site("c", h100s(2))), nil, answer{placed: "a/H100/1 c/H100/1", reason: done}},
		"Fewer":        {"of equals the last names go", llm("m", 1, 1, wanting(1), on("a", 1, 1), on("b", 1, 1)), all(site("a"), site("b", h100s(8))), nil, answer{placed: "a/H100/1", reason: done}},
		"FewerLost":    {"the lost one goes first", llm("m", 1, 1, wanting(1), on("a", 1, 1), on("b", 1, 1)), all(site("a", lost(time.Second)), site("b")), nil, answer{placed: "b/H100/1", rejected: "a/NotReady", reason: done}},
		"FewerReady":   {"then the one with fewer ready replicas", llm("m", 1, 2, wanting(1), on("a", 2, 1), on("b", 2, 2)), all(site("a", h100s(8)), site("b", h100s(8))), nil, answer{placed: "b/H100/2", reason: done}},
		"FailoverTwo":  {"only the lost one of two is replaced", llm("m", 1, 1, wanting(2), failover(30), on("a", 1, 1), on("b", 1, 1)), all(site("a", lost(time.Minute)), site("b"), site("c", h100s(1))), nil, answer{placed: "b/H100/1 c/H100/1", rejected: "a/NotReady", reason: done}},
		"FailoverHalf": {"of two lost ones, one finds a place and the other waits", llm("m", 1, 1, wanting(2), failover(30), on("a", 1, 1), on("b", 1, 1)), all(site("a", lost(time.Minute)), site("b", lost(time.Minute)), site("c", h100s(1))), nil, answer{placed: "a/H100/1 c/H100/1", rejected: "a/NotReady b/NotReady", reason: none}},
	})
}

// TestKeptFields 留下的放置带着控制器写下的一切，新的写全身份。
func TestKeptFields(t *testing.T) {
	m := llm("m", 1, 1, wanting(2), on("a", 1, 1))
	got := scheduler.Schedule(scheduler.Input{Model: m, Now: now, Clusters: all(site("a"), site("b", h100s(1), func(c *cluster.Cluster) {
		c.Spec.WorkloadNamespacePrefix = ptr.To("llm-")
	}))}).Placements
	want := []model.ModelPlacement{m.Status.Placements[0], {
		Cluster: "b", ClusterUID: "uid-b", Namespace: "llm-team", Product: h100, ResourceName: gpu, AcceleratorCount: 1, Phase: model.PlacementPending, Replicas: 1,
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want, +got:\n%s", diff)
	}
}

// TestMessageIsBounded 一百个集群、名字再长，条件也写得下，没列出的说有几个。
func TestMessageIsBounded(t *testing.T) {
	var clusters []cluster.Cluster
	for i := range 100 {
		clusters = append(clusters, site(fmt.Sprintf("%s-%03d", strings.Repeat("n", 60), i)))
	}
	r := scheduler.Schedule(scheduler.Input{Model: llm("m", 1, 1), Clusters: clusters, Now: now})
	if len(r.Rejected) != 100 {
		t.Errorf("%d clusters rejected, want 100", len(r.Rejected))
	}
	listed := strings.Count(r.Condition.Message, "no nvidia.com/gpu")
	if more := fmt.Sprintf("; and %d more", 100-listed); len(r.Condition.Message) > 1024 || !strings.HasSuffix(r.Condition.Message, more) {
		t.Errorf("message of %d characters does not end in %q: %s", len(r.Condition.Message), more, r.Condition.Message)
	}
}

// TestTwoAtOnce 同时建的两个模型不会用上同一块。
func TestTwoAtOnce(t *testing.T) {
	s := scheduler.NewSnapshot(all(site("a", h100s(2))), nil)
	first, second := llm("first", 2, 1), llm("second", 2, 1)
	r := s.Schedule(first, now)
	s.Assume(first, r.Placements)
	if len(r.Placements) != 1 {
		t.Fatalf("the first is not placed: %s", r.Condition.Message)
	}
	if r := s.Schedule(second, now); len(r.Placements) != 0 {
		t.Errorf("the second is placed on the same accelerators: %+v", r.Placements)
	}
	s.Assume(first, nil)
	if r := s.Schedule(second, now); len(r.Placements) != 1 {
		t.Errorf("what the first gave back is not free: %s", r.Condition.Message)
	}
}

// TestSnapshotIsKept 问过的快照还是原样：模型自己的预留只在答它时拿开。
func TestSnapshotIsKept(t *testing.T) {
	grown := llm("m", 2, 3, on("a", 2, 0))
	s := scheduler.NewSnapshot(all(site("a", h100s(6))), []model.Model{*grown})
	if r := s.Schedule(grown, now); r.Condition.Status != metav1.ConditionTrue {
		t.Fatalf("no room for the third replica beside its own two: %s", r.Condition.Message)
	}
	if r := s.Schedule(llm("n", 2, 2), now); len(r.Placements) != 0 {
		t.Errorf("the two promised replicas are forgotten: %+v", r.Placements)
	}
}
