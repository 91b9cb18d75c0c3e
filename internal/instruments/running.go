package instruments

import (
	"slices"
	"sync"
)

// Running 是同一个进程里此刻在跑的几个：它们共用登记处上的一份指标，抓取时问在跑的。零值可用。
type Running[T comparable] struct {
	mu  sync.Mutex
	all []T
}

// Add 记下又一个在跑，返回的函数在它停下时叫。
func (r *Running[T]) Add(one T) (remove func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, one)
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.all = slices.DeleteFunc(r.all, func(other T) bool { return other == one })
	}
}

// All 返回在跑的，按开始的先后；是副本，谁都可以留着。
func (r *Running[T]) All() []T {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}
