package e2e

import (
	"context"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"
)

const (
	// propagation 是机器空闲时一件事从成员走到读者眼里准用的时间：成员的缓存先把一阵变化并成一次（四分之一秒，
	// 卡数一秒一次），再经监视、协调、写状态、监视四程，每一程几十毫秒。
	propagation = 2 * time.Second
	// journeys 是机器忙时按最慢的一次往返加的倍数：上面那四程，每一程都可能那么慢。
	journeys = 4
	// beatEvery 是脉搏的间隔。
	beatEvery = 200 * time.Millisecond
	// pulseLease 是写来写去的那个对象。
	pulseLease = "truth-pulse"
)

// pulse 不停地在平台上读一次、再写一次，记下各用了多久。它与被测的状态走同样的路、争同样的两个核，
// 所以量得出机器此刻有多慢：两核的机器卡住一秒，不算平台说了一秒假话。
// 门限用最慢的一次，不用总和：一直慢的机器也证明不了无休止的假话情有可原。
type pulse struct {
	mu    sync.Mutex
	beats []beat
	// due 是下一次该开始、或这一次已经开始的时刻：机器卡在两次之间，也算这一次慢。
	due time.Time
}

type beat struct{ from, to time.Time }

// run 打到 ctx 结束；没走通的（平台停着）不算。
func (p *pulse) run(ctx context.Context, platform kubernetes.Interface) {
	leases := platform.CoordinationV1().Leases("kubellm-system")
	ticker := time.NewTicker(beatEvery)
	defer ticker.Stop()
	defer p.rest()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		p.start()
		lease, err := leases.Get(ctx, pulseLease, metav1.GetOptions{})
		if err == nil {
			lease.Spec.LeaseTransitions = ptr.To(ptr.Deref(lease.Spec.LeaseTransitions, 0) + 1)
			_, err = leases.Update(ctx, lease, metav1.UpdateOptions{})
		}
		p.end(err == nil)
	}
}

// start 记下一次往返开始了；早该开始的，从早该开始时算起。
func (p *pulse) start() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now(); p.due.IsZero() || now.Before(p.due) {
		p.due = now
	}
}

// end 记下一次往返；没走通的不算。
func (p *pulse) end(counts bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if counts {
		p.beats = append(p.beats, beat{p.due, now})
	}
	p.due = now.Add(beatEvery)
}

// rest 是不再打了：没有哪一次是该开始而没有开始的。
func (p *pulse) rest() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.due = time.Time{}
}

// slowest 是与这段时间有交集的往返里最慢的。
func (p *pulse) slowest(from, to time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	var worst time.Duration
	if !p.due.IsZero() {
		worst = max(worst, to.Sub(p.due))
	}
	for _, b := range p.beats {
		if b.from.Before(to) && b.to.After(from) {
			worst = max(worst, b.to.Sub(b.from))
		}
	}
	return worst
}

// limit 是一句假话准说多久：一个心跳门限，加上传播，加上故障自己的。
func (j *journal) limit(from, to time.Time) time.Duration {
	return heartbeatLimit + propagation + journeys*j.pulse.slowest(from, to) + j.current().grace
}
