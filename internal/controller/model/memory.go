package model

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"

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

// grips 是各个 Model 的凭据。
type grips struct{ memory[*grip] }

func (g *grips) of(model *v1alpha1.Model) *grip {
	return g.memory.of(model.UID, func() *grip { return &grip{uid: model.UID, secrets: map[string]held{}} })
}

// names 由名字记着 UID：对象消失之后只剩名字。
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
