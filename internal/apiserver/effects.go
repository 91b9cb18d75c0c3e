package apiserver

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/utils/ptr"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/engine"
	"github.com/kubellm/kubellm/internal/controller/scheduler"
)

// effects 说留在原处的副本会怎样：换不换，怎么换。哪里都不换的为空。
func effects(m, old *v1alpha1.Model, clusters []clusterv1alpha1.Cluster, result scheduler.Result) string {
	var kinds []string
	on := map[string][]string{}
	for _, after := range result.Placements {
		i := slices.IndexFunc(old.Status.Placements, func(p v1alpha1.ModelPlacement) bool {
			return p.Cluster == after.Cluster && p.ClusterUID == after.ClusterUID
		})
		c := slices.IndexFunc(clusters, func(c clusterv1alpha1.Cluster) bool { return c.Name == after.Cluster })
		if i < 0 || c < 0 {
			continue
		}
		kind := effect(m, old, &clusters[c], old.Status.Placements[i], after, result.Rejected)
		if kind != "" && on[kind] == nil {
			kinds = append(kinds, kind)
		}
		on[kind] = append(on[kind], after.Cluster)
	}
	said := make([]string, 0, len(kinds))
	for _, kind := range kinds {
		said = append(said, fmt.Sprintf(kind, scheduler.Listed(on[kind])))
	}
	return strings.Join(said, "; ")
}

// effect 是一处的，留着集群的名字待填；不换的为空。
func effect(m, old *v1alpha1.Model, on *clusterv1alpha1.Cluster, before, after v1alpha1.ModelPlacement, rejected []v1alpha1.RejectedCluster) string {
	switch {
	case before.Replicas == 0 || after.Replicas == 0:
		// 没有什么跑着，或者都停掉：数怎么变已经说了。
		return ""
	case scheduler.Kept(m, after, rejected):
		return "nothing is applied on %s, and what runs there stays"
	case scheduler.Kept(old, before, old.Status.RejectedClusters):
		// 那里跑着的比 old 还旧，不知道是什么样子。
		return "what runs on %s is of an earlier spec, and its replicas are replaced where it differs"
	}
	replaces, err := engine.Replaces(engine.Input{Model: old, Cluster: on, Placement: before}, engine.Input{Model: m, Cluster: on, Placement: after})
	switch {
	case err != nil:
		return "it is not known whether the replicas on %s are replaced"
	case replaces:
		return "the replicas on %s are replaced, " + manner(m, old)
	case !equality.Semantic.DeepEqual(m.Spec.Source, old.Spec.Source):
		// 样子一样而来源不同，变的只有从哪个 Secret 取凭据；内容计划里看不到。
		return "the replicas on %s are replaced if the credentials are other ones, " + manner(m, old)
	default:
		return ""
	}
}

// manner 说怎么换。
func manner(m, old *v1alpha1.Model) string {
	delivery := func(m *v1alpha1.Model) v1alpha1.Delivery {
		return ptr.Deref(m.Spec.Engine.Delivery, v1alpha1.DeliveryDeployment)
	}
	n := engine.AtOnce(m)
	switch {
	case delivery(m) != delivery(old), delivery(m) == v1alpha1.DeliveryDeployment && n == 0:
		return "all at once"
	case delivery(m) == v1alpha1.DeliveryKServe:
		return "as KServe goes about it"
	case n == 1:
		return "one after the other"
	default:
		return fmt.Sprintf("up to %d at a time", n)
	}
}
