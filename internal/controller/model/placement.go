package model

import (
	"cmp"
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
	if address := cmp.Or(s.endpoint, kserveURL(s)); address != "" {
		p.Endpoint = address
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
	case s.kept && workload(s) == nil:
		return verdict{v1alpha1.PlacementPending, scheduled(v).Reason, "Nothing runs there, and what the spec asks for is not possible there. See Scheduled.", 0}
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
	// 成员的控制器停了的话，这里的数是从前的；Pod 自己的话是现在的。
	st.ReadyReplicas = min(st.ReadyReplicas, countPods(s).ready)
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
