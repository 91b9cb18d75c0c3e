package scheduler_test

import (
	"strings"
	"testing"

	model "github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/scheduler"
)

// TestMoves 计划要说出跑着的会去哪里：离开、添上、改了数；都没有的没有可说。
func TestMoves(t *testing.T) {
	at := func(cluster string, replicas, each int32) model.ModelPlacement {
		return model.ModelPlacement{Cluster: cluster, ClusterUID: "uid-" + cluster, Product: h100, ResourceName: gpu, Replicas: replicas, AcceleratorCount: each}
	}
	places := func(p ...model.ModelPlacement) []model.ModelPlacement { return p }
	anew, ready := at("a", 1, 2), at("a", 1, 2)
	anew.ClusterUID, ready.ReadyReplicas, ready.Phase = "another", 1, model.PlacementReady
	var many []model.ModelPlacement
	for _, name := range strings.Split("bcdefghijklm", "") {
		many = append(many, at(name, 1, 2))
	}
	for name, c := range map[string]struct {
		why           string
		before, after []model.ModelPlacement
		want          string
	}{
		"New":      {"the decision itself says where", nil, places(at("a", 1, 2)), ""},
		"Same":     {"nothing moves; how far it has come is no move", places(ready), places(at("a", 1, 2)), ""},
		"Leaves":   {"what runs there is removed", places(at("a", 1, 2), at("b", 1, 2)), places(at("b", 1, 2)), "leaves a"},
		"Nowhere":  {"even if it goes nowhere", places(at("a", 1, 2)), nil, "leaves a"},
		"Moves":    {"one instead of the other", places(at("a", 1, 2)), places(at("b", 1, 2)), "leaves a, is added to b"},
		"Resizes":  {"replicas and what each holds", places(at("a", 1, 2)), places(at("a", 3, 4)), "is resized on a (replicas 1 to 3, accelerators each 2 to 4)"},
		"Product":  {"the same Cluster, another accelerator, or none", places(at("a", 1, 2)), places(model.ModelPlacement{Cluster: "a", ClusterUID: "uid-a", Replicas: 1, AcceleratorCount: 2}), "is resized on a (product H100 to none, resource nvidia.com/gpu to none)"},
		"Replaced": {"a Cluster of the same name is another one", places(at("a", 1, 2)), places(anew), "leaves a, is added to a"},
		"Many":     {"no more than a few are listed", places(at("a", 1, 2)), append(places(at("a", 1, 2)), many...), "is added to b, c, d, e, f, g, h, i and 4 more"},
	} {
		if got := scheduler.Moves(c.before, c.after); got != c.want {
			t.Errorf("%s: %s: got %q, want %q", name, c.why, got, c.want)
		}
	}
}
