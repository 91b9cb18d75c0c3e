package model

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apiserver/pkg/warning"

	"github.com/kubellm/kubellm/apis/cluster"
	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// unknownUID 代替干跑时随手造的 UID：真的那个要到创建时才有，两次计划也不该因它而不同。
const unknownUID types.UID = "known-after-apply"

// Outcome 是一次放置的结果，Message 用一句话说出它；Stays 表示与从前放的一样。
type Outcome struct {
	Placements []v1alpha1.ModelPlacement
	Rejected   []v1alpha1.RejectedCluster
	Message    string
	Stays      bool
}

// Placer 决定模型放在哪、放上去什么。它就是控制器用的那一份，计划才不会与真做的不同。
type Placer interface {
	// Place 选出集群；old 是 m 从前的样子，没有的为 nil；others 是别的模型，它们占着的与预留的不能再用。只许读。
	Place(m, old *v1alpha1.Model, clusters []clusterv1alpha1.Cluster, others []v1alpha1.Model, now time.Time) Outcome
	// Manifests 写出要放到一个集群上的东西，里面没有密文；rejected 是这一次放不下的集群与理由。
	Manifests(m *v1alpha1.Model, on *clusterv1alpha1.Cluster, placement v1alpha1.ModelPlacement, rejected []v1alpha1.RejectedCluster) (string, error)
}

// planner 在干跑的回答里写上计划。
type planner struct {
	guard    Guard
	placer   Placer
	clusters ClusterLister
	models   interface {
		List(ctx context.Context) (*model.ModelList, error)
	}
}

// plan 按此刻的集群与模型算一遍。算不出来也不拒绝请求：要不要计划，不该决定能不能验一验对象。
// 要求没变、放置也不会变的没有计划，除非明说了要：kubectl diff 靠干跑，没有变的就该什么差别也看不到。
func (p *planner) plan(ctx context.Context, obj, old *model.Model) {
	now := metav1.Now()
	quiet := old != nil && equality.Semantic.DeepEqual(obj.Spec, old.Spec) && obj.Annotations[v1alpha1.AnnotationPlan] != v1alpha1.PlanAlways
	planned, err := p.make(ctx, obj, old, now.Time, quiet)
	switch {
	case err != nil && !quiet:
		planned = &v1alpha1.Plan{Message: fmt.Sprintf("no plan: %v", err)}
	case err != nil || planned == nil:
		return
	}
	planned.Time = now
	// kubectl 不带 -o 时不印对象；警告总会印出来。
	warning.AddWarning(ctx, "", "status.plan: "+planned.Message)
	obj.Status.Plan = &model.Plan{}
	if err := v1alpha1.Convert_v1alpha1_Plan_To_model_Plan(planned, obj.Status.Plan, nil); err != nil {
		obj.Status.Plan = &model.Plan{Time: now, Message: fmt.Sprintf("no plan: %v", err)}
	}
}

// make 造计划；quiet 时放置不变的、看不到集群的都没有计划，为 nil。
func (p *planner) make(ctx context.Context, obj, old *model.Model, now time.Time, quiet bool) (*v1alpha1.Plan, error) {
	allowed, err := p.guard.MayList(ctx, cluster.Resource("clusters"))
	switch {
	case err != nil:
		return nil, fmt.Errorf("check the right to list clusters: %w", err)
	case !allowed && quiet:
		return nil, nil
	case !allowed:
		// 计划说得出有哪些集群、各空着多少卡；看不到集群的人，不能靠干跑看到。
		return &v1alpha1.Plan{Message: `the plan is withheld, because it shows clusters and what is free on them: obtain the verb "list" on clusters.cluster.kubellm.io to see it`}, nil
	}
	wanted, clusters, others, err := p.situation(ctx, obj)
	if err != nil {
		return nil, err
	}
	former, err := external(old)
	if err != nil {
		return nil, err
	}
	outcome := p.placer.Place(wanted, former, clusters, others, now)
	if quiet && outcome.Stays {
		return nil, nil
	}
	planned := &v1alpha1.Plan{Message: outcome.Message, Placements: outcome.Placements, RejectedClusters: outcome.Rejected}
	planned.Manifests, err = p.manifests(wanted, clusters, outcome)
	return planned, err
}

// situation 是放置要看的一切，都换成外部版本：控制器只认它。
func (p *planner) situation(ctx context.Context, obj *model.Model) (*v1alpha1.Model, []clusterv1alpha1.Cluster, []v1alpha1.Model, error) {
	known, err := p.clusters.List(ctx)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("read the clusters: %w", err)
	}
	clusters := make([]clusterv1alpha1.Cluster, len(known.Items))
	for i := range known.Items {
		if err := clusterv1alpha1.Convert_cluster_Cluster_To_v1alpha1_Cluster(&known.Items[i], &clusters[i], nil); err != nil {
			return nil, nil, nil, err
		}
	}
	models, err := p.models.List(ctx)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("read the models: %w", err)
	}
	others := make([]v1alpha1.Model, 0, len(models.Items))
	for i := range models.Items {
		if other := &models.Items[i]; other.Namespace != obj.Namespace || other.Name != obj.Name {
			others = append(others, v1alpha1.Model{})
			if err := v1alpha1.Convert_model_Model_To_v1alpha1_Model(other, &others[len(others)-1], nil); err != nil {
				return nil, nil, nil, err
			}
		}
	}
	wanted, err := external(obj)
	if err != nil {
		return nil, nil, nil, err
	}
	// 干跑的创建没有存下，所以没有版本。
	if wanted.ResourceVersion == "" {
		wanted.UID = unknownUID
	}
	wanted.Status.Plan = nil
	return wanted, clusters, others, nil
}

// external 是 m 的外部版本，nil 还是 nil。
func external(m *model.Model) (*v1alpha1.Model, error) {
	if m == nil {
		return nil, nil
	}
	out := &v1alpha1.Model{}
	return out, v1alpha1.Convert_model_Model_To_v1alpha1_Model(m.DeepCopy(), out, nil)
}

func (p *planner) manifests(m *v1alpha1.Model, clusters []clusterv1alpha1.Cluster, outcome Outcome) ([]v1alpha1.PlannedManifests, error) {
	byName := make(map[string]*clusterv1alpha1.Cluster, len(clusters))
	for i := range clusters {
		byName[clusters[i].Name] = &clusters[i]
	}
	var out []v1alpha1.PlannedManifests
	for _, placement := range outcome.Placements {
		on := byName[placement.Cluster]
		if on == nil {
			// 还守着已删的集群：那里什么也放不上去。
			continue
		}
		yaml, err := p.placer.Manifests(m, on, placement, outcome.Rejected)
		if err != nil {
			return nil, fmt.Errorf("write the manifests for cluster %q: %w", placement.Cluster, err)
		}
		out = append(out, v1alpha1.PlannedManifests{Cluster: placement.Cluster, YAML: yaml})
	}
	return out, nil
}
