package apiserver

import (
	"slices"
	"strings"
	"time"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/engine"
	"github.com/kubellm/kubellm/internal/controller/scheduler"
	"github.com/kubellm/kubellm/internal/registry/model"
)

// placer 把控制器的调度与渲染接到干跑的计划上。
type placer struct{}

var _ model.Placer = placer{}

// Place 见接口。
func (placer) Place(m, old *v1alpha1.Model, clusters []clusterv1alpha1.Cluster, others []v1alpha1.Model, now time.Time) model.Outcome {
	result := scheduler.Schedule(scheduler.Input{Model: m, Clusters: clusters, Models: others, Now: now})
	message := result.Condition.Message
	if old != nil && len(old.Status.Placements) > 0 {
		message += "; " + consequences(m, old, clusters, result)
	}
	return model.Outcome{Placements: planned(result.Placements), Rejected: result.Rejected, Message: message,
		Stays: old != nil && scheduler.Same(old.Status.Placements, result.Placements)}
}

// consequences 说跑着的会怎样：去哪里，换不换。
func consequences(m, old *v1alpha1.Model, clusters []clusterv1alpha1.Cluster, result scheduler.Result) string {
	said := slices.DeleteFunc([]string{scheduler.Moves(old.Status.Placements, result.Placements), effects(m, old, clusters, result)},
		func(part string) bool { return part == "" })
	if len(said) == 0 {
		return "what runs stays, and no replica is replaced"
	}
	return strings.Join(said, "; ")
}

// planned 只留决定：留下的放置带着此刻跑着的样子，那不是计划。
func planned(placements []v1alpha1.ModelPlacement) []v1alpha1.ModelPlacement {
	out := make([]v1alpha1.ModelPlacement, 0, len(placements))
	for _, p := range placements {
		out = append(out, v1alpha1.ModelPlacement{
			Cluster: p.Cluster, ClusterUID: p.ClusterUID, Namespace: p.Namespace,
			Product: p.Product, ResourceName: p.ResourceName, AcceleratorCount: p.AcceleratorCount, Replicas: p.Replicas,
		})
	}
	return out
}

// Manifests 见接口。
func (placer) Manifests(m *v1alpha1.Model, on *clusterv1alpha1.Cluster, placement v1alpha1.ModelPlacement, rejected []v1alpha1.RejectedCluster) (string, error) {
	if scheduler.Kept(m, placement, rejected) {
		return "# Nothing is applied: the cluster has no room for what the spec asks for, or lacks what it takes. What runs there stays as it is.\n", nil
	}
	return engine.Manifests(engine.Input{Model: m, Cluster: on, Placement: placement})
}
