package member

import (
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// timers 是一条连接的定时器；停止之后不再有一个会响，正在响的也等它响完。
type timers struct {
	mu      sync.Mutex
	stopped bool
	pending map[clock.Timer]struct{}
	running sync.WaitGroup
}

// Go 在 d 之后另起协程调用 do。
func (t *timers) Go(clk clock.WithDelayedExecution, d time.Duration, do func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stopped {
		return
	}
	if t.pending == nil {
		t.pending = map[clock.Timer]struct{}{}
	}
	var timer clock.Timer
	timer = clk.AfterFunc(d, func() {
		t.mu.Lock()
		stopped := t.stopped
		if !stopped {
			t.running.Add(1)
			delete(t.pending, timer)
		}
		t.mu.Unlock()
		if !stopped {
			defer t.running.Done()
			do()
		}
	})
	t.pending[timer] = struct{}{}
}

// stop 停掉全部定时器。
func (t *timers) stop() {
	t.mu.Lock()
	t.stopped = true
	for timer := range t.pending {
		timer.Stop()
	}
	t.mu.Unlock()
	t.running.Wait()
}
