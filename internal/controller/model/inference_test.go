package model

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/engine"
	"github.com/kubellm/kubellm/internal/member"
)

// cond 是 KServe 的一个条件。
func cond(kind, status, reason, message string) any {
	return map[string]any{"type": kind, "status": status, "reason": reason, "message": message}
}

// byKServe 是交给 KServe 的一处：要两个副本，放上去的 generation 是 2，KServe 看到了 observed。
func byKServe(observed int64, conditions []any, pods ...*corev1.Pod) site {
	u := &unstructured.Unstructured{Object: map[string]any{"status": map[string]any{
		"observedGeneration": observed, "url": "http://gateway/team-a/chat", "conditions": conditions,
	}}}
	u.SetGroupVersionKind(member.LLMInferenceService)
	u.SetGeneration(2)
	return site{placement: v1alpha1.ModelPlacement{Cluster: "a", Replicas: 2}, applied: true, generation: 2, revision: "new", objects: []client.Object{u}, pods: pods}
}

// replica 是 KServe 造的一个 Pod，照 revision 的样子。
func replica(revision string, ready corev1.ConditionStatus) *corev1.Pod {
	pod := loading(now.Add(-time.Minute))
	pod.Annotations = map[string]string{engine.AnnotationRevision: revision}
	pod.Status.Conditions[0].Status = ready
	return pod
}

func TestInference(t *testing.T) {
	const yes, no = corev1.ConditionTrue, corev1.ConditionFalse
	kserve := func(m *v1alpha1.Model) { m.Spec.Engine.Delivery = ptr.To(v1alpha1.DeliveryKServe) }
	ready, waits := []any{cond("Ready", "True", "", "")}, []any{cond("Ready", "False", "MinimumReplicasUnavailable", "the router is missing")}
	fresh := []*corev1.Pod{replica("new", yes), replica("new", yes)}
	crashed := loading(now, container(corev1.ContainerStatus{Name: "main", State: waitingFor("CrashLoopBackOff"), LastTerminationState: ended(1, "CUDA out of memory")}))
	going := replica("old", yes)
	going.DeletionTimestamp = &metav1.Time{Time: now}
	for _, test := range []phaseCase{
		{"ready", "KServe says so of this generation, and the replicas of it are ready", chat(kserve), byKServe(2, ready, fresh...),
			v1alpha1.PlacementReady, v1alpha1.ReasonReplicasReady, "2 of 2", 2},
		{"an old one ends", "what is being stopped is not counted", chat(kserve), byKServe(2, ready, append(fresh, going)...),
			v1alpha1.PlacementReady, v1alpha1.ReasonReplicasReady, "", 2},
		{"not observed", "it speaks of an older generation", chat(kserve), byKServe(1, ready, fresh...),
			v1alpha1.PlacementApplying, v1alpha1.ReasonApplying, "taken up", 2},
		{"cache behind", "what was applied is newer than what is seen", chat(kserve), with(byKServe(2, ready, fresh...), func(s *site) { s.generation = 3 }),
			v1alpha1.PlacementApplying, v1alpha1.ReasonApplying, "taken up", 2},
		{"old replicas", "its Ready was not withdrawn, but the replicas are the old ones", chat(kserve), byKServe(2, ready, replica("old", yes), replica("old", yes)),
			v1alpha1.PlacementLoading, v1alpha1.ReasonRollingOut, "0 of them", 2},
		{"half rolled out", "one old replica still serves", chat(kserve), byKServe(2, ready, replica("old", yes), replica("new", yes)),
			v1alpha1.PlacementLoading, v1alpha1.ReasonRollingOut, "", 2},
		{"most are enough for KServe", "its Deployment is available with fewer than all", chat(kserve), byKServe(2, ready, replica("new", yes), replica("new", no)),
			v1alpha1.PlacementLoading, v1alpha1.ReasonLoading, "1 of 2", 1},
		{"no replicas", "nothing serves, whatever KServe says", chat(kserve), byKServe(2, ready),
			v1alpha1.PlacementLoading, v1alpha1.ReasonLoading, "0 of 2", 0},
		{"not ready", "its message is what people look for", chat(kserve), byKServe(2, waits, fresh...),
			v1alpha1.PlacementLoading, v1alpha1.ReasonLoading, "MinimumReplicasUnavailable: the router is missing", 2},
		{"no preset", "KServe says it beside its Ready only", chat(kserve), byKServe(2, []any{cond("PresetsCombined", "False", "ConfigNotFound", "no such config"), cond("Ready", "Unknown", "NewObservedGenFailure", "")}),
			v1alpha1.PlacementLoading, v1alpha1.ReasonLoading, "ConfigNotFound: no such config", 0},
		{"no room", "the member's scheduler says why", chat(kserve), byKServe(2, waits, loading(now, unplaceable)),
			v1alpha1.PlacementLoading, v1alpha1.ReasonUnschedulable, "0/3 nodes are available", 0},
		{"no word yet", "it has not said anything", chat(kserve), byKServe(2, nil), v1alpha1.PlacementLoading, v1alpha1.ReasonLoading, "", 0},
		{"crash loop", "the last termination message is what people look for", chat(kserve), byKServe(2, waits, crashed, replica("new", yes)),
			v1alpha1.PlacementFailed, v1alpha1.ReasonReplicasFailing, "CUDA out of memory", 1},
		{"too slow", "a replica was not ready in time", chat(kserve, func(m *v1alpha1.Model) { m.Spec.StartupTimeoutSeconds = ptr.To[int32](60) }), byKServe(2, waits, loading(now.Add(-time.Hour))),
			v1alpha1.PlacementFailed, v1alpha1.ReasonStartupTimeout, "", 0},
		{"suspended", "some replicas still end", chat(kserve, suspend), byKServe(2, ready, replica("new", yes)),
			v1alpha1.PlacementPending, v1alpha1.ReasonSuspended, "1 replica is left", 1},
		{"not shown", "nothing has come back yet", chat(kserve), site{placement: v1alpha1.ModelPlacement{Cluster: "a", Replicas: 2}, applied: true},
			v1alpha1.PlacementApplying, v1alpha1.ReasonApplying, "", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.check(t, compute(test.model, facts{now: now, sites: []site{test.site}}).Placements[0])
		})
	}
}

// TestInferenceEndpoint 地址是 KServe 说的那一个；说的不是当前 generation 的不算，知道过的留着。
func TestInferenceEndpoint(t *testing.T) {
	kserve := chat(func(m *v1alpha1.Model) { m.Spec.Engine.Delivery = ptr.To(v1alpha1.DeliveryKServe) })
	for _, test := range []struct {
		name     string
		observed int64
		before   string
		want     string
	}{
		{"of this generation", 2, "", "http://gateway/team-a/chat"},
		{"of an older one", 1, "", ""},
		{"known before", 1, "http://before", "http://before"},
	} {
		s := byKServe(test.observed, []any{cond("Ready", "False", "", "")})
		s.placement.Endpoint = test.before
		if got := compute(kserve, facts{now: now, sites: []site{s}}); got.Endpoint != test.want || got.Placements[0].Endpoint != test.want {
			t.Errorf("%s: the endpoint is %q, that of the placement %q, want %q", test.name, got.Endpoint, got.Placements[0].Endpoint, test.want)
		}
	}
}
