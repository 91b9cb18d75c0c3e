package scheduler_test

import (
	"testing"
	"time"

	"k8s.io/utils/ptr"

	cluster "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	model "github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/scheduler"
)

// granted 是最后一处放置从前答应的：每个副本 count 块。
func granted(count int32) modelOption {
	return func(m *model.Model) { m.Status.Placements[len(m.Status.Placements)-1].AcceleratorCount = count }
}

func ofResource(name string) modelOption {
	return func(m *model.Model) { m.Spec.Resources.Accelerator.ResourceName = ptr.To(name) }
}

// TestNeeds 放好了的模型改了每个副本要的：放得下才照办，放不下就原样留着并说明，不挪。
func TestNeeds(t *testing.T) {
	const done, none = model.ReasonScheduled, model.ReasonNoClusterFits
	better := site("b", h100s(8, 8))
	run(t, map[string]scene{
		"Grow": {"there is room beside the old replicas", llm("m", 4, 1, on("a", 1, 1), granted(2)), all(site("a", h100s(4)), better), nil, answer{placed: "a/H100/1", reason: done}},
		"GrowFull": {"what serves stays as it is, and nothing moves", llm("m", 4, 1, on("a", 1, 1), granted(2)), all(site("a", h100s(2, 3)), better), nil,
			answer{placed: "a/H100/1", rejected: "a/FreeBlock", reason: none,
				message: "1 of 2 clusters fit, 1 wanted, placed on 1: a: largest free block 3 < 4 beside those of 2, which stay; suspend the Model first to free what they hold"}},
		"GrowPartly": {"all of them or none", llm("m", 4, 2, on("a", 2, 2), granted(2)), all(site("a", h100s(4))), nil,
			answer{placed: "a/H100/2", rejected: "a/Capacity", reason: none,
				message: "0 of 1 clusters fit, 1 wanted, placed on 1: a: room for 1 of 2 replicas of 4 beside those of 2, which stay; suspend the Model first to free what they hold"}},
		"GrowAndUp":      {"the number stays too: it would be applied with the rest", llm("m", 4, 3, on("a", 1, 1), granted(2)), all(site("a", h100s(4, 4))), nil, answer{placed: "a/H100/1", rejected: "a/Capacity", reason: none}},
		"GrowAndDown":    {"fewer replicas may fit where as many did not", llm("m", 4, 1, on("a", 2, 2), granted(2)), all(site("a", h100s(4))), nil, answer{placed: "a/H100/1", reason: done}},
		"GrowReserved":   {"what another model was promised is not room", llm("m", 4, 1, on("a", 1, 1), granted(2)), all(site("a", h100s(4))), []*model.Model{llm("n", 1, 1, on("a", 1, 0))}, answer{placed: "a/H100/1", rejected: "a/Capacity", reason: none}},
		"GrowOwnPromise": {"its own old promise is", llm("m", 4, 1, on("a", 2, 1), granted(2)), all(site("a", h100s(4))), nil, answer{placed: "a/H100/1", reason: done}},
		"GrowIdle":       {"nothing runs there yet, so moving harms nothing", llm("m", 4, 1, on("a", 1, 0), granted(2)), all(site("a", h100s(2)), better), nil, answer{placed: "b/H100/1", rejected: "a/FreeBlock", reason: done}},
		"GrowLost":       {"where nothing is known nothing is promised", llm("m", 4, 1, on("a", 1, 1), granted(2)), all(site("a", h100s(8), lost(time.Second)), better), nil, answer{placed: "a/H100/1", rejected: "a/NotReady", reason: none}},
		"GrowIncapable":  {"nor where something else is missing", llm("m", 4, 1, on("a", 1, 1), granted(2), kserve), all(site("a", h100s(8))), nil, answer{placed: "a/H100/1", rejected: "a/Capability", reason: none}},
		"GrowNoNodes":    {"nor on nodes that are gone", llm("m", 4, 1, on("a", 1, 1), granted(2)), all(site("a"), better), nil, answer{placed: "a/H100/1", rejected: "a/Product", reason: none}},
		"GrowSuspended":  {"nothing is to run, so anything can be promised", llm("m", 4, 1, on("a", 1, 1), granted(2), paused), all(site("a", h100s())), nil, answer{placed: "a/H100/0", reason: done}},
		"Shrink":         {"the place of the old one holds the new one", llm("m", 2, 1, on("a", 1, 1), granted(4)), all(site("a", h100s())), nil, answer{placed: "a/H100/1", reason: done}},
		"ShrinkAndUp":    {"the additional one needs room, and less of it than before", llm("m", 2, 2, on("a", 1, 1), granted(4)), all(site("a", h100s(2))), nil, answer{placed: "a/H100/2", reason: done}},
		"ShrinkAndUpTooFar": {"without room the old number stays", llm("m", 2, 2, on("a", 1, 1), granted(4)), all(site("a", h100s(1))), nil,
			answer{placed: "a/H100/1", rejected: "a/FreeBlock", reason: none}},
		"Resource":          {"another resource is another accelerator: what serves stays", llm("m", 1, 1, on("a", 1, 1), ofResource("amd.com/gpu")), all(site("a", h100s(8)), better), nil, answer{placed: "a/H100/1", rejected: "a/Product b/Product", reason: none}},
		"ResourceElsewhere": {"it moves to where it is", llm("m", 1, 1, on("a", 1, 1), ofResource("amd.com/gpu")), all(site("a", h100s(8)), site("b", has(amd(8)))), nil, answer{placed: "b/H100/1", rejected: "a/Product", reason: done}},
		"ResourceSameName":  {"products of the same name are told apart", llm("m", 1, 2, on("a", 2, 2), ofResource("amd.com/gpu")), all(site("a", has(row(h100, 8), amd(1)))), nil, answer{placed: "a/H100/2", rejected: "a/Capacity", reason: none}},
		"ResourceSuspended": {"it stops, whatever it asks for", llm("m", 1, 1, on("a", 1, 1), ofResource("amd.com/gpu"), paused), all(site("a", h100s(8))), nil, answer{placed: "a/H100/0", rejected: "a/Product", reason: none}},
		"FromCPU":           {"a model that ran without accelerators", llm("m", 2, 1, onProduct("a", "", 1, 0)), all(site("a", h100s(1)), site("b", h100s(2))), nil, answer{placed: "b/H100/1", rejected: "a/FreeBlock", reason: done}},
		"OthersWish":        {"what another model asks for and was not promised takes nothing", llm("m", 2, 1), all(site("a", h100s(2))), []*model.Model{llm("n", 1, 2, on("a", 1, 1), granted(8))}, answer{placed: "a/H100/1", reason: done}},
		"OthersPromise":     {"what it was promised is reserved, though it asks for more", llm("m", 2, 1), all(site("a", h100s(2))), []*model.Model{llm("n", 8, 1, on("a", 1, 0), granted(1))}, answer{rejected: "a/Capacity", reason: none}},
	})
}

func amd(free ...int32) cluster.Accelerator {
	a := row(h100, free...)
	a.ResourceName = "amd.com/gpu"
	return a
}

// TestGranted 只有答应了的才照 spec 应用；答应之后旧的副本不再顶数，新的全都要留地方。
func TestGranted(t *testing.T) {
	for name, c := range map[string]struct {
		why     string
		model   *model.Model
		free    int32
		granted bool
		want    model.ModelPlacement
	}{
		"Room":       {"the old replica holds too little to count", llm("m", 4, 1, on("a", 1, 1), granted(2)), 4, true, model.ModelPlacement{ResourceName: gpu, AcceleratorCount: 4, Replicas: 1}},
		"NoRoom":     {"nothing of the placement changes", llm("m", 4, 1, on("a", 1, 1), granted(2)), 2, false, model.ModelPlacement{ResourceName: gpu, AcceleratorCount: 2, Replicas: 1, ObservedReplicas: 1}},
		"Less":       {"the old replica holds enough", llm("m", 1, 1, on("a", 1, 1), granted(2)), 0, true, model.ModelPlacement{ResourceName: gpu, AcceleratorCount: 1, Replicas: 1, ObservedReplicas: 1}},
		"None":       {"a model without accelerators is promised none", llm("m", 0, 1, onProduct("a", h100, 1, 1)), 0, true, model.ModelPlacement{Replicas: 1}},
		"UpTo":       {"the most replicas that autoscaling may make are promised", llm("m", 1, 1, on("a", 1, 1), autoscaled), 2, true, model.ModelPlacement{ResourceName: gpu, AcceleratorCount: 1, Replicas: 3, ObservedReplicas: 1}},
		"UpToNoRoom": {"a limit that was not promised is not applied, though a replica needs no more than before", llm("m", 1, 1, on("a", 1, 1), autoscaled), 1, false, model.ModelPlacement{ResourceName: gpu, AcceleratorCount: 1, Replicas: 1, ObservedReplicas: 1}},
		"UpNoRoom":   {"without autoscaling the number of the placement is applied, so what was promised of it is", llm("m", 1, 3, on("a", 1, 1)), 1, true, model.ModelPlacement{ResourceName: gpu, AcceleratorCount: 1, Replicas: 1, ObservedReplicas: 1}},
		"Stops":      {"a suspended one is promised what it asks for", llm("m", 4, 1, on("a", 1, 1), granted(2), paused), 0, true, model.ModelPlacement{ResourceName: gpu, AcceleratorCount: 4, ObservedReplicas: 1}},
	} {
		got := scheduler.Schedule(scheduler.Input{Model: c.model, Now: now, Clusters: all(site("a", h100s(c.free), can(cluster.CapabilityKEDA)))}).Placements[0]
		have := model.ModelPlacement{ResourceName: got.ResourceName, AcceleratorCount: got.AcceleratorCount, Replicas: got.Replicas, ObservedReplicas: got.ObservedReplicas}
		if have != c.want || scheduler.Granted(c.model, got) != c.granted {
			t.Errorf("%s: %s: got %+v, granted %t, want %+v, %t", name, c.why, have, scheduler.Granted(c.model, got), c.want, c.granted)
		}
	}
}
