package model

import (
	"maps"
	"sync"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	cluster "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/internal/member"
)

// accounts 记着每个模型在每个集群上哪些 Pod 的加速器已经数进 Cluster 的状态：
// 数进去的不再预留，没数进去的才预留，两边都数或都漏数都不行。
//
// 只有成员此刻的总账与 Cluster 的状态一样时，排上节点的 Pod 才恰好都数在里面；
// 不一样时只认以前数进去、现在还在的：宁可一时多留，也不漏留。
type accounts struct {
	mu      sync.Mutex
	counted map[account]sets.Set[types.UID]
	// lagging 是各集群上有 Pod 还没数进去的模型：Cluster 的卡数一变，只有它们要重新看。
	lagging map[types.UID]sets.Set[types.UID]
	// compared 是各集群上一次比较的结果：一个决定要为每个别的模型问一遍，比的却是同样的两份。
	compared map[types.UID]comparison
}

// comparison 认得比的是哪两份：总账与缓存里的状态都从不改动，换了就是另一份。
type comparison struct {
	ledger, status *cluster.Accelerator
	equal          bool
}

type account struct{ cluster, model types.UID }

// observed 返回数进去的副本数；第二个值说 Cluster 的状态跟上了没有。看不见成员时，旧的数作数。
func (a *accounts) observed(c *cluster.Cluster, model types.UID, o member.Observation, each holding, old int32) (int32, bool) {
	if !o.Known {
		return old, true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	key, bound := account{c.UID, model}, holders(o.Claims, each)
	counted := bound
	if !a.agrees(c.UID, o.Accelerators, c.Status.Accelerators) {
		counted = bound.Intersection(a.counted[key])
	}
	a.count(key, counted)
	settled := counted.Len() == bound.Len()
	a.lag(key, !settled)
	return int32(counted.Len()), settled
}

// agrees 说成员的总账与 Cluster 的状态是不是一样。
func (a *accounts) agrees(on types.UID, ledger, status []cluster.Accelerator) bool {
	if len(ledger) != len(status) || len(ledger) == 0 {
		return len(ledger) == len(status)
	}
	last := a.compared[on]
	if last.ledger == &ledger[0] && last.status == &status[0] {
		return last.equal
	}
	if a.compared == nil {
		a.compared = map[types.UID]comparison{}
	}
	equal := equality.Semantic.DeepEqual(ledger, status)
	a.compared[on] = comparison{&ledger[0], &status[0], equal}
	return equal
}

func (a *accounts) count(key account, counted sets.Set[types.UID]) {
	if a.counted == nil {
		a.counted, a.lagging = map[account]sets.Set[types.UID]{}, map[types.UID]sets.Set[types.UID]{}
	}
	if counted.Len() == 0 {
		delete(a.counted, key)
	} else {
		a.counted[key] = counted
	}
}

func (a *accounts) lag(key account, lags bool) {
	behind := a.lagging[key.cluster]
	switch {
	case !lags:
		if behind.Delete(key.model); behind.Len() == 0 {
			delete(a.lagging, key.cluster)
		}
	case behind == nil:
		a.lagging[key.cluster] = sets.New(key.model)
	default:
		behind.Insert(key.model)
	}
}

// behind 是在这个集群上有 Pod 还没数进去的模型。
func (a *accounts) behind(cluster types.UID) []types.UID {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.lagging[cluster].UnsortedList()
}

func (a *accounts) forget(model types.UID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	maps.DeleteFunc(a.counted, func(key account, _ sets.Set[types.UID]) bool { return key.model == model })
	maps.DeleteFunc(a.lagging, func(_ types.UID, models sets.Set[types.UID]) bool {
		models.Delete(model)
		return models.Len() == 0
	})
}

// keep 只留下还在的集群上的。
func (a *accounts) keep(clusters sets.Set[types.UID]) {
	a.mu.Lock()
	defer a.mu.Unlock()
	maps.DeleteFunc(a.counted, func(key account, _ sets.Set[types.UID]) bool { return !clusters.Has(key.cluster) })
	maps.DeleteFunc(a.lagging, func(on types.UID, _ sets.Set[types.UID]) bool { return !clusters.Has(on) })
	maps.DeleteFunc(a.compared, func(on types.UID, _ comparison) bool { return !clusters.Has(on) })
}

// holding 是答应给一个副本的。
type holding struct {
	resource, product string
	count             int32
}

// holders 是占着答应过的那么多卡的 Pod。滚动时还没换下的旧的占得少，或者占着别的产品，不顶新的数。
func holders(claims []member.Claim, each holding) sets.Set[types.UID] {
	pods := sets.New[types.UID]()
	for _, c := range claims {
		if c.Resource == each.resource && c.Product == each.product && c.Count >= each.count {
			pods.Insert(c.Pod)
		}
	}
	return pods
}
