package model

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/wording"
)

// verdict 是一处放置走到了哪一步。
type verdict struct {
	phase           v1alpha1.PlacementPhase
	reason, message string
	ready           int32
}

// placementStatus 从看到的得出一处放置的状态；证据在路上时旧的话仍然作数。
func placementStatus(v view, s site) v1alpha1.ModelPlacement {
	p := s.placement
	p.ObservedReplicas = s.observed
	if s.hash != "" {
		p.ManifestHash = s.hash
	}
	if s.endpoint != "" {
		p.Endpoint = s.endpoint
	}
	// 刚选中的只有阶段，没有理由：那还不是从成员得来的话。
	if s.waiting && p.Reason != "" {
		return p
	}
	is := judge(v, s)
	if p.Phase != is.phase || p.LastTransitionTime == nil {
		p.LastTransitionTime = ptr.To(metav1.NewTime(v.now))
	}
	p.Phase, p.Reason, p.Message, p.ReadyReplicas = is.phase, is.reason, is.message, is.ready
	return p
}

func judge(v view, s site) verdict {
	switch {
	case s.waiting:
		return verdict{v1alpha1.PlacementPending, v1alpha1.ReasonNotObserved, "The Cluster's answer is awaited.", 0}
	case s.lost != "":
		return verdict{v1alpha1.PlacementUnreachable, v1alpha1.ReasonClusterUnreachable, s.lost, 0}
	case s.err != nil:
		return verdict{v1alpha1.PlacementFailed, v1alpha1.ReasonApplyFailed,
			fmt.Sprintf("What runs there could not be applied: %s.", wording.Brief(s.err)), ready(s)}
	case !s.applied && v.credentials.problem != nil && workload(s) == nil:
		return verdict{v1alpha1.PlacementPending, v.credentials.problem.reason, v.credentials.problem.message, 0}
	case v.kserve():
		return inference(v, s)
	default:
		return deployment(v, s)
	}
}

// workload 是那里的 Deployment 或 LLMInferenceService；nil 表示还没有。
func workload(s site) metav1.Object {
	for _, object := range s.objects {
		switch object := object.(type) {
		case *appsv1.Deployment:
			return object
		case *unstructured.Unstructured:
			return object
		}
	}
	return nil
}

func ready(s site) int32 {
	if d, ok := workload(s).(*appsv1.Deployment); ok {
		return d.Status.ReadyReplicas
	}
	return 0
}

// deployment 按成员自己的话判断：它看到了当前的 generation，更新过的副本都就绪，旧的都不在了，才算就绪。
func deployment(v view, s site) verdict {
	d, ok := workload(s).(*appsv1.Deployment)
	if !ok {
		return verdict{v1alpha1.PlacementApplying, v1alpha1.ReasonApplying, "The member has not shown the Deployment yet.", 0}
	}
	want, st := ptr.Deref(d.Spec.Replicas, 1), d.Status
	switch {
	case d.DeletionTimestamp != nil:
		return verdict{v1alpha1.PlacementApplying, v1alpha1.ReasonApplying, "Somebody deletes the Deployment on the member; it is applied again once it is gone.", st.ReadyReplicas}
	case d.Generation < s.generation || st.ObservedGeneration < d.Generation:
		return verdict{v1alpha1.PlacementApplying, v1alpha1.ReasonApplying, "The member has not taken up what was applied last.", st.ReadyReplicas}
	case v.suspended():
		return verdict{v1alpha1.PlacementPending, v1alpha1.ReasonSuspended,
			fmt.Sprintf("spec.suspended is true; %d replicas are left.", st.Replicas), st.ReadyReplicas}
	case st.UpdatedReplicas == want && st.Replicas == want && st.ReadyReplicas == want && st.AvailableReplicas == want:
		return verdict{v1alpha1.PlacementReady, v1alpha1.ReasonReplicasReady, fmt.Sprintf("%d of %d replicas are ready.", want, want), want}
	}
	return unready(v, s, want, st)
}

// unready 说副本为什么还没有都就绪。
func unready(v view, s site, want int32, st appsv1.DeploymentStatus) verdict {
	pods := reportOf(s.pods)
	count := fmt.Sprintf("%d of %d replicas are ready", st.ReadyReplicas, want)
	switch {
	case pods.failure != "":
		return verdict{v1alpha1.PlacementFailed, v1alpha1.ReasonReplicasFailing, fmt.Sprintf("%s; %s.", count, pods.failure), st.ReadyReplicas}
	case refused(st) != "":
		return verdict{v1alpha1.PlacementFailed, v1alpha1.ReasonReplicasFailing, fmt.Sprintf("%s; the member makes no pods: %s.", count, refused(st)), st.ReadyReplicas}
	case !pods.since.IsZero() && !v.now.Before(pods.since.Add(v.startupTimeout())):
		return verdict{v1alpha1.PlacementFailed, v1alpha1.ReasonStartupTimeout, fmt.Sprintf(
			"%s; one is not ready since %s, longer than spec.startupTimeoutSeconds allows%s.", count, wording.Stamp(pods.since), also(pods.unschedulable)), st.ReadyReplicas}
	}
	waits := ""
	if !pods.since.IsZero() {
		waits = ", waiting since " + wording.Stamp(pods.since)
	}
	if st.Replicas > st.UpdatedReplicas && st.UpdatedReplicas+st.Replicas > 0 && want > 0 {
		return verdict{v1alpha1.PlacementLoading, v1alpha1.ReasonRollingOut, fmt.Sprintf(
			"%s, %d of them or of those on their way are new%s%s.", count, st.UpdatedReplicas, waits, also(pods.unschedulable)), st.ReadyReplicas}
	}
	return verdict{v1alpha1.PlacementLoading, v1alpha1.ReasonLoading, fmt.Sprintf("%s%s%s.", count, waits, also(pods.unschedulable)), st.ReadyReplicas}
}

func also(text string) string {
	if text == "" {
		return ""
	}
	return "; " + text
}

// refused 是成员不肯造 Pod 的理由：配额、Pod 安全策略之类。
func refused(st appsv1.DeploymentStatus) string {
	for _, c := range st.Conditions {
		if c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue {
			return wording.Shorten(c.Message, maxReport)
		}
	}
	return ""
}

// inference 照抄 KServe 自己的 Ready，只要它说的是当前的 generation。
func inference(v view, s site) verdict {
	u, ok := workload(s).(*unstructured.Unstructured)
	if !ok {
		return verdict{v1alpha1.PlacementApplying, v1alpha1.ReasonApplying, "The member has not shown the LLMInferenceService yet.", 0}
	}
	observed, _, _ := unstructured.NestedInt64(u.Object, "status", "observedGeneration")
	want := s.placement.Replicas
	said := kserveReady(u)
	pods := reportOf(s.pods)
	switch {
	case u.GetGeneration() < s.generation || observed < u.GetGeneration():
		return verdict{v1alpha1.PlacementApplying, v1alpha1.ReasonApplying, "KServe has not taken up what was applied last.", 0}
	case v.suspended():
		return verdict{v1alpha1.PlacementPending, v1alpha1.ReasonSuspended, "spec.suspended is true.", 0}
	case said.status == string(metav1.ConditionTrue):
		return verdict{v1alpha1.PlacementReady, v1alpha1.ReasonReplicasReady, "KServe says that it is ready.", want}
	case pods.failure != "":
		return verdict{v1alpha1.PlacementFailed, v1alpha1.ReasonReplicasFailing, pods.failure + ".", 0}
	case !pods.since.IsZero() && !v.now.Before(pods.since.Add(v.startupTimeout())):
		return verdict{v1alpha1.PlacementFailed, v1alpha1.ReasonStartupTimeout, fmt.Sprintf(
			"A replica is not ready since %s, longer than spec.startupTimeoutSeconds allows.", wording.Stamp(pods.since)), 0}
	}
	return verdict{v1alpha1.PlacementLoading, v1alpha1.ReasonLoading, "KServe says that it is not ready" + said.because() + also(pods.unschedulable) + ".", 0}
}

// word 是 KServe 的 Ready。
type word struct{ status, reason, message string }

func (w word) because() string {
	if w.message == "" && w.reason == "" {
		return ""
	}
	return ": " + wording.Shorten(join(w.reason, w.message), maxReport)
}

func kserveReady(u *unstructured.Unstructured) word {
	conditions, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
	for _, c := range conditions {
		m, _ := c.(map[string]any)
		if m["type"] != v1alpha1.ConditionReady {
			continue
		}
		var w word
		w.status, _ = m["status"].(string)
		w.reason, _ = m["reason"].(string)
		w.message, _ = m["message"].(string)
		return w
	}
	return word{}
}

// kserveURL 是 KServe 给出的地址；说的不是当前 generation 的不算。
func kserveURL(objects []site) string {
	for _, s := range objects {
		u, ok := workload(s).(*unstructured.Unstructured)
		if !ok {
			continue
		}
		observed, _, _ := unstructured.NestedInt64(u.Object, "status", "observedGeneration")
		if url, _, _ := unstructured.NestedString(u.Object, "status", "url"); observed >= u.GetGeneration() {
			return url
		}
	}
	return ""
}
