package model

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	cluster "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/scheduler"
	"github.com/kubellm/kubellm/internal/controller/status"
	"github.com/kubellm/kubellm/internal/observability"
)

// decisions 让调度一次只做一个决定，并记着写下了、缓存里却还看不到的：
// 两个同时建的模型因此不会得到同一批空闲的卡。
type decisions struct {
	mu    sync.Mutex
	ahead map[types.UID]*v1alpha1.Model
	// clusters 是上一次决定时有的集群。
	clusters sets.Set[types.UID]
}

// behind 报告缓存里的 model 比自己写下的旧；跟上了就不必再记。拿着锁调用。
func (d *decisions) behind(model *v1alpha1.Model) (*v1alpha1.Model, bool) {
	written := d.ahead[model.UID]
	if written == nil {
		return nil, false
	}
	if order, err := resourceversion.CompareResourceVersion(model.ResourceVersion, written.ResourceVersion); err == nil && order < 0 {
		return written, true
	}
	delete(d.ahead, model.UID)
	return nil, false
}

func (d *decisions) stale(model *v1alpha1.Model) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, behind := d.behind(model)
	return behind
}

func (d *decisions) remember(model *v1alpha1.Model) {
	if d.ahead == nil {
		d.ahead = map[types.UID]*v1alpha1.Model{}
	}
	d.ahead[model.UID] = model.DeepCopy()
}

func (d *decisions) forget(model types.UID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.ahead, model)
}

// decide 决定 model 放在哪里，先把预留写进状态，才有人往成员上放东西。
// 写不进去（别人先写了）时第二个值为假：更新的样子到来时再说。
func (r *Reconciler) decide(ctx context.Context, model *v1alpha1.Model) (_ scheduler.Result, _ bool, err error) {
	ctx, step := observability.Start(ctx, "decide", "")
	defer func() { step.End(err) }()
	r.decisions.mu.Lock()
	defer r.decisions.mu.Unlock()
	clusters := &cluster.ClusterList{}
	if err := r.Client.List(ctx, clusters, client.UnsafeDisableDeepCopy); err != nil {
		return scheduler.Result{}, false, fmt.Errorf("list the clusters: %w", err)
	}
	r.keep(clusters.Items)
	if standing, ok := stands(model, clusters.Items, r.Clock.Now()); ok {
		return standing, true, nil
	}
	others, err := r.reservations(ctx, model, clusters.Items)
	if err != nil {
		return scheduler.Result{}, false, err
	}
	own := r.counted(model, byName(clusters.Items))
	result := scheduler.Schedule(scheduler.Input{Model: &own, Clusters: clusters.Items, Models: others, Now: r.Clock.Now()})
	if scheduler.Same(model.Status.Placements, result.Placements) {
		return result, true, nil
	}
	before := model.DeepCopy()
	model.Status.RemovedPlacements = left(model, result.Placements)
	model.Status.Placements = result.Placements
	if written, err := status.Write(ctx, r.Client, before, model); err != nil || !written {
		return result, false, err
	}
	r.decisions.remember(model)
	r.Metrics.decided(result)
	tell(ctx, before, result)
	return result, true, nil
}

// tell 把一个改变了放置的决定记一行：管平台的人凭它知道谁为什么到了哪里。
func tell(ctx context.Context, before *v1alpha1.Model, result scheduler.Result) {
	clusters := make([]string, 0, len(result.Placements))
	for _, p := range result.Placements {
		clusters = append(clusters, p.Cluster)
	}
	log.FromContext(ctx).Info("The placement of a Model changed", "model", client.ObjectKeyFromObject(before), "clusters", clusters,
		"rejections", len(result.Rejected), "reason", result.Condition.Reason, "change", scheduler.Moves(before.Status.Placements, result.Placements))
}

// stands 报告上一次的决定原样有效，那就不必把全部模型再算一遍：别的模型占着多少，只在要添、要换地方时才要紧。
func stands(model *v1alpha1.Model, clusters []cluster.Cluster, now time.Time) (scheduler.Result, bool) {
	c := meta.FindStatusCondition(model.Status.Conditions, v1alpha1.ConditionScheduled)
	if c == nil || c.Status != metav1.ConditionTrue || c.ObservedGeneration != model.Generation {
		return scheduler.Result{}, false
	}
	alone := scheduler.Schedule(scheduler.Input{Model: model, Clusters: clusters, Now: now})
	if alone.Condition.Status != metav1.ConditionTrue || !scheduler.Same(model.Status.Placements, alone.Placements) ||
		!slices.Equal(lasting(model.Status.RejectedClusters), lasting(alone.Rejected)) {
		return scheduler.Result{}, false
	}
	alone.Placements, alone.Rejected, alone.Condition = model.Status.Placements, model.Status.RejectedClusters, *c
	return alone, true
}

// lasting 是与空闲多少无关的拒绝：空闲的数天天在变，放好了的模型不为它重算。
func lasting(rejected []v1alpha1.RejectedCluster) []v1alpha1.RejectedCluster {
	return slices.DeleteFunc(slices.Clone(rejected), func(c v1alpha1.RejectedCluster) bool {
		return c.Reason == v1alpha1.RejectedFreeBlock || c.Reason == v1alpha1.RejectedCapacity
	})
}

func byName(clusters []cluster.Cluster) map[string]*cluster.Cluster {
	known := make(map[string]*cluster.Cluster, len(clusters))
	for i := range clusters {
		known[clusters[i].Name] = &clusters[i]
	}
	return known
}

// reservations 是别的模型最新的放置：自己写下而缓存还没看到的也算，数进 Cluster 状态的副本照此刻的证据。
func (r *Reconciler) reservations(ctx context.Context, model *v1alpha1.Model, clusters []cluster.Cluster) ([]v1alpha1.Model, error) {
	list := &v1alpha1.ModelList{}
	if err := r.Client.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list the models: %w", err)
	}
	known, others := byName(clusters), make([]v1alpha1.Model, 0, len(list.Items))
	for i := range list.Items {
		other := &list.Items[i]
		if other.UID == model.UID {
			continue
		}
		if written, behind := r.decisions.behind(other); behind {
			other = written
		}
		if len(other.Status.Placements)+len(other.Status.RemovedPlacements) == 0 {
			// 什么也没占着的不必看：等着地方的可能有上千个。
			continue
		}
		others = append(others, r.counted(other, known))
	}
	return others, nil
}

// counted 返回 model 的一个浅副本，各处放置、离开了还没收走的，observedReplicas 都照此刻的证据。
func (r *Reconciler) counted(model *v1alpha1.Model, clusters map[string]*cluster.Cluster) v1alpha1.Model {
	counted := *model
	counted.Status.Placements = slices.Clone(model.Status.Placements)
	counted.Status.RemovedPlacements = slices.Clone(model.Status.RemovedPlacements)
	for i := range counted.Status.Placements {
		p := &counted.Status.Placements[i]
		p.ObservedReplicas = r.count(model.UID, clusters[p.Cluster], p.ClusterUID, holding{p.ResourceName, p.Product, p.AcceleratorCount}, p.ObservedReplicas)
	}
	for i := range counted.Status.RemovedPlacements {
		p := &counted.Status.RemovedPlacements[i]
		p.ObservedReplicas = r.count(model.UID, clusters[p.Cluster], p.ClusterUID, holding{p.ResourceName, p.Product, p.AcceleratorCount}, p.ObservedReplicas)
	}
	return counted
}

// count 数出此刻数进了 Cluster 状态的副本；看不到成员时，旧的数作数。
func (r *Reconciler) count(model types.UID, on *cluster.Cluster, uid string, each holding, old int32) int32 {
	if on == nil || string(on.UID) != uid {
		return old
	}
	o, ok := r.Members.Observe(on.Name, model)
	if !ok {
		return old
	}
	n, _ := r.accounts.observed(on, model, o, each, old)
	return n
}

// left 是离开了、还要收拾的集群：以前的加上这次离开的，又回去了的不算。
// 一个名字只有一个 Cluster：同名的两个里，后离开的才是现在登记着的，先前的那一个已经没有了，那里不归平台收拾。
func left(model *v1alpha1.Model, now []v1alpha1.ModelPlacement) []v1alpha1.RemovedPlacement {
	gone := slices.Clone(model.Status.RemovedPlacements)
	for _, p := range model.Status.Placements {
		gone = append(gone, v1alpha1.RemovedPlacement{
			Cluster: p.Cluster, ClusterUID: p.ClusterUID, Product: p.Product, ResourceName: p.ResourceName,
			AcceleratorCount: p.AcceleratorCount, Replicas: p.Replicas, ObservedReplicas: p.ObservedReplicas,
		})
	}
	gone = slices.DeleteFunc(gone, func(g v1alpha1.RemovedPlacement) bool {
		return slices.ContainsFunc(now, func(p v1alpha1.ModelPlacement) bool { return p.Cluster == g.Cluster && p.ClusterUID == g.ClusterUID })
	})
	slices.Reverse(gone)
	slices.SortStableFunc(gone, func(a, b v1alpha1.RemovedPlacement) int { return strings.Compare(a.Cluster, b.Cluster) })
	return slices.CompactFunc(gone, func(a, b v1alpha1.RemovedPlacement) bool { return a.Cluster == b.Cluster })
}
