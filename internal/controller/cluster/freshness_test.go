package cluster

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubellm/kubellm/internal/member"
)

// TestAsking 旧的条件能站多久，从结论断掉时算起；一再换凭据不能让它们一直站着。
func TestAsking(t *testing.T) {
	type look struct {
		concluded bool
		idle      bool
		want      time.Duration
	}
	cases := map[string]struct {
		reason string
		looks  []look
	}{
		"Start":    {"the first look begins it", []look{{want: 0}, {want: 0}, {concluded: true, want: 0}}},
		"Rotated":  {"new credentials that replace proven ones begin it anew", []look{{concluded: true, want: 0}, {want: time.Minute}, {want: time.Minute}}},
		"Again":    {"credentials that replace unproven ones do not prolong it", []look{{want: 0}, {want: 0}, {want: 0}, {want: 0}}},
		"Answered": {"an answer in between does", []look{{want: 0}, {concluded: true, want: 0}, {want: 2 * time.Minute}}},
		"Idle":     {"nobody was asked in between", []look{{want: 0}, {idle: true}, {want: 2 * time.Minute}}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			g := &grip{}
			for i, l := range tc.looks {
				at := now.Add(time.Duration(i) * time.Minute)
				if l.idle {
					g.idle()
					continue
				}
				if got := g.asking(l.concluded, at).Sub(now); got != l.want {
					t.Errorf("%s: at look %d the member has been asked since %s, want %s", tc.reason, i, got, l.want)
				}
			}
		})
	}
}

// TestOutdated 早该有下一次探测而没有的证据不算数，多慢的成员也不会被误认。
func TestOutdated(t *testing.T) {
	b := beat(registered())
	cases := map[string]struct {
		reason string
		at     time.Time
		more   member.Probe
		want   bool
	}{
		"Now":    {"it was just asked", now, member.Probe{LastSuccess: now}, false},
		"Slow":   {"the next probe may still be under way", now.Add(-b.interval - b.timeout), member.Probe{}, false},
		"Paused": {"whoever asks has not asked for long", now.Add(-b.interval - b.timeout - late - time.Second), member.Probe{}, true},
		"Lost":   {"one failure since, but the success before it is of before the pause", now, member.Probe{LastSuccess: now.Add(-time.Hour), Failures: 1}, true},
		"Slowly": {"every failure took its time", now, member.Probe{LastSuccess: now.Add(-3*b.interval - b.timeout), Failures: 2}, false},
		"Down":   {"a member that is down answered long ago", now, member.Probe{LastSuccess: now.Add(-time.Hour), Failures: 99, Failed: true}, false},
		"Never":  {"what was never asked is no older than anything", time.Time{}, member.Probe{}, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			probe := tc.more
			probe.At = tc.at
			if got := b.outdated(probe, now); got != tc.want {
				t.Errorf("%s: outdated is %v, want %v", tc.reason, got, tc.want)
			}
		})
	}
}

// TestHeartbeatOfTheFuture 时钟走到前面又回来：写下的将来时间让位给真的。
func TestHeartbeatOfTheFuture(t *testing.T) {
	c, f := registered(), healthy()
	c.Status = compute(c, f)
	ahead := metav1.NewTime(now.Add(24 * time.Hour))
	c.Status.LastHeartbeatTime = &ahead
	if got := compute(c, f).LastHeartbeatTime; !got.Time.Equal(now.Truncate(time.Second)) {
		t.Errorf("the last heartbeat is %s, but the member answered at %s", got, now)
	}
}
