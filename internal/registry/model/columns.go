package model

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/model"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/registry"
)

// mostNames 是一格里最多列出的名字，列宽才不会失控。
const mostNames = 3

// columns 先答"能用吗、几个副本、在哪、怎样找到它"，其余留给 -o wide。
func columns() []registry.Column[*model.Model] {
	return []registry.Column[*model.Model]{
		{Name: "Engine", Description: "The program that serves the model.", Value: func(m *model.Model) any { return string(m.Spec.Engine.Type) }},
		{Name: "Ready", Description: "Whether all wanted replicas serve.", Value: func(m *model.Model) any {
			return registry.ConditionStatus(m.Status.Conditions, v1alpha1.ConditionReady)
		}},
		{Name: "Replicas", Description: "The replicas on all clusters: ready/wanted, with autoscaling the least wanted; ?/wanted while none of the clusters can be seen.", Value: replicas},
		{Name: "Clusters", Description: "The clusters that the model is placed on.", Value: placedOn},
		{Name: "Endpoint", Description: "The address that requests are best sent to.", Value: func(m *model.Model) any { return m.Status.Endpoint }},
		{Name: "Source", Description: "Where the model's files come from.", Wide: true, Value: source},
		{Name: "Product", Description: "The accelerators that the replicas run on.", Wide: true, Value: products},
		{Name: "Reason", Description: "Why the model is ready or not.", Wide: true, Value: reason},
	}
}

// replicas 的第二个数是 spec 要的，不是眼下有的：少放了一处、少起了一个，这里才看得出来。
// 自动伸缩的是它的下限，停着的一个也不要。哪一处也看不到的，有几个没有人知道，不说是零。
func replicas(m *model.Model) any {
	wanted := wantedReplicas(m) * ptr.Deref(ptr.Deref(m.Spec.Placement, model.Placement{}).Clusters, 1)
	if ptr.Deref(m.Spec.Suspended, false) {
		wanted = 0
	}
	seen := func(p model.ModelPlacement) bool {
		return p.Phase != model.PlacementPhase(v1alpha1.PlacementUnreachable)
	}
	if len(m.Status.Placements) > 0 && !slices.ContainsFunc(m.Status.Placements, seen) {
		return fmt.Sprintf("?/%d", wanted)
	}
	return fmt.Sprintf("%d/%d", m.Status.ReadyReplicas, wanted)
}

func placedOn(m *model.Model) any {
	names := make([]string, 0, len(m.Status.Placements))
	for _, placement := range m.Status.Placements {
		names = append(names, placement.Cluster)
	}
	return joined(names)
}

func products(m *model.Model) any {
	var names []string
	for _, placement := range m.Status.Placements {
		if placement.Product != "" && !slices.Contains(names, placement.Product) {
			names = append(names, placement.Product)
		}
	}
	return joined(names)
}

func joined(names []string) string {
	if len(names) > mostNames {
		names = append(slices.Clone(names[:mostNames]), fmt.Sprintf("+%d", len(names)-mostNames))
	}
	return strings.Join(names, ",")
}

// source 写成一眼认得出的样子；它只是给人看的，不是能填回去的值。
func source(m *model.Model) any {
	from := m.Spec.Source
	switch {
	case from.HuggingFace != nil:
		return "hf://" + from.HuggingFace.Repo
	case from.OCI != nil:
		return "oci://" + from.OCI.Image
	case from.S3 != nil:
		return fmt.Sprintf("s3://%s/%s", from.S3.Bucket, ptr.Deref(from.S3.Prefix, ""))
	case from.PVC != nil:
		return fmt.Sprintf("pvc://%s/%s", from.PVC.ClaimName, ptr.Deref(from.PVC.Path, ""))
	default:
		return ""
	}
}

func reason(m *model.Model) any {
	for _, condition := range m.Status.Conditions {
		if condition.Type == v1alpha1.ConditionReady {
			return condition.Reason
		}
	}
	return ""
}
