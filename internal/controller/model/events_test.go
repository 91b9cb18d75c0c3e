package model

import (
	"errors"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// TestAnnounce 一个 Model 一路上记下的事件：要紧的各一个，警告只为要人动手的。
func TestAnnounce(t *testing.T) {
	good := metav1.Condition{Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonScheduled}
	recorder := events.NewFakeRecorder(10)
	r := &Reconciler{Recorder: recorder, Metrics: NewMetrics(nil), Clock: clocktesting.NewFakePassiveClock(now)}
	before, unplaced := chat(), loading(now, unplaceable)
	for _, step := range []struct {
		why   string
		facts facts
		want  []string
	}{
		{"nothing has been seen yet: nothing to say", facts{}, nil},
		{"placed, and on its way as it should be", facts{scheduled: good, sites: []site{on(1, counts(5, 1, 1, 0))}},
			[]string{"Normal Placed Placed on Cluster a.", "Normal Loading Cluster a: 0 of 1 replica is ready."}},
		{"the member has no room: somebody must make some", facts{scheduled: good, sites: []site{on(1, counts(5, 1, 1, 0), unplaced)}},
			[]string{"Warning Unschedulable Cluster a: 0 of 1 replica is ready, waiting since 2030-01-02T03:04:05Z; pod chat-1 cannot be scheduled: 0/3 nodes are available."}},
		{"still no room: said once", facts{scheduled: good, sites: []site{on(1, counts(5, 1, 1, 0), unplaced)}}, nil},
		{"refused: the placement says it, Ready does not say it again", facts{scheduled: good, sites: []site{with(on(1, counts(5, 1, 1, 0)), func(s *site) { s.err = errors.New("denied") })}},
			[]string{"Warning ApplyFailed Cluster a: What runs there could not be applied: denied."}},
		{"ready", facts{scheduled: good, sites: []site{on(1, counts(5, 1, 1, 1))}}, []string{"Normal Ready All wanted replicas are ready."}},
	} {
		step.facts.now = now.Add(time.Minute)
		after := before.DeepCopy()
		after.Status = compute(before, step.facts)
		r.announce(before, after)
		for _, want := range step.want {
			select {
			case got := <-recorder.Events:
				if got != want {
					t.Errorf("%s: %q, want %q", step.why, got, want)
				}
			default:
				t.Errorf("%s: no event, want %q", step.why, want)
			}
		}
		if n := len(recorder.Events); n > 0 {
			t.Errorf("%s: %d events too many, the first is %q", step.why, n, <-recorder.Events)
		}
		before = after
	}
}
