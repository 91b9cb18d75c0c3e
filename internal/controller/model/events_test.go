package model

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/member"
	"github.com/kubellm/kubellm/test/harness"
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

// TestGroundsAreRenewed 还是放不下：哪个集群为什么变了才再说一遍，差多少变了不说。
func TestGroundsAreRenewed(t *testing.T) {
	rejected := func(pairs ...string) (all []v1alpha1.RejectedCluster) {
		for i := 0; i < len(pairs); i += 3 {
			all = append(all, v1alpha1.RejectedCluster{Cluster: pairs[i], Reason: pairs[i+1], Message: pairs[i+2]})
		}
		return all
	}
	was := rejected("a", v1alpha1.RejectedFreeBlock, "largest free block 1 < 4", "b", v1alpha1.RejectedTaint, "taint k:NoSchedule")
	for _, test := range []struct {
		why string
		now []v1alpha1.RejectedCluster
		n   int
	}{
		{"the same", was, 0},
		{"another number", rejected("a", v1alpha1.RejectedFreeBlock, "largest free block 2 < 4", "b", v1alpha1.RejectedTaint, "taint k:NoSchedule"), 0},
		{"too few blocks instead of too small ones", rejected("a", v1alpha1.RejectedCapacity, "room for 1 of 2 replicas", "b", v1alpha1.RejectedTaint, "taint k:NoSchedule"), 0},
		{"another reason", rejected("a", v1alpha1.RejectedNotReady, "suspended", "b", v1alpha1.RejectedTaint, "taint k:NoSchedule"), 1},
		{"one cluster fewer", was[:1], 1},
		{"one more", append(slices.Clone(was), rejected("c", v1alpha1.RejectedProduct, "no H100")...), 1},
	} {
		recorder := events.NewFakeRecorder(10)
		r := &Reconciler{Recorder: recorder, Metrics: NewMetrics(nil), Clock: clocktesting.NewFakePassiveClock(now)}
		before, after := chat(), chat()
		for m, grounds := range map[*v1alpha1.Model][]v1alpha1.RejectedCluster{before: was, after: test.now} {
			m.Status.RejectedClusters = grounds
			m.Status = compute(m, facts{now: now, scheduled: metav1.Condition{Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonNoClusterFits, Message: grounds[0].Message}})
		}
		if r.announce(before, after); len(recorder.Events) != test.n {
			t.Errorf("%s: %d events, want %d", test.why, len(recorder.Events), test.n)
		}
	}
}

// TestEventsNameEachCluster 一次写下的几处，事件存下来之后处处都叫得出名字：记事件的人会把说法相近的并成一串。
func TestEventsNameEachCluster(t *testing.T) {
	p := newPlatform(t)
	clients, err := kubernetes.NewForConfig(p.config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	broadcaster := events.NewBroadcaster(&events.EventSinkImpl{Interface: clients.EventsV1()})
	defer broadcaster.Shutdown()
	if err := broadcaster.StartRecordingToSinkWithContext(ctx); err != nil {
		t.Fatal(err)
	}
	r := &Reconciler{Recorder: broadcaster.NewRecorder(p.scheme, "test"), Metrics: NewMetrics(nil), Clock: clock.RealClock{}}
	nowhere := p.deploy(t, "twins")
	placed, failing := nowhere.DeepCopy(), nowhere.DeepCopy()
	for _, name := range []string{"north", "west"} {
		at := v1alpha1.ModelPlacement{Cluster: name, ClusterUID: "uid-" + name, Phase: v1alpha1.PlacementPending}
		placed.Status.Placements = append(placed.Status.Placements, at)
		at.Phase, at.Reason, at.Message = v1alpha1.PlacementFailed, v1alpha1.ReasonApplyFailed, "denied"
		failing.Status.Placements = append(failing.Status.Placements, at)
	}
	for _, step := range []struct {
		before, after *v1alpha1.Model
		says          []string
	}{
		{nowhere, placed, []string{"Placed on Cluster north.", "Placed on Cluster west."}},
		{placed, failing, []string{"Cluster north: denied", "Cluster west: denied"}},
		{failing, nowhere, []string{"Left Cluster north.", "Left Cluster west."}},
	} {
		r.announce(step.before, step.after)
		harness.Eventually(t, fmt.Sprintf("the events %q", step.says), patience, func(ctx context.Context) error {
			list, err := clients.EventsV1().Events(nowhere.Namespace).List(ctx, metav1.ListOptions{})
			if err != nil {
				return err
			}
			for _, text := range step.says {
				if !slices.ContainsFunc(list.Items, func(e eventsv1.Event) bool { return e.Note == text && e.Regarding.UID == nowhere.UID }) {
					return fmt.Errorf("there is none among %d that says %q", len(list.Items), text)
				}
			}
			return nil
		})
	}
}

// meddler 在每次写状态之前让别人先动手。
type meddler struct {
	client.Client
	writes int
	meddle func(write int)
}

func (m *meddler) Status() client.SubResourceWriter {
	m.writes++
	m.meddle(m.writes)
	return m.Client.Status()
}

// TestOnlyWhatIsWrittenIsAnnounced 预留写下了、其余的没写下：来去说一次，总和等写下了再说，也只说一次。
func TestOnlyWhatIsWrittenIsAnnounced(t *testing.T) {
	p := newPlatform(t)
	p.create(t, "a")
	m := p.deploy(t, "halved", "a", "missing")
	m.Spec.Placement.Clusters = ptr.To[int32](2)
	if err := p.Live.Update(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	p.await(t, m)
	recorder := events.NewFakeRecorder(10)
	latest := func() *v1alpha1.Model {
		is := &v1alpha1.Model{}
		if err := p.Live.Get(t.Context(), client.ObjectKeyFromObject(m), is); err != nil {
			t.Fatal(err)
		}
		return is
	}
	c := &meddler{Client: p.Client, meddle: func(write int) {
		if is := latest(); write == 2 {
			is.Labels = map[string]string{"meddled": "with"}
			if err := p.Live.Update(t.Context(), is); err != nil {
				t.Fatal(err)
			}
		}
	}}
	r := &Reconciler{Client: c, Live: p.Live, Members: member.New(member.Options{}), Clock: clock.RealClock{}, Metrics: NewMetrics(nil), Recorder: recorder}
	for _, step := range []struct {
		why  string
		says []string
	}{
		{"the reservation is written, what follows meets a conflict", []string{"Normal Placed Placed on Cluster a."}},
		{"what follows is written", []string{"Warning NoClusterFits 1 of 2 clusters fit, 2 wanted, placed on 1: missing: not found"}},
		{"nothing has changed", nil},
	} {
		if _, err := r.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(m)}); err != nil {
			t.Fatal(err)
		}
		p.await(t, latest())
		var said []string
		for len(recorder.Events) > 0 {
			said = append(said, <-recorder.Events)
		}
		if !slices.Equal(said, step.says) {
			t.Errorf("%s: the events are %q, want %q", step.why, said, step.says)
		}
	}
	if is := latest(); meta.FindStatusCondition(is.Status.Conditions, v1alpha1.ConditionReady) == nil {
		t.Error("the status was never written, so nothing was tried")
	}
}
