package member

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/util/wait"
)

const (
	// coalesce 把一阵变化并成一次；此后 publishGap 之内不再说，因为每说一次平台就写一次状态。
	coalesce   = 250 * time.Millisecond
	publishGap = time.Second
	// handover 是监视到期后换一个新的所允许的空当：它每几分钟发生一次，不是断开。
	handover = 2 * time.Second
)

// watching 是一种资源的监视的死活，由 connection.mu 保护。
type watching struct {
	kind string
	// synced 表示账里有完整的一份，而且此后的事件一个不漏。
	synced bool
	// open 是现在连着的监视，没有时为 nil。
	open any
	// err 是最近一次失败。
	err error
	// absent 表示成员不提供这一种：那就是一个也没有，不是看不见。
	absent bool
	// lost 是最近一次不再看得见的时间，从没看见过的是开始跟随的时间。
	lost time.Time
	// retryAt 之前不再试；retry 让它越来越远。
	retryAt time.Time
	retry   wait.Backoff
}

func newWatching(kind string) *watching { return &watching{kind: kind, retry: retryBackoff()} }

// retryBackoff 给心跳还通、这种资源却要不到的时候用，例如无权。
func retryBackoff() wait.Backoff {
	return wait.Backoff{Duration: time.Second, Factor: 2, Jitter: 0.2, Cap: 30 * time.Second, Steps: 20}
}

// live 说账是不是成员的现状；换监视的空当里也算。
func (w *watching) live() bool { return w.synced && w.err == nil }

// fail 记下断开：账里的数留着，但要重新列过才算数。还连着的监视也不要了，它说的不再记账，留着就没有人去重列。
func (w *watching) fail(now time.Time, err error) {
	if s, ok := w.open.(*stream); ok {
		s.Stop()
	}
	w.lose(now)
	w.open, w.err = nil, err
	w.retryAt = now.Add(w.retry.Step())
}

// lose 记下从 now 起账不再完整。
func (w *watching) lose(now time.Time) {
	if w.synced {
		w.lost = now
	}
	w.synced = false
}

// recovered 记下又看得见了。
func (w *watching) recovered() {
	w.err, w.absent, w.retryAt, w.retry = nil, false, time.Time{}, retryBackoff()
}

// known 说一种放上去的东西此刻有哪些，知不知道。
func (w *watching) known() bool { return w.absent || w.live() && w.watched() }

// live 说容量此刻是否确知：知道是谁（断开之后也重新认过）、心跳没有失败、两种资源都看着。
func (c *connection) live() bool {
	return c.reachable() && c.evidence.ID != "" && c.vouched == c.breaks && c.nodes.live() && c.pods.live() && c.nodes.watched() && c.pods.watched()
}

// watched 说监视开着，或正在换。
func (w *watching) watched() bool { return w.open != nil }

// reachable 说心跳是否通；没有通过之前不去列出，免得打扰连不上的成员。
func (c *connection) reachable() bool {
	return !c.evidence.Probe.LastSuccess.IsZero() && !c.evidence.Probe.Failed
}

// await 等到值得再试：心跳不通就等它通，否则等到退避结束。
func (c *connection) await(ctx context.Context, w *watching) error {
	for {
		c.mu.Lock()
		reachable, wake, delay := c.reachable(), c.wake, w.retryAt.Sub(c.clock.Now())
		c.mu.Unlock()
		if reachable && delay <= 0 {
			return nil
		}
		if err := c.pause(ctx, reachable, delay, wake); err != nil {
			return err
		}
	}
}

// pause 等到成员回来；心跳还通时也可以只等 delay。
func (c *connection) pause(ctx context.Context, reachable bool, delay time.Duration, wake <-chan struct{}) error {
	var retry <-chan time.Time
	if reachable {
		timer := c.clock.NewTimer(delay)
		defer timer.Stop()
		retry = timer.C()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-wake:
	case <-retry:
	}
	return nil
}

// resumable 说监视能否从断处续上。
func (c *connection) resumable(w *watching) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return w.synced
}

// opened 记下监视开了；从断处续上的，若其间已经不能算数就不要，续上了也要重新认过人才算数：断得再短，背后也可能换了一个。
func (c *connection) opened(w *watching, s *stream, initial bool) bool {
	ok := true
	c.change(func() {
		switch {
		case initial:
			c.doubt(w)
			w.lose(c.clock.Now())
			w.open = s
		case w.synced:
			c.doubt(w)
			w.open = s
			w.recovered()
		default:
			ok = false
		}
	})
	return ok
}

// doubt 记下看得好好的 w 要重新连上：背后可能换了一个成员，请心跳去认。
func (c *connection) doubt(w *watching) {
	if w.synced {
		c.breaks++
		c.probeSoon()
	}
}

// listed 把完整的一份换进账里。
func (c *connection) listed(w *watching, stream any, replace func()) {
	c.change(func() {
		if stream != nil && w.open != stream {
			return
		}
		if stream == nil {
			c.doubt(w)
		}
		replace()
		w.synced = true
		w.recovered()
		c.touch()
		c.schedule()
	})
}

// heard 记下一个事件；已被放弃的监视说的不算。alter 答真表示账可能变了。
func (c *connection) heard(w *watching, s *stream, alter func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w.open != any(s) || !w.synced {
		return
	}
	c.touch()
	if alter() {
		c.schedule()
	}
}

// broke 记下断开，并让心跳马上去看成员还在不在。
func (c *connection) broke(w *watching, err error) {
	c.mu.Lock()
	first := w.err == nil
	c.mu.Unlock()
	err = failed("list and watch "+w.kind, err)
	c.change(func() {
		if first {
			c.breaks++
			c.book.touch(Everything)
		}
		w.fail(c.clock.Now(), err)
	})
	if first {
		c.log.V(1).Info("The watch of a member cluster is broken", "kind", w.kind, "reason", err.Error())
		c.probeSoon()
	}
}

// missing 记下成员不提供这一种：账里的都不在了，只有要用它的模型受影响。装上之前不必常问，能力变了自会再问。
func (c *connection) missing(w *watching, empty func()) {
	c.change(func() {
		if !w.absent {
			w.absent = true
			empty()
			c.probeSoon()
		}
	})
}

// lacking 说有没有跟随着的种类是成员不提供的：那时每次心跳都问它能做什么。拿着锁调用。
func (c *connection) lacking() bool {
	for _, w := range c.placed {
		if w.absent {
			return true
		}
	}
	return false
}

// closed 记下监视结束了；一会儿之内没有换上新的，就是断开。
func (c *connection) closed(w *watching, s *stream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopping || w.open != any(s) {
		return
	}
	if !w.synced {
		w.open = nil
		return
	}
	c.timers.Go(c.clock, handover, func() {
		c.mu.Lock()
		expired := w.open == any(s)
		c.mu.Unlock()
		if expired {
			c.broke(w, errNotReopened)
		}
	})
}

var errNotReopened = errors.New("the watch ended and could not be opened again")

// touch 记下此刻数字属实。
func (c *connection) touch() {
	if c.live() {
		c.seen = c.clock.Now()
	}
}

// schedule 安排一次结算；由事件触发，没有事件就没有结算。
func (c *connection) schedule() {
	if c.publishing || c.stopping {
		return
	}
	c.publishing = true
	wait := max(coalesce, c.published.Add(publishGap).Sub(c.clock.Now()))
	c.timers.Go(c.clock, wait, func() {
		c.mu.Lock()
		c.publishing = false
		changed := c.publish()
		c.mu.Unlock()
		if changed {
			c.tell()
		}
	})
}

// publish 结算：看得见时把账上的数变成证据，返回是否变了；拿着锁调用。
func (c *connection) publish() bool {
	if !c.live() {
		return false
	}
	nodes, accelerators := c.ledger.summary()
	was := c.evidence.Capacity
	c.published = c.clock.Now()
	c.evidence.Capacity = Capacity{Known: true, Nodes: nodes, Accelerators: accelerators}
	return !was.Known || was.Nodes != nodes || !equality.Semantic.DeepEqual(was.Accelerators, accelerators)
}

// change 改变死活；容量因此从确知变为不知、或从不知变为确知时，立刻说出来。
func (c *connection) change(alter func()) {
	c.mu.Lock()
	was := c.live()
	alter()
	is := c.live()
	changed := false
	switch {
	case was && !is:
		changed = c.evidence.Capacity.Known
		c.evidence.Capacity.Known = false
	case is && !was:
		c.touch()
		changed = c.publish()
	}
	stopping := c.stopping
	c.mu.Unlock()
	if changed && !stopping {
		c.tell()
	}
}

// capacityError 说为什么现在不知道容量。
func (c *connection) capacityError() error {
	for _, w := range []*watching{c.nodes, c.pods} {
		if w.err != nil {
			return w.err
		}
	}
	switch probe := c.evidence.Probe; {
	case probe.Err != nil:
		return probe.Err
	case probe.LastSuccess.IsZero():
		return errNotProbed
	case c.vouched != c.breaks:
		return errNotVouched
	}
	return fmt.Errorf("list and watch nodes and pods: %w", errNotListedYet)
}

var errNotVouched = errors.New("the watch was interrupted; whether the same member answers is being checked")

var errNotListedYet = errors.New("they are still being listed")
