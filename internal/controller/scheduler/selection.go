package scheduler

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/ptr"

	cluster "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	model "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// selection 是用户点中的集群，与点了名而没有的。
type selection struct {
	sites   []*site
	missing []string
	// none 说为什么一个也没点中。
	none string
}

// choose 按名字或标签点集群，按字母顺序。
func (s *Snapshot) choose(p *model.Placement) selection {
	switch {
	case len(s.sites) == 0 && (p == nil || len(p.ClusterNames) == 0):
		return selection{none: "there are no Clusters"}
	case p == nil:
		return selection{sites: s.sites}
	case len(p.ClusterNames) > 0:
		return s.named(p.ClusterNames)
	case p.ClusterSelector != nil:
		return s.labelled(p.ClusterSelector)
	}
	return selection{sites: s.sites}
}

func (s *Snapshot) named(names []string) selection {
	var out selection
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		if at := s.names[name]; at != nil {
			out.sites = append(out.sites, at)
		} else {
			out.missing = append(out.missing, name)
		}
	}
	if len(out.sites) == 0 {
		out.none = "none of the Clusters in spec.placement.clusterNames exists"
	}
	return out
}

func (s *Snapshot) labelled(by *metav1.LabelSelector) selection {
	selector, err := metav1.LabelSelectorAsSelector(by)
	if err != nil {
		return selection{none: fmt.Sprintf("spec.placement.clusterSelector is not a selector: %s", brief(err.Error()))}
	}
	var out selection
	for _, at := range s.sites {
		if selector.Matches(labels.Set(at.Labels)) {
			out.sites = append(out.sites, at)
		}
	}
	if len(out.sites) == 0 {
		out.none = fmt.Sprintf("no Cluster has the labels that spec.placement.clusterSelector asks for (%s)", brief(selector.String()))
	}
	return out
}

// untolerated 找第一个模型容不下的污点；effects 之外的不看。
func untolerated(at *site, p *model.Placement, effects ...cluster.TaintEffect) *cluster.Taint {
	for i := range at.Spec.Taints {
		taint := &at.Spec.Taints[i]
		if slices.Contains(effects, taint.Effect) && !tolerated(taint, p) {
			return taint
		}
	}
	return nil
}

func tolerated(taint *cluster.Taint, p *model.Placement) bool {
	return p != nil && slices.ContainsFunc(p.Tolerations, func(t model.Toleration) bool { return tolerates(t, taint) })
}

// tolerates 与 Kubernetes 的容忍同一个意思。
func tolerates(t model.Toleration, taint *cluster.Taint) bool {
	if t.Effect != "" && t.Effect != string(taint.Effect) {
		return false
	}
	exists := ptr.Deref(t.Operator, model.TolerationEqual) == model.TolerationExists
	if t.Key == "" {
		return exists
	}
	return t.Key == taint.Key && (exists || t.Value == taint.Value)
}
