package member

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"
)

// probeGap 是两次探测之间至少隔多久：监视一断就要去看，但一断再断不该变成轰炸。
const probeGap = time.Second

// beat 按节拍探测，直到 ctx 结束。
func (c *connection) beat(ctx context.Context) {
	last := c.clock.Now()
	// 头一次马上探，第二次错开：一百个成员一起登记，此后也不一起跳。
	due, stagger := last, 0.5+rand.Float64()/2
	for c.awaitTurn(ctx, last, due) {
		last = c.clock.Now()
		c.probe(ctx)
		due = last.Add(time.Duration(float64(c.interval()) * stagger))
		stagger = 1
	}
}

// awaitTurn 等到该探的时候：到了 due，或有人催，或改了的节拍到了；ctx 结束时为假。
func (c *connection) awaitTurn(ctx context.Context, last, due time.Time) bool {
	for {
		wait := due.Sub(c.clock.Now())
		if wait <= 0 {
			return ctx.Err() == nil
		}
		timer := c.clock.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return false
		case <-timer.C():
		case <-c.nudge:
			if soon := last.Add(probeGap); soon.Before(due) {
				due = soon
			}
		case <-c.repaced:
			due = last.Add(c.interval())
		}
		timer.Stop()
	}
}

func (c *connection) interval() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pace.interval
}

// probeSoon 请心跳马上探一次。
func (c *connection) probeSoon() { signal(c.nudge) }

// succeeded 记下成员答应了；此前没有答应过的话，叫醒等着重连的监视。breaks 是探测开始时监视断过的次数。
func (c *connection) succeeded(found identity, breaks int) {
	c.change(func() {
		changed := c.recognize(found)
		c.vouched = breaks
		probe := &c.evidence.Probe
		back := probe.LastSuccess.IsZero() || probe.Failures > 0
		now := c.clock.Now()
		*probe, c.dissent = Probe{At: now, LastSuccess: now}, dissent{}
		c.touch()
		if back {
			c.gate.reopen()
		}
		if back || changed {
			close(c.wake)
			c.wake = make(chan struct{})
		}
	})
	c.tell()
}

// recognize 记下成员是谁、能做什么，答能做的变了没有；换了一个的话，数字是别人的，重新列过之前一个也不留。
func (c *connection) recognize(found identity) bool {
	known := c.evidence.ID
	if known == "" {
		known = c.identity.inherited
	}
	if known != "" && known != found.id {
		c.evidence.Capacity, c.seen = Capacity{}, time.Time{}
		if c.evidence.ID != "" {
			c.abandon(errAnotherMember)
		}
	}
	found.inherited = ""
	c.identity = found
	changed := !slices.Equal(c.evidence.Capabilities, found.capabilities)
	c.evidence.ID, c.evidence.Version, c.evidence.Capabilities = found.id, found.version, found.capabilities
	for _, w := range c.placed {
		if changed && w.absent {
			w.retryAt = time.Time{}
		}
	}
	return changed
}

// dissent 是已经算失败之后，连着几次别样的失败。
type dissent struct {
	reason Failure
	times  int
}

// conclude 定下失败的原因。已经算失败的，连着门限那么多次都是另一种，才改口：
// 起死回生的成员会先有一瞬说自己没有就绪，不该让条件跟着来回跳。
func (c *connection) conclude(probe *Probe, err error) {
	reason := ReasonOf(err)
	if !probe.Failed || reason == ReasonOf(probe.Err) {
		probe.Err, c.dissent = err, dissent{}
		return
	}
	if c.dissent.reason != reason {
		c.dissent = dissent{reason: reason}
	}
	if c.dissent.times++; c.dissent.times >= c.pace.threshold {
		probe.Err, c.dissent = err, dissent{}
	}
}

// abandon 放弃现有的监视，让它们重新列出。
func (c *connection) abandon(err error) {
	c.nodes.fail(c.clock.Now(), err)
	c.pods.fail(c.clock.Now(), err)
	c.nodes.retryAt, c.pods.retryAt = time.Time{}, time.Time{}
	for _, w := range c.placed {
		w.fail(c.clock.Now(), err)
		w.retryAt = time.Time{}
	}
	c.book.touch(Everything)
}

// missed 记下一次失败。达到门限就掐断全部连接：卡住的成员上监视还开着，回来之后也不知漏了什么。
func (c *connection) missed(err error) {
	var down bool
	c.change(func() {
		probe := &c.evidence.Probe
		probe.At = c.clock.Now()
		probe.Failures++
		c.conclude(probe, err)
		if down = !probe.Failed && probe.Failures >= c.pace.threshold; down {
			probe.Failed = true
			c.abandon(err)
		}
	})
	if down {
		c.log.Info("A member cluster counts as down", "reason", err.Error())
		c.dialer.CloseAll()
	}
	c.tell()
}
