package cluster

import (
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/internal/member"
)

func TestOnlyTheOwnMemberIsWritten(t *testing.T) {
	c, f := registered(), healthy()
	c.Status.Version, c.Status.Endpoint = "v1.36.0", "https://old"
	f.evidence.ID = "two"
	f.evidence.Capabilities = []v1alpha1.Capability{v1alpha1.CapabilityKEDA}
	got := compute(c, f)
	if got.ID != "one" || got.Version != "v1.36.0" || got.Endpoint != "https://old" || got.Nodes.Total != 2 ||
		len(got.Capabilities) != 0 || !got.LastHeartbeatTime.Equal(c.Status.LastHeartbeatTime) {
		t.Errorf("something of another member was written: %+v", got)
	}

	f.evidence.ID = "one"
	got = compute(c, f)
	if got.Version != "v1.37.2" || got.Endpoint != "https://member" || got.Nodes.Total != 3 || len(got.Capabilities) != 1 {
		t.Errorf("what was seen of the own member is not written: %+v", got)
	}
}

func TestNumbersStayWhenStale(t *testing.T) {
	c, f := registered(), healthy()
	f.evidence = silent(errRefused, 3, true)
	if got := compute(c, f); got.Nodes == nil || got.Nodes.Total != 2 {
		t.Errorf("nodes are %+v, want those last seen", got.Nodes)
	}
}

func TestHeartbeatIsWrittenOncePerInterval(t *testing.T) {
	cases := map[string]struct {
		reason string
		after  time.Duration
		more   func(*facts)
		want   time.Duration
	}{
		"TooSoon":     {"an answer within the interval is no reason to write", 26 * time.Second, nil, 0},
		"Interval":    {"an interval later it is", 30 * time.Second, nil, 30 * time.Second},
		"Jitter":      {"probes jitter; a beat must not be left out for it", 29900 * time.Millisecond, nil, 29 * time.Second},
		"Along":       {"what is written anyway takes it along", 5 * time.Second, func(f *facts) { f.evidence.Version = "v1.38.0" }, 5 * time.Second},
		"NotBackward": {"an older answer does not turn time back", -5 * time.Second, func(f *facts) { f.evidence.Version = "v1.38.0" }, 0},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c, f := registered(), healthy()
			c.Status = compute(c, f)
			f.evidence.Probe.LastSuccess = now.Add(tc.after)
			if tc.more != nil {
				tc.more(&f)
			}
			if got := compute(c, f).LastHeartbeatTime.Sub(now); got != tc.want {
				t.Errorf("%s: the heartbeat moved by %s, want %s", tc.reason, got, tc.want)
			}
		})
	}
}

func TestWake(t *testing.T) {
	cases := map[string]struct {
		reason string
		change func(*v1alpha1.Cluster, *facts)
		want   time.Duration
	}{
		"Never":           {"all is well and watched", nil, 0},
		"SevenDaysBefore": {"the warning is due at its very time", func(_ *v1alpha1.Cluster, f *facts) { expiresIn(f, 10*24*time.Hour) }, 3 * 24 * time.Hour},
		"Expiry":          {"then the end itself", func(_ *v1alpha1.Cluster, f *facts) { expiresIn(f, 2*time.Hour) }, 2 * time.Hour},
		"Over":            {"after the end there is nothing to wait for", func(_ *v1alpha1.Cluster, f *facts) { expiresIn(f, -time.Hour); f.evidence = nil }, 0},
		"Asked":           {"old conditions stand for so long", func(_ *v1alpha1.Cluster, f *facts) { f.asked, f.evidence = now.Add(-40*time.Second), nil }, time.Minute},
		"WatchBroke": {"a broken watch becomes stale", func(_ *v1alpha1.Cluster, f *facts) {
			f.evidence.Capacity.Known, f.evidence.Capacity.LastSeen = false, now.Add(-10*time.Second)
		}, 90 * time.Second},
		"Suspended": {"the credentials of a suspended member expire too", func(c *v1alpha1.Cluster, f *facts) {
			c.Spec.Suspended, f.evidence = ptr.To(true), nil
			expiresIn(f, time.Hour)
		}, time.Hour},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c, f := registered(), healthy()
			if tc.change != nil {
				tc.change(c, &f)
			}
			if got := wake(view{c, f}); got != tc.want {
				t.Errorf("%s: looks again after %s, want %s", tc.reason, got, tc.want)
			}
		})
	}
}

func TestDrained(t *testing.T) {
	cases := map[string]struct {
		reason string
		change func(*v1alpha1.Cluster, *facts)
		want   string
		text   string
	}{
		"Draining": {
			reason: "what is left is named",
			change: func(_ *v1alpha1.Cluster, f *facts) {
				f.drain.left = member.Leftovers{Named: []string{"Namespace a", "ConfigMap a/b"}, Count: 2}
			},
			want: "False/Draining", text: "2 left: Namespace a, ConfigMap a/b.",
		},
		"Endless": {
			reason: "names as long as a member likes still fit into the status",
			change: func(_ *v1alpha1.Cluster, f *facts) {
				f.drain.left = member.Leftovers{Named: slices.Repeat([]string{strings.Repeat("x", 1<<20)}, 20), Count: 20}
			},
			want: "False/Draining", text: "20 left: xxx",
		},
		"Slow": {
			reason: "a drain that merely takes long goes on, it is no failure",
			change: func(_ *v1alpha1.Cluster, f *facts) { f.drain.left = member.Leftovers{AtLeast: true, Slow: true} },
			want:   "False/Draining", text: "slow to answer",
		},
		"Done": {
			reason: "an empty member is drained",
			change: func(_ *v1alpha1.Cluster, f *facts) { f.drain.done = true },
			want:   "True/Drained",
		},
		"Unavailable": {
			reason: "what is in the way is named, and what releases the deletion",
			change: func(_ *v1alpha1.Cluster, f *facts) { f.drain.unavailable = "it is gone." },
			want:   "False/MemberUnavailable", text: "spec.deletionPolicy to Orphan",
		},
		"Restarted": {
			reason: "after a restart the old word stands until the member answers",
			change: func(c *v1alpha1.Cluster, f *facts) {
				had(c, v1alpha1.ConditionDrained, metav1.ConditionFalse, v1alpha1.ReasonMemberUnavailable)
				f.asked, f.evidence = now, nil
			},
			want: "False/MemberUnavailable@old", text: "as before",
		},
		"AnswerAwaited": {
			reason: "without an old word the answer is awaited",
			change: func(_ *v1alpha1.Cluster, f *facts) { f.asked, f.evidence = now, nil },
			want:   "False/Draining", text: "awaited",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c, f := registered(), healthy()
			c.DeletionTimestamp = ptr.To(metav1.NewTime(now))
			tc.change(c, &f)
			got := meta.FindStatusCondition(compute(c, f).Conditions, v1alpha1.ConditionDrained)
			if got == nil || short(*got) != tc.want || !strings.Contains(got.Message, tc.text) {
				t.Fatalf("%s: Drained is %+v, want %s with %q", tc.reason, got, tc.want, tc.text)
			}
			if errs := metav1validation.ValidateConditions([]metav1.Condition{*got}, nil); len(errs) > 0 {
				t.Errorf("%s: the condition cannot be written: %v", tc.reason, errs.ToAggregate().Error()[:100])
			}
		})
	}
}

// TestObstacle 看什么时候可以对成员动手，不可以时说的是哪个障碍。
func TestObstacle(t *testing.T) {
	cases := map[string]struct {
		reason string
		change func(*v1alpha1.Cluster, *facts)
		text   string
	}{
		"None":       {"a member that answers is drained", nil, ""},
		"Duplicate":  {"the label holds the own UID, so a duplicate may clear away what is its own", func(_ *v1alpha1.Cluster, f *facts) { f.older = "first" }, ""},
		"NotReady":   {"a member that is not ready is not drained", func(_ *v1alpha1.Cluster, f *facts) { f.evidence = lost(notReady, 3, true) }, "etcd failed"},
		"Lost":       {"the last answer helps to find out why", func(_ *v1alpha1.Cluster, f *facts) { f.evidence = lost(errRefused, 3, true) }, "connection refused"},
		"Stranger":   {"another member is never touched", func(_ *v1alpha1.Cluster, f *facts) { f.evidence.ID = "two" }, "lead to the member two"},
		"Suspended":  {"a suspended member is not touched", func(c *v1alpha1.Cluster, _ *facts) { c.Spec.Suspended = ptr.To(true) }, "spec.suspended"},
		"Expired":    {"expired credentials are the obstacle", func(_ *v1alpha1.Cluster, f *facts) { expiresIn(f, 0); f.evidence = nil }, "expired"},
		"Unanswered": {"long silence is an obstacle too", func(_ *v1alpha1.Cluster, f *facts) { f.evidence = nil }, "not answered"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c, f := registered(), healthy()
			if tc.change != nil {
				tc.change(c, &f)
			}
			v := view{c, f}
			if v.answers() != (tc.text == "") {
				t.Fatalf("%s: may be drained is %t", tc.reason, v.answers())
			}
			if got := obstacle(v); tc.text != "" && !strings.Contains(got, tc.text) {
				t.Errorf("%s: the obstacle is %q, want it to say %q", tc.reason, got, tc.text)
			}
		})
	}
}

func TestFree(t *testing.T) {
	cases := map[string]struct {
		reason string
		change func(*v1alpha1.Cluster)
		want   bool
	}{
		"Alive":       {"what is not being deleted is kept", func(c *v1alpha1.Cluster) { c.DeletionTimestamp = nil }, false},
		"Drain":       {"a member that was connected must be drained first", func(*v1alpha1.Cluster) {}, false},
		"Orphan":      {"orphaning needs no member", func(c *v1alpha1.Cluster) { c.Spec.DeletionPolicy = ptr.To(v1alpha1.DeletionOrphan) }, true},
		"NeverKnown":  {"nothing can have been placed on a member that was never reached", func(c *v1alpha1.Cluster) { c.Status.ID = "" }, true},
		"NoFinalizer": {"what is not held by us is not ours to release", func(c *v1alpha1.Cluster) { c.Finalizers = []string{"example.org/other"} }, true},
		"Drained": {"a drained member is released", func(c *v1alpha1.Cluster) {
			had(c, v1alpha1.ConditionDrained, metav1.ConditionTrue, v1alpha1.ReasonDrained)
		}, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := registered()
			c.DeletionTimestamp, c.Finalizers = ptr.To(metav1.NewTime(now)), []string{v1alpha1.FinalizerMember}
			tc.change(c)
			if got := free(c); got != tc.want {
				t.Errorf("%s: free is %t", tc.reason, got)
			}
		})
	}
}

func TestPrecedes(t *testing.T) {
	older := &v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{UID: "z", CreationTimestamp: metav1.NewTime(then)}}
	younger := &v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{UID: "a", CreationTimestamp: metav1.NewTime(now)}}
	twin := &v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{UID: "b", CreationTimestamp: metav1.NewTime(now)}}
	if !precedes(older, younger) || precedes(younger, older) {
		t.Error("the one created first does not come first")
	}
	if !precedes(younger, twin) || precedes(twin, younger) || precedes(twin, twin) {
		t.Error("of two created in the same second the UID does not decide")
	}
}

// TestStanding 已经站住的不让位给登记得更早、后来才指到同一个成员的；状态里的条件在重启之后说的还是这些。
func TestStanding(t *testing.T) {
	for _, tc := range []struct {
		reason, older, younger string
		deleting               bool
		first                  string
	}{
		{"neither is established: the one created first", v1alpha1.ReasonNotObserved, v1alpha1.ReasonNotObserved, false, "older"},
		{"the younger was there first", v1alpha1.ReasonNotObserved, v1alpha1.ReasonReady, false, "younger"},
		{"the older found out and stays second", v1alpha1.ReasonDuplicateMember, v1alpha1.ReasonReady, false, "younger"},
		{"an outage takes nothing away", v1alpha1.ReasonDuplicateMember, v1alpha1.ReasonHeartbeatFailed, false, "younger"},
		{"the older was there first", v1alpha1.ReasonReady, v1alpha1.ReasonDuplicateMember, false, "older"},
		{"both took it at once: the one created first", v1alpha1.ReasonReady, v1alpha1.ReasonReady, false, "older"},
		{"a duplicate that is deleted takes nothing away", v1alpha1.ReasonDeleting, v1alpha1.ReasonReady, true, "younger"},
		{"the second waits until the first is gone", v1alpha1.ReasonDeleting, v1alpha1.ReasonDuplicateMember, true, "older"},
	} {
		older, younger := registered(), registered()
		older.Name, older.UID, older.CreationTimestamp = "older", "z", metav1.NewTime(then)
		younger.Name, younger.UID, younger.CreationTimestamp = "younger", "a", metav1.NewTime(now)
		had(older, v1alpha1.ConditionReady, metav1.ConditionUnknown, tc.older)
		had(younger, v1alpha1.ConditionReady, metav1.ConditionUnknown, tc.younger)
		if tc.deleting {
			older.DeletionTimestamp = ptr.To(metav1.NewTime(now))
		}
		if precedes(older, younger) == precedes(younger, older) {
			t.Fatalf("%s: each or neither comes first", tc.reason)
		}
		if got := precedes(older, younger); got != (tc.first == "older") {
			t.Errorf("%s: the older comes first: %t", tc.reason, got)
		}
	}
}
