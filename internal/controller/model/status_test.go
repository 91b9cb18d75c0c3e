package model

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	cluster "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/member"
)

var now = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

// chat 是一个要两个副本的 Model，generation 是 3。
func chat(edit ...func(*v1alpha1.Model)) *v1alpha1.Model {
	m := &v1alpha1.Model{ObjectMeta: metav1.ObjectMeta{Name: "chat", Namespace: "team-a", UID: "m", Generation: 3}}
	for _, e := range edit {
		e(m)
	}
	return m
}

func suspend(m *v1alpha1.Model) { m.Spec.Suspended = ptr.To(true) }

// on 是成员 a 上的一份 Deployment：要 want 个副本，成员说的是 st，就绪的 Pod 与它说的一样多。
func on(want int32, st appsv1.DeploymentStatus, pods ...*corev1.Pod) site {
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Generation: 5}, Spec: appsv1.DeploymentSpec{Replicas: ptr.To(want)}, Status: st}
	for range st.ReadyReplicas {
		pods = append(pods, &corev1.Pod{Status: corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(now)}}}})
	}
	return site{placement: v1alpha1.ModelPlacement{Cluster: "a", Replicas: want}, applied: true, generation: 5, objects: []client.Object{d}, pods: pods}
}

func counts(observed int64, total, updated, ready int32) appsv1.DeploymentStatus {
	return appsv1.DeploymentStatus{ObservedGeneration: observed, Replicas: total, UpdatedReplicas: updated, ReadyReplicas: ready, AvailableReplicas: ready}
}

// loading 是从 since 起没有就绪的 Pod。
func loading(since time.Time, edit ...func(*corev1.Pod)) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "chat-1", UID: "p"}, Status: corev1.PodStatus{Conditions: []corev1.PodCondition{
		{Type: corev1.PodReady, Status: corev1.ConditionFalse, LastTransitionTime: metav1.NewTime(since)},
	}}}
	for _, e := range edit {
		e(pod)
	}
	return pod
}

func container(s corev1.ContainerStatus) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Status.ContainerStatuses = []corev1.ContainerStatus{s} }
}

func runningSince(t time.Time) corev1.ContainerState {
	return corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(t)}}
}

func waitingFor(reason string) corev1.ContainerState {
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}}
}

func ended(code int32, message string) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: "Error", Message: message}}
}

// unplaceable 是成员的调度器排不上的，ending 是正在终止的。
func unplaceable(p *corev1.Pod) {
	p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionFalse,
		Reason: corev1.PodReasonUnschedulable, Message: "0/3 nodes are available."})
}

func ending(p *corev1.Pod) { p.DeletionTimestamp = ptr.To(metav1.NewTime(now)) }

// scaled 让伸缩器在二到六个之间定。
func scaled(m *v1alpha1.Model) {
	m.Spec.Scaling = &v1alpha1.Scaling{Autoscaling: &v1alpha1.Autoscaling{MinReplicas: ptr.To[int32](2), MaxReplicas: 6}}
}

// scaledBy 在那里放一个 KEDA 说 Ready 是 status 的 ScaledObject。
func scaledBy(s site, status string) site {
	u := &unstructured.Unstructured{Object: map[string]any{"status": map[string]any{"conditions": []any{cond("Ready", status, "TriggerError", "no metrics.")}}}}
	u.SetGroupVersionKind(member.ScaledObject)
	s.objects = append(s.objects, u)
	return s
}

// phaseCase 是一处安置看到什么、该说什么。
type phaseCase struct {
	name, why string
	model     *v1alpha1.Model
	site      site
	phase     v1alpha1.PlacementPhase
	reason    string
	says      string
	ready     int32
}

func (c phaseCase) check(t *testing.T, got v1alpha1.ModelPlacement) {
	t.Helper()
	if got.Phase != c.phase || got.Reason != c.reason || got.ReadyReplicas != c.ready || !strings.Contains(got.Message, c.says) {
		t.Errorf("%s: got %s (%s), %d ready: %q; want %s (%s), %d ready, saying %q", c.why,
			got.Phase, got.Reason, got.ReadyReplicas, got.Message, c.phase, c.reason, c.ready, c.says)
	}
}

// with 改动一处。
func with(s site, edit func(*site)) site {
	edit(&s)
	return s
}

func TestPlacementStatus(t *testing.T) {
	minute := now.Add(-time.Minute)
	for _, test := range []phaseCase{
		{"ready", "the member has observed the generation and all updated replicas are ready", chat(), on(2, counts(5, 2, 2, 2)),
			v1alpha1.PlacementReady, v1alpha1.ReasonReplicasReady, "2 of 2", 2},
		{"ready by the Deployment's word alone", "the member's controllers may have stopped: its pods say what is ready now", chat(), with(on(2, counts(5, 2, 2, 2)), func(s *site) { s.pods = s.pods[1:] }),
			v1alpha1.PlacementLoading, v1alpha1.ReasonLoading, "1 of 2", 1},
		{"kept, nothing there", "what is wanted does not fit, and nothing is applied", chat(), site{kept: true}, v1alpha1.PlacementPending, v1alpha1.ReasonNotObserved, "not possible", 0},
		{"no replicas wanted", "nothing is missing", chat(), on(0, counts(5, 0, 0, 0)), v1alpha1.PlacementReady, v1alpha1.ReasonReplicasReady, "0 of 0", 0},
		{"not observed by the member", "its numbers are those of an older generation", chat(), on(2, counts(4, 2, 2, 2)),
			v1alpha1.PlacementApplying, v1alpha1.ReasonApplying, "taken up", 2},
		{"cache behind", "what was applied is newer than what is seen", chat(), with(on(2, counts(5, 2, 2, 2)), func(s *site) { s.generation = 6 }),
			v1alpha1.PlacementApplying, v1alpha1.ReasonApplying, "taken up", 2},
		{"old replicas left", "a rollout is not over while old replicas run", chat(), on(2, counts(5, 3, 2, 3)),
			v1alpha1.PlacementLoading, v1alpha1.ReasonRollingOut, "", 3},
		{"ready are the old ones", "ready replicas of the old generation do not count", chat(), on(2, counts(5, 2, 1, 2)),
			v1alpha1.PlacementLoading, v1alpha1.ReasonRollingOut, "", 2},
		{"loading", "one replica still loads", chat(), on(2, counts(5, 2, 2, 1), loading(minute)),
			v1alpha1.PlacementLoading, v1alpha1.ReasonLoading, "1 of 2 replicas are ready, waiting since 2030-01-02T03:03:05Z", 1},
		{"unschedulable", "the member's scheduler says why", chat(), on(1, counts(5, 1, 1, 0), loading(minute, unplaceable)),
			v1alpha1.PlacementLoading, v1alpha1.ReasonUnschedulable, "0/3 nodes are available.", 0},
		{"waits for one that ends", "it gets the place of what is being stopped", chat(), on(1, counts(5, 1, 1, 0), loading(minute, unplaceable), loading(minute, ending)),
			v1alpha1.PlacementLoading, v1alpha1.ReasonLoading, "0/3 nodes are available", 0},
		{"unschedulable while rolling out", "the replica that it replaces makes room first", chat(), on(2, counts(5, 2, 1, 1), loading(minute, unplaceable)),
			v1alpha1.PlacementLoading, v1alpha1.ReasonRollingOut, "0/3 nodes are available", 1},
		{"autoscaler not at work yet", "without its number the member starts one, and two are the least", chat(scaled), on(1, counts(5, 1, 1, 1)),
			v1alpha1.PlacementLoading, v1alpha1.ReasonLoading, "1 of 2 replicas are ready.", 1},
		{"autoscaler wants more", "the member's number is the autoscaler's", chat(scaled), on(3, counts(5, 3, 3, 3)),
			v1alpha1.PlacementReady, v1alpha1.ReasonReplicasReady, "3 of 3", 3},
		{"autoscaler does not work", "nobody knows how many replicas are wanted", chat(scaled), scaledBy(on(2, counts(5, 2, 2, 2)), "False"),
			v1alpha1.PlacementLoading, v1alpha1.ReasonLoading, "2 of 2 replicas are ready; KEDA says that the autoscaler is not ready: TriggerError: no metrics.", 2},
		{"autoscaler works", "nothing is missing", chat(scaled), scaledBy(on(2, counts(5, 2, 2, 2)), "True"), v1alpha1.PlacementReady, v1alpha1.ReasonReplicasReady, "", 2},
		{"autoscaling refused", "what runs stays as it was", chat(scaled), with(on(1, counts(5, 1, 1, 1)), func(s *site) { s.kept = true }),
			v1alpha1.PlacementReady, v1alpha1.ReasonReplicasReady, "1 of 1 replica is ready.", 1},
		{"crash loop", "the last termination message is what people look for", chat(),
			on(1, counts(5, 1, 1, 0), loading(minute, container(corev1.ContainerStatus{Name: "engine", State: waitingFor("CrashLoopBackOff"), LastTerminationState: ended(1, "CUDA out of memory")}))),
			v1alpha1.PlacementFailed, v1alpha1.ReasonReplicasFailing, "CUDA out of memory", 0},
		{"between two crashes", "it runs again but has crashed and is not ready: no flapping", chat(),
			on(1, counts(5, 1, 1, 0), loading(minute, container(corev1.ContainerStatus{Name: "engine", RestartCount: 1, LastTerminationState: ended(137, "")}))),
			v1alpha1.PlacementFailed, v1alpha1.ReasonReplicasFailing, "exit code 137", 0},
		{"image", "an image that cannot be pulled does not mend itself", chat(),
			on(1, counts(5, 1, 1, 0), loading(minute, container(corev1.ContainerStatus{Name: "engine", State: waitingFor("ImagePullBackOff")}))),
			v1alpha1.PlacementFailed, v1alpha1.ReasonReplicasFailing, "ImagePullBackOff", 0},
		{"creating", "a container that is being created is on its way", chat(),
			on(1, counts(5, 1, 1, 0), loading(minute, container(corev1.ContainerStatus{Name: "engine", State: waitingFor("ContainerCreating")}))),
			v1alpha1.PlacementLoading, v1alpha1.ReasonLoading, "container engine: ContainerCreating", 0},
		{"runs again", "it crashed a moment ago and may again", chat(),
			on(1, counts(5, 1, 1, 0), loading(minute, container(corev1.ContainerStatus{Name: "engine", RestartCount: 1, State: runningSince(minute), LastTerminationState: ended(137, "")}))),
			v1alpha1.PlacementFailed, v1alpha1.ReasonReplicasFailing, "it runs again since", 0},
		{"recovers", "it has run for so long that it loads the model", chat(),
			on(1, counts(5, 1, 1, 0), loading(minute, container(corev1.ContainerStatus{Name: "engine", RestartCount: 1, State: runningSince(now.Add(-recovery)), LastTerminationState: ended(137, "")}))),
			v1alpha1.PlacementLoading, v1alpha1.ReasonLoading, "0 of 1", 0},
		{"terminating pod that crashed", "a pod that goes away does not count", chat(),
			on(1, counts(5, 1, 1, 0), loading(minute, container(corev1.ContainerStatus{Name: "engine", LastTerminationState: ended(1, "")}),
				ending)),
			v1alpha1.PlacementLoading, v1alpha1.ReasonLoading, "", 0},
		{"startup timeout", "an hour is the default", chat(), on(1, counts(5, 1, 1, 0), loading(now.Add(-time.Hour))),
			v1alpha1.PlacementFailed, v1alpha1.ReasonStartupTimeout, "startupTimeoutSeconds", 0},
		{"longer startup timeout", "the spec allows more", chat(func(m *v1alpha1.Model) { m.Spec.StartupTimeoutSeconds = ptr.To[int32](7200) }),
			on(1, counts(5, 1, 1, 0), loading(now.Add(-time.Hour))), v1alpha1.PlacementLoading, v1alpha1.ReasonLoading, "", 0},
		{"no pods made", "quota or pod security refuse them", chat(), on(1, appsv1.DeploymentStatus{ObservedGeneration: 5,
			Conditions: []appsv1.DeploymentCondition{{Type: appsv1.DeploymentReplicaFailure, Status: corev1.ConditionTrue, Message: "exceeded quota"}}}),
			v1alpha1.PlacementFailed, v1alpha1.ReasonReplicasFailing, "exceeded quota", 0},
		{"suspended", "nothing runs and the placement is kept", chat(suspend), on(0, counts(5, 0, 0, 0)), v1alpha1.PlacementPending, v1alpha1.ReasonSuspended, "", 0},
		{"lost", "what was ready before is not known to be", chat(), with(on(2, counts(5, 2, 2, 2)), func(s *site) { s.lost = "The Cluster's Reachable is False." }),
			v1alpha1.PlacementUnreachable, v1alpha1.ReasonClusterUnreachable, "Reachable", 0},
		{"refused", "the member's word reaches the status", chat(), with(on(2, counts(5, 2, 2, 2)), func(s *site) { s.err = errors.New("denied by a webhook") }),
			v1alpha1.PlacementFailed, v1alpha1.ReasonApplyFailed, "denied by a webhook.", 2},
		{"slow member", "nothing is refused, and nothing is known to be there", chat(), with(on(2, counts(5, 2, 2, 2)), func(s *site) { s.err = member.ErrSlow }),
			v1alpha1.PlacementApplying, v1alpha1.ReasonApplying, "slow to answer", 2},
		{"nothing there yet", "the watch has not shown it", chat(), site{applied: true}, v1alpha1.PlacementApplying, v1alpha1.ReasonApplying, "", 0},
		{"something left over", "it serves as it is wanted, and somebody has to know", chat(), with(on(2, counts(5, 2, 2, 2)), func(s *site) { s.leftover = []error{errors.New("removing x failed: forbidden")} }),
			v1alpha1.PlacementReady, v1alpha1.ReasonReplicasReady, "2 of 2 replicas are ready; removing x failed: forbidden.", 2},
		{"never answered", "there is no older word", chat(), site{waiting: true}, v1alpha1.PlacementPending, v1alpha1.ReasonNotObserved, "", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := placementStatus(view{test.model, facts{now: now}}, test.site)
			test.check(t, got)
			if got.LastTransitionTime == nil || !got.LastTransitionTime.Time.Equal(now) {
				t.Errorf("the phase changed now, not at %v", got.LastTransitionTime)
			}
		})
	}
}

// TestPlacementStands 证据在路上时旧的话仍然作数；阶段没变时，变的时间也不动。
func TestPlacementStands(t *testing.T) {
	then := metav1.NewTime(now.Add(-time.Hour))
	s := on(2, counts(5, 2, 2, 2))
	s.placement.Phase, s.placement.Reason, s.placement.ReadyReplicas, s.placement.LastTransitionTime = v1alpha1.PlacementReady, v1alpha1.ReasonReplicasReady, 2, &then
	waiting := with(s, func(s *site) { s.waiting, s.objects = true, nil })
	for name, s := range map[string]site{"waiting": waiting, "the same again": s} {
		m := chat(func(m *v1alpha1.Model) { m.Status.ObservedGeneration = m.Generation })
		if got := placementStatus(view{m, facts{now: now}}, s); got.Phase != v1alpha1.PlacementReady || got.ReadyReplicas != 2 || !got.LastTransitionTime.Equal(&then) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	seen := func(m *v1alpha1.Model) {
		m.Status.ObservedGeneration, m.Status.ObservedCredentialsVersion = m.Generation, "v1"
	}
	for why, c := range map[string]struct {
		model  *v1alpha1.Model
		handed string
		site   site
	}{
		"the spec changed":                           {chat(seen, func(m *v1alpha1.Model) { m.Generation++ }), "v1", waiting},
		"credentials were handed in":                 {chat(seen), "v2", waiting},
		"the content of the named Secret is another": {chat(seen), "v1", with(waiting, func(s *site) { s.rotated = true })},
	} {
		got := placementStatus(view{c.model, facts{now: now, credentials: credentials{handedIn: c.handed}}}, c.site)
		if got.Phase != v1alpha1.PlacementPending || got.Reason != v1alpha1.ReasonNotObserved {
			t.Errorf("%s and the member has not answered since: %+v", why, got)
		}
	}
}

func TestConditions(t *testing.T) {
	good := metav1.Condition{Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonScheduled}
	none := metav1.Condition{Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonNoClusterFits, Message: "0 of 1 clusters fit"}
	full, slow := on(2, counts(5, 2, 2, 2)), on(2, counts(5, 2, 2, 1))
	lost := with(full, func(s *site) { s.lost, s.placement.Cluster = "gone", "b" })
	failed := with(full, func(s *site) { s.err, s.placement.Cluster = errors.New("denied"), "c" })
	missing := &problem{v1alpha1.ReasonSecretNotFound, "The Secret does not exist."}
	type want [4]string // Applied、Available、Progressing、Ready
	for _, test := range []struct {
		name, why string
		model     *v1alpha1.Model
		facts     facts
		want      want
	}{
		{"all is well", "every condition rests on the member's word", chat(), facts{scheduled: good, sites: []site{full}},
			want{"True Applied", "True ReplicasReady", "False Complete", "True Ready"}},
		{"something left over", "what is wanted is there", chat(), facts{scheduled: good, sites: []site{with(full, func(s *site) { s.leftover = []error{errors.New("forbidden")} })}},
			want{"True Applied", "True ReplicasReady", "False Complete", "True Ready"}},
		{"one loads", "it is applied and not available", chat(), facts{scheduled: good, sites: []site{slow}},
			want{"True Applied", "False Loading", "True Loading", "False Loading"}},
		{"one of two is lost", "never a stale True", chat(), facts{scheduled: good, sites: []site{full, lost}},
			want{"Unknown ClusterUnreachable", "Unknown ClusterUnreachable", "Unknown ClusterUnreachable", "Unknown ClusterUnreachable"}},
		{"one is lost, another refuses", "what is known to be wrong comes before what is not known", chat(), facts{scheduled: good, sites: []site{lost, failed}},
			want{"False ApplyFailed", "False ApplyFailed", "False ApplyFailed", "False ApplyFailed"}},
		{"nowhere", "the scheduler's reason is everybody's", chat(), facts{scheduled: none},
			want{"False NoClusterFits", "False NoClusterFits", "False NoClusterFits", "False NoClusterFits"}},
		{"one too few", "the placed one serves, the wanted number does not", chat(), facts{scheduled: none, sites: []site{full}},
			want{"True Applied", "True ReplicasReady", "False Complete", "False NoClusterFits"}},
		{"the change does not fit", "what ran before serves, what is wanted is not applied", chat(), facts{scheduled: none, sites: []site{with(full, func(s *site) { s.kept, s.applied = true, false })}},
			want{"False NoClusterFits", "True ReplicasReady", "False Complete", "False NoClusterFits"}},
		{"suspended", "nothing runs, and that is wanted", chat(suspend), facts{scheduled: good, sites: []site{on(0, counts(5, 0, 0, 0))}},
			want{"True Applied", "False Suspended", "False Suspended", "False Suspended"}},
		{"secret missing", "nothing is applied without it", chat(), facts{scheduled: good, credentials: credentials{problem: missing}, sites: []site{{placement: v1alpha1.ModelPlacement{Cluster: "a", Replicas: 1}}}},
			want{"False SecretNotFound", "False SecretNotFound", "False SecretNotFound", "False SecretNotFound"}},
		{"secret gone", "what runs serves on, what is wanted goes no further", chat(), facts{scheduled: good, credentials: credentials{problem: missing}, sites: []site{with(full, func(s *site) { s.applied = false })}},
			want{"False SecretNotFound", "True ReplicasReady", "False SecretNotFound", "False SecretNotFound"}},
		{"no room", "nothing is on its way until somebody makes room", chat(), facts{scheduled: good, sites: []site{on(1, counts(5, 1, 1, 0), loading(now, unplaceable))}},
			want{"True Applied", "False Unschedulable", "False Unschedulable", "False Unschedulable"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.facts.now = now
			got := compute(test.model, test.facts)
			for i, kind := range []string{v1alpha1.ConditionApplied, v1alpha1.ConditionAvailable, v1alpha1.ConditionProgressing, v1alpha1.ConditionReady} {
				c := meta.FindStatusCondition(got.Conditions, kind)
				if c == nil || string(c.Status)+" "+c.Reason != test.want[i] || c.ObservedGeneration != 3 {
					t.Errorf("%s: %s is %+v, want %s", test.why, kind, c, test.want[i])
				}
			}
		})
	}
}

// TestLeftoverIsSaid 收不走的不让 Applied 变假，但说得出在哪里、为什么。
func TestLeftoverIsSaid(t *testing.T) {
	leaves := with(on(2, counts(5, 2, 2, 2)), func(s *site) { s.leftover = []error{errors.New("removing x failed: forbidden")} })
	good := metav1.Condition{Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonScheduled}
	got := compute(chat(), facts{now: now, scheduled: good, sites: []site{leaves}})
	if c := meta.FindStatusCondition(got.Conditions, v1alpha1.ConditionApplied); c.Message != "a holds what is wanted; Cluster a: removing x failed: forbidden." {
		t.Errorf("Applied says %q", c.Message)
	}
}

// TestDeleting 成员联系不上时，说出等什么、怎样放行；关于副本的旧话都收回，预留留着。
func TestDeleting(t *testing.T) {
	m := chat(func(m *v1alpha1.Model) { m.DeletionTimestamp = ptr.To(metav1.NewTime(now)) })
	m.Status = compute(chat(), facts{now: now.Add(-time.Hour), scheduled: metav1.Condition{Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonScheduled}, sites: []site{on(2, counts(5, 2, 2, 2))}})
	for _, test := range []struct {
		name            string
		removal         removal
		applied, others string
		orphan          bool
	}{
		{"in progress", removal{waits: []string{"Cluster a: left are Deployment x."}}, "False Deleting", "False Deleting", false},
		{"unreachable", removal{waits: []string{"Cluster a: gone."}, unreachable: true}, "Unknown ClusterUnreachable", "Unknown Deleting", true},
		{"refused", removal{waits: []string{"Cluster a: forbidden."}, refused: true}, "False RemovalRefused", "False Deleting", true},
		{"refused here, unreachable there", removal{waits: []string{"Cluster a: forbidden."}, refused: true, unreachable: true}, "Unknown ClusterUnreachable", "Unknown Deleting", true},
	} {
		got := compute(m, facts{now: now, removal: test.removal})
		applied, ready := meta.FindStatusCondition(got.Conditions, v1alpha1.ConditionApplied), meta.FindStatusCondition(got.Conditions, v1alpha1.ConditionReady)
		if string(applied.Status)+" "+applied.Reason != test.applied || ready.Reason != v1alpha1.ReasonDeleting || strings.Contains(ready.Message, "Orphan") != test.orphan {
			t.Errorf("%s: %+v, %+v", test.name, applied, ready)
		}
		for _, kind := range []string{v1alpha1.ConditionAvailable, v1alpha1.ConditionProgressing} {
			if c := meta.FindStatusCondition(got.Conditions, kind); string(c.Status)+" "+c.Reason != test.others {
				t.Errorf("%s: %s is %s %s, want %s", test.name, kind, c.Status, c.Reason, test.others)
			}
		}
		p := got.Placements[0]
		if got.ReadyReplicas != 0 || p.ReadyReplicas != 0 || p.Reason != v1alpha1.ReasonDeleting || p.Replicas != 2 || !p.LastTransitionTime.Time.Equal(now) {
			t.Errorf("%s: %d replicas are said to be ready, and the placement says %+v", test.name, got.ReadyReplicas, p)
		}
		if again := compute(&v1alpha1.Model{ObjectMeta: m.ObjectMeta, Status: got}, facts{now: now.Add(time.Hour), removal: test.removal}); !again.Placements[0].LastTransitionTime.Time.Equal(now) {
			t.Errorf("%s: the phase is said to change with every look", test.name)
		}
	}
}

// TestEndpoint 只要还放在哪里就有地址，在服务的优先。
func TestEndpoint(t *testing.T) {
	at := func(phase v1alpha1.PlacementPhase, ready int32, endpoint string) v1alpha1.ModelPlacement {
		return v1alpha1.ModelPlacement{Cluster: "of " + endpoint, Phase: phase, ReadyReplicas: ready, Endpoint: endpoint}
	}
	for _, test := range []struct {
		why        string
		placements []v1alpha1.ModelPlacement
		want       string
	}{
		{"nowhere", nil, ""},
		{"ready before loading", []v1alpha1.ModelPlacement{at(v1alpha1.PlacementLoading, 1, "a"), at(v1alpha1.PlacementReady, 2, "b")}, "b"},
		{"one replica of two crashes, the other serves", []v1alpha1.ModelPlacement{at(v1alpha1.PlacementFailed, 1, "a")}, "a"},
		{"what serves comes before what does not yet", []v1alpha1.ModelPlacement{at(v1alpha1.PlacementLoading, 0, "a"), at(v1alpha1.PlacementFailed, 1, "b")}, "b"},
		{"it may serve, nobody can see", []v1alpha1.ModelPlacement{at(v1alpha1.PlacementFailed, 0, "a"), at(v1alpha1.PlacementUnreachable, 0, "b")}, "b"},
		{"it will serve there again", []v1alpha1.ModelPlacement{at(v1alpha1.PlacementFailed, 0, "a")}, "a"},
		{"no address there yet", []v1alpha1.ModelPlacement{at(v1alpha1.PlacementReady, 1, ""), at(v1alpha1.PlacementPending, 0, "b")}, "b"},
	} {
		got, in := endpoint(test.placements)
		if got != test.want || got != "" && in != "of "+got || got == "" && in != "" {
			t.Errorf("%s: %q in the Cluster %q, want %q in its own", test.why, got, in, test.want)
		}
	}
}

// TestSentence 成员的话自带句号，连起来只有一个；空的不留痕迹。
func TestSentence(t *testing.T) {
	for want, parts := range map[string][]string{"one.": {"one"}, "one; two.": {"one", "", "two."}} {
		if got := sentence(parts...); got != want {
			t.Errorf("%q became %q, want %q", parts, got, want)
		}
	}
	for n, want := range map[int32]string{0: "0 of 0 replicas are ready", 1: "1 of 1 replica is ready", 2: "2 of 2 replicas are ready"} {
		if got := readyOf(n, n); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestObserved 预留与占用不同时数、也不同时漏数。
func TestObserved(t *testing.T) {
	row := func(free int32) []cluster.Accelerator { return []cluster.Accelerator{{Product: "x", Free: free}} }
	pods := func(uids ...types.UID) (claims []member.Claim) {
		for _, uid := range uids {
			claims = append(claims, member.Claim{Pod: uid, Resource: "gpu", Product: "x", Count: 2})
		}
		return claims
	}
	a, c := &accounts{}, &cluster.Cluster{}
	c.UID = "c"
	for _, step := range []struct {
		why     string
		status  int32
		seen    member.Observation
		old     int32
		want    int32
		settled bool
	}{
		{"the member is not seen: the old number stands", 8, member.Observation{Claims: pods("1")}, 1, 1, true},
		{"the pod is bound, the Cluster's status does not count it yet: still reserved", 8, member.Observation{Known: true, Accelerators: row(7), Claims: pods("1")}, 0, 0, false},
		{"the status counts it", 7, member.Observation{Known: true, Accelerators: row(7), Claims: pods("1")}, 0, 1, true},
		{"it is replaced before the status says so: reserved again at once", 7, member.Observation{Known: true, Accelerators: row(8), Claims: pods("3")}, 1, 0, false},
		{"the status has caught up", 7, member.Observation{Known: true, Accelerators: row(7), Claims: pods("3")}, 0, 1, true},
		{"another model's pod moves the numbers: ours stays counted", 7, member.Observation{Known: true, Accelerators: row(3), Claims: pods("3")}, 1, 1, true},
	} {
		c.Status.Accelerators = row(step.status)
		got, settled := a.observed(c, "m", step.seen, holding{"gpu", "x", 2}, step.old)
		if got != step.want || settled != step.settled {
			t.Errorf("%s: got %d, settled %t, want %d, %t", step.why, got, settled, step.want, step.settled)
		}
	}
}

// TestHolders 占得少的旧副本、占着别的产品的，不顶新的数；占得多的顶。
func TestHolders(t *testing.T) {
	claim := func(pod types.UID, resource, product string, count int32) member.Claim {
		return member.Claim{Pod: pod, Resource: resource, Product: product, Count: count}
	}
	claims := []member.Claim{claim("less", "gpu", "x", 1), claim("same", "gpu", "x", 2), claim("more", "gpu", "x", 4),
		claim("product", "gpu", "y", 2), claim("resource", "npu", "x", 2), claim("node gone", "gpu", "", 2)}
	if got := sets.List(holders(claims, holding{"gpu", "x", 2})); len(got) != 2 || got[0] != "more" || got[1] != "same" {
		t.Errorf("got %v, want more and same", got)
	}
}

func TestLeft(t *testing.T) {
	m := chat(func(m *v1alpha1.Model) {
		m.Status.Placements = []v1alpha1.ModelPlacement{{Cluster: "b", ClusterUID: "2", Product: "x", ResourceName: "gpu", AcceleratorCount: 2, Replicas: 3, ObservedReplicas: 1}, {Cluster: "c", ClusterUID: "3"}}
		m.Status.RemovedPlacements = []v1alpha1.RemovedPlacement{{Cluster: "a", ClusterUID: "1", Message: "waits"}, {Cluster: "d", ClusterUID: "4"}}
	})
	got := left(m, []v1alpha1.ModelPlacement{{Cluster: "c", ClusterUID: "3"}, {Cluster: "d", ClusterUID: "4"}, {Cluster: "e", ClusterUID: "5"}})
	want := []v1alpha1.RemovedPlacement{{Cluster: "a", ClusterUID: "1", Message: "waits"},
		{Cluster: "b", ClusterUID: "2", Product: "x", ResourceName: "gpu", AcceleratorCount: 2, Replicas: 3, ObservedReplicas: 1}}
	if len(got) != len(want) || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("a is still to be cleaned, b was left now, d was returned to: got %+v", got)
	}
}

// TestLeftTwice 同名的 Cluster 换了一个，从前的还没收走就又离开了现在的：忘不得的是现在的，从前的那一个已经没有了。
func TestLeftTwice(t *testing.T) {
	former := v1alpha1.RemovedPlacement{Cluster: "a", ClusterUID: "former", Message: "waits"}
	other := v1alpha1.RemovedPlacement{Cluster: "b", ClusterUID: "1"}
	m := chat(func(m *v1alpha1.Model) {
		m.Status.RemovedPlacements = []v1alpha1.RemovedPlacement{former, other}
		m.Status.Placements = []v1alpha1.ModelPlacement{{Cluster: "a", ClusterUID: "present", Replicas: 2}}
	})
	for why, c := range map[string]struct {
		now  []v1alpha1.ModelPlacement
		want []v1alpha1.RemovedPlacement
	}{
		"it leaves the present one":        {nil, []v1alpha1.RemovedPlacement{{Cluster: "a", ClusterUID: "present", Replicas: 2}, other}},
		"it stays, and the former is left": {m.Status.Placements, []v1alpha1.RemovedPlacement{former, other}},
	} {
		if got := left(m, c.now); !slices.Equal(got, c.want) {
			t.Errorf("%s: left are %+v, want %+v", why, got, c.want)
		}
	}
}

func TestUnusable(t *testing.T) {
	good := func(edit func(*cluster.Cluster)) *cluster.Cluster {
		c := &cluster.Cluster{}
		for _, kind := range []string{cluster.ConditionReachable, cluster.ConditionCredentialsValid} {
			c.Status.Conditions = append(c.Status.Conditions, metav1.Condition{Type: kind, Status: metav1.ConditionTrue})
		}
		edit(c)
		return c
	}
	for name, test := range map[string]struct {
		cluster *cluster.Cluster
		usable  bool
	}{
		"all is well":        {good(func(*cluster.Cluster) {}), true},
		"gone":               {nil, false},
		"being deleted":      {good(func(c *cluster.Cluster) { c.DeletionTimestamp = ptr.To(metav1.NewTime(now)) }), false},
		"suspended":          {good(func(c *cluster.Cluster) { c.Spec.Suspended = ptr.To(true) }), false},
		"unreachable":        {good(func(c *cluster.Cluster) { c.Status.Conditions[0].Status = metav1.ConditionFalse }), false},
		"credentials expire": {good(func(c *cluster.Cluster) { c.Status.Conditions[1].Status = metav1.ConditionFalse }), false},
		"never observed":     {&cluster.Cluster{}, false},
		"duplicate": {good(func(c *cluster.Cluster) {
			c.Status.Conditions = append(c.Status.Conditions, metav1.Condition{Type: cluster.ConditionReady, Reason: cluster.ReasonDuplicateMember, Message: "older"})
		}), false},
	} {
		if why := unusable(test.cluster); (why == "") != test.usable {
			t.Errorf("%s: %q", name, why)
		}
	}
}

// TestUnsound 成员不行时说的是根由，不是跟着它才不知道的。
func TestUnsound(t *testing.T) {
	condition := func(kind string, status metav1.ConditionStatus) metav1.Condition {
		return metav1.Condition{Type: kind, Status: status, Message: kind + " speaks."}
	}
	const credentials, reachable = cluster.ConditionCredentialsValid, cluster.ConditionReachable
	for why, test := range map[string]struct {
		credentials, reachable metav1.ConditionStatus
		says                   string
	}{
		"all is well": {metav1.ConditionTrue, metav1.ConditionTrue, ""},
		"it hangs, so whether it accepts the credentials is not known":     {metav1.ConditionUnknown, metav1.ConditionFalse, reachable},
		"it refuses the credentials, so whether it is ready is not known":  {metav1.ConditionFalse, metav1.ConditionUnknown, credentials},
		"it hangs, and the credentials have expired meanwhile":             {metav1.ConditionFalse, metav1.ConditionFalse, reachable},
		"it has not answered the first probe":                              {metav1.ConditionUnknown, metav1.ConditionUnknown, reachable},
		"it answers, and whether it accepts the credentials is not proven": {metav1.ConditionUnknown, metav1.ConditionTrue, credentials},
	} {
		c := &cluster.Cluster{Status: cluster.ClusterStatus{Conditions: []metav1.Condition{condition(credentials, test.credentials), condition(reachable, test.reachable)}}}
		if got := unusable(c); (got == "") != (test.says == "") || !strings.Contains(got, test.says) {
			t.Errorf("%s: it says %q, want the word of %q", why, got, test.says)
		}
	}
}
