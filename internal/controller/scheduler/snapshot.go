package scheduler

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	cluster "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	model "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// Snapshot 是某一刻的集群与其上的预留，算一次可以给许多模型用；Assume 会改它，不能同时用。
type Snapshot struct {
	sites []*site
	names map[string]*site
	// held 是每个模型答应下来的，排它自己时要先拿开。
	held map[types.NamespacedName][]reservation
}

// site 是一个集群。
type site struct {
	*cluster.Cluster
	pools []pool
	// placed 是放在这里的模型数，不用加速器的模型凭它分散。
	placed int64
}

// pool 是一个集群里的一种加速器。
type pool struct {
	*cluster.Accelerator
	reserved []class
}

// reservation 是一个模型在一个集群里还没绑上节点的副本。
type reservation struct {
	site              *site
	resource, product string
	// models 是放在这里的模型数：离开了的是零。
	models int64
	class
}

// NewSnapshot 把集群与所有模型的放置收成快照；次序无关，不改也不留下写的余地。
func NewSnapshot(clusters []cluster.Cluster, models []model.Model) *Snapshot {
	s := &Snapshot{
		sites: make([]*site, 0, len(clusters)),
		names: make(map[string]*site, len(clusters)),
		held:  make(map[types.NamespacedName][]reservation, len(models)),
	}
	for i := range clusters {
		at := &site{Cluster: &clusters[i]}
		for j := range at.Status.Accelerators {
			at.pools = append(at.pools, pool{Accelerator: &at.Status.Accelerators[j]})
		}
		slices.SortFunc(at.pools, func(a, b pool) int {
			return cmp.Or(cmp.Compare(a.Product, b.Product), cmp.Compare(a.ResourceName, b.ResourceName))
		})
		s.sites = append(s.sites, at)
		s.names[at.Name] = at
	}
	slices.SortFunc(s.sites, func(a, b *site) int { return cmp.Compare(a.Name, b.Name) })
	for i := range models {
		s.Assume(&models[i], models[i].Status.Placements)
	}
	return s
}

// Assume 把模型的放置记成预留，替下它从前的；接着排的模型就不会再用这些块。
func (s *Snapshot) Assume(m *model.Model, placements []model.ModelPlacement) {
	key := types.NamespacedName{Namespace: m.Namespace, Name: m.Name}
	for _, r := range s.held[key] {
		r.site.reserve(r, -1)
	}
	var held []reservation
	for _, p := range placements {
		if at := s.names[p.Cluster]; at != nil && sameCluster(at, p.ClusterUID) {
			held = append(held, reservation{site: at, resource: p.ResourceName, product: p.Product, models: 1,
				class: unbound(p.AcceleratorCount, p.Replicas, p.ObservedReplicas)})
		}
	}
	for _, p := range m.Status.RemovedPlacements {
		// 离开了的还没收走，那里的副本还可能绑上节点：集群回来时，别人不能用它们的卡。
		if at := s.names[p.Cluster]; at != nil && sameCluster(at, p.ClusterUID) {
			held = append(held, reservation{site: at, resource: p.ResourceName, product: p.Product,
				class: unbound(p.AcceleratorCount, p.Replicas, p.ObservedReplicas)})
		}
	}
	for _, r := range held {
		r.site.reserve(r, +1)
	}
	if s.held[key] = held; held == nil {
		delete(s.held, key)
	}
}

// sameCluster 分清同名而重新登记的集群：从前那一个上的放置与它无关。
func sameCluster(at *site, uid string) bool { return uid == "" || uid == string(at.UID) }

// unbound 是还没绑上节点的副本。按答应过的数，不按 spec：改大了而没有地方的，还是从前那么多。
func unbound(count, replicas, observed int32) class {
	return class{count: int64(count), replicas: max(int64(replicas)-int64(observed), 0)}
}

// reserve 记下或拿走一项预留。
func (s *site) reserve(r reservation, sign int64) {
	s.placed += sign * r.models
	for i := range s.pools {
		if p := &s.pools[i]; r.takes(p) {
			p.reserved = merge(p.reserved, class{count: r.count, replicas: sign * r.replicas})
		}
	}
}

func (r reservation) takes(p *pool) bool {
	return r.count > 0 && r.replicas > 0 && r.resource == p.ResourceName && r.product == p.Product
}

// others 是这一种加速器上除模型自己以外的预留。
func (p *pool) others(at *site, own []reservation) []class {
	out, copied := p.reserved, false
	for _, r := range own {
		if r.site != at || !r.takes(p) {
			continue
		}
		if !copied {
			out, copied = slices.Clone(out), true
		}
		out = merge(out, class{count: r.count, replicas: -r.replicas})
	}
	return out
}

// demand 是一个副本要的加速器，与每个集群里要的副本数；count 为零是不用加速器。
type demand struct {
	resource string
	count    int64
	products []string
	replicas int32
	// autoscaled 表示 replicas 是上限，成员自己定此刻是几个。
	autoscaled bool
}

// demandOf 读出模型要什么：自动伸缩按上限答应，暂停的不再答应新的。
func demandOf(m *model.Model) demand {
	d := demand{replicas: 1}
	if r := m.Spec.Resources; r != nil && r.Accelerator != nil {
		d.resource = ptr.Deref(r.Accelerator.ResourceName, model.DefaultAcceleratorResource)
		d.count = max(int64(ptr.Deref(r.Accelerator.Count, 1)), 1)
		d.products = r.Accelerator.Products
	}
	if s := m.Spec.Scaling; s != nil {
		d.replicas = ptr.Deref(s.Replicas, 1)
		if s.Autoscaling != nil {
			d.replicas, d.autoscaled = s.Autoscaling.MaxReplicas, true
		}
	}
	if ptr.Deref(m.Spec.Suspended, false) {
		d.replicas = 0
	}
	return d
}

// Granted 报告一处放置答应的就是 spec 要的那么多；没有答应时，那里跑着的原样留着。
func Granted(m *model.Model, p model.ModelPlacement) bool {
	d := demandOf(m)
	// 固定的副本数照放置的放，自动伸缩的上限却照 spec：没答应的上限不能放上去。
	return d.resource == p.ResourceName && d.count == int64(p.AcceleratorCount) && (!d.autoscaled || p.Replicas >= d.replicas)
}

// Kept 报告一处要原样留着：要的没有答应，或者那里缺了要的能力，放上去只会放成一半。
func Kept(m *model.Model, p model.ModelPlacement, rejected []model.RejectedCluster) bool {
	if ptr.Deref(m.Spec.Suspended, false) {
		// 要停的总停得下来。
		return false
	}
	return !Granted(m, p) || slices.ContainsFunc(rejected, func(c model.RejectedCluster) bool {
		return c.Cluster == p.Cluster && c.Reason == model.RejectedCapability
	})
}

// grant 把要的记在放置上；占着的卡不合用了的，不再算数。
func (d demand) grant(p *model.ModelPlacement, product string) {
	if p.Product != product || p.ResourceName != d.resource || int64(p.AcceleratorCount) < d.count {
		p.ObservedReplicas = 0
	}
	p.Product, p.ResourceName, p.AcceleratorCount, p.Replicas = product, d.resource, int32(d.count), d.replicas
}

func (d demand) accepts(product string) bool {
	return len(d.products) == 0 || slices.Contains(d.products, product)
}
