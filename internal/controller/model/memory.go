package model

import (
	"maps"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	cluster "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// memory 按 Model 的 UID 放着一样东西。同一个 Model 同时只有一个工作者，锁只护着这张表。
type memory[T any] struct {
	mu    sync.Mutex
	byUID map[types.UID]T
}

// of 返回为 uid 放着的；没有就放上 fresh 造的。
func (m *memory[T]) of(uid types.UID, fresh func() T) T {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.byUID == nil {
		m.byUID = map[types.UID]T{}
	}
	if _, ok := m.byUID[uid]; !ok {
		m.byUID[uid] = fresh()
	}
	return m.byUID[uid]
}

func (m *memory[T]) forget(uid types.UID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.byUID, uid)
}

// grips 是关于各个 Model 的凭据记得的。
type grips struct{ memory[*grip] }

func (g *grips) of(model *v1alpha1.Model) *grip {
	return g.memory.of(model.UID, func() *grip { return &grip{secrets: map[string]glimpse{}} })
}

// keep 放下为已经没有了的集群记着的；集群没有来去时什么也不做。
func (r *Reconciler) keep(clusters []cluster.Cluster) {
	living := make(sets.Set[types.UID], len(clusters))
	for i := range clusters {
		living.Insert(clusters[i].UID)
	}
	if living.Equal(r.decisions.clusters) {
		return
	}
	r.decisions.clusters = living
	r.accounts.keep(living)
	r.namespaces.keep(living)
}

// leave 放下为 model 已经不在的集群记着的：回去时会向成员问它自己的那份。
func (r *Reconciler) leave(model *v1alpha1.Model) {
	on := sets.New[types.UID]()
	for _, p := range model.Status.Placements {
		on.Insert(types.UID(p.ClusterUID))
	}
	for _, p := range model.Status.RemovedPlacements {
		on.Insert(types.UID(p.ClusterUID))
	}
	maps.DeleteFunc(r.carriersOf(model.UID), func(uid types.UID, _ carried) bool { return !on.Has(uid) })
	maps.DeleteFunc(r.recordsOf(model.UID), func(uid types.UID, _ map[target]record) bool { return !on.Has(uid) })
}

// identities 由名字记着 UID：对象消失之后只剩名字。
type identities struct {
	mu    sync.Mutex
	known map[types.NamespacedName]types.UID
}

// meet 记下 key 现在是谁，返回以前的那个（同名重建时要忘掉它）。
func (n *identities) meet(key types.NamespacedName, uid types.UID) types.UID {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.known == nil {
		n.known = map[types.NamespacedName]types.UID{}
	}
	was := n.known[key]
	if uid == "" {
		delete(n.known, key)
	} else {
		n.known[key] = uid
	}
	if was == uid {
		return ""
	}
	return was
}
