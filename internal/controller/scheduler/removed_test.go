package scheduler_test

import (
	"testing"

	model "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// wentFrom 是离开了 name、那里还没收走的：replicas 个副本里 observed 个已经数进集群的状态。
func wentFrom(name, uid string, replicas, observed int32) modelOption {
	return func(m *model.Model) {
		m.Status.RemovedPlacements = append(m.Status.RemovedPlacements, model.RemovedPlacement{
			Cluster: name, ClusterUID: uid, Product: h100, ResourceName: gpu, AcceleratorCount: 2, Replicas: replicas, ObservedReplicas: observed,
		})
	}
}

// TestRemovedPlacementsReserve 失联的集群回来时，旧的一份还没收走：它还可能绑上节点的副本，别人不能顶。
func TestRemovedPlacementsReserve(t *testing.T) {
	const done, none = model.ReasonScheduled, model.ReasonNoClusterFits
	a := all(site("a", h100s(2)))
	run(t, map[string]scene{
		"Unbound": {"the old copy may still be bound there", llm("m", 2, 1), a, []*model.Model{llm("n", 2, 1, wentFrom("a", "uid-a", 1, 0))}, answer{rejected: "a/Capacity", reason: none}},
		"Bound":   {"what the Cluster counts as taken is not counted twice", llm("m", 2, 1), a, []*model.Model{llm("n", 2, 1, wentFrom("a", "uid-a", 1, 1))}, answer{placed: "a/H100/1", reason: done}},
		"Another": {"another Cluster of the same name holds nothing of it", llm("m", 2, 1), a, []*model.Model{llm("n", 2, 1, wentFrom("a", "old", 1, 0))}, answer{placed: "a/H100/1", reason: done}},
		"Own":     {"whoever returns takes its own place", llm("m", 2, 1, wentFrom("a", "uid-a", 1, 0)), a, nil, answer{placed: "a/H100/1", reason: done}},
		"Spread":  {"a model that left does not count as placed there", llm("m", 0, 1), all(site("a"), site("b")), []*model.Model{llm("n", 0, 1, wentFrom("a", "uid-a", 1, 0))}, answer{placed: "a//1", reason: done}},
	})
}
