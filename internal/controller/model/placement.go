package model

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/wording"
	"github.com/kubellm/kubellm/internal/member"
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
	// 刚选中的只有阶段，没有理由：那还不是从成员得来的话；spec 变了的，旧的话说的不是它。
	// 凭据换了的也是：旧的话说的是用着从前那份的。
	if s.waiting && !s.rotated && p.Reason != "" && v.Status.ObservedGeneration == v.Generation && v.Status.ObservedCredentialsVersion == v.credentials.handedIn {
		return p
	}
	is := judge(v, s)
	if len(s.leftover) > 0 {
		is.message = sentence(strings.TrimRight(is.message, "."), s.leavings())
	}
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
	case member.Slow(s.err):
		return verdict{v1alpha1.PlacementApplying, v1alpha1.ReasonApplying, "The member is slow to answer, and not everything that is wanted is there yet; it is tried again.", ready(s)}
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

// leavings 说不再要而收不走的；没有的为空。
func (s site) leavings() string {
	var said []string
	for _, err := range s.leftover {
		said = append(said, wording.Brief(err))
	}
	return strings.Join(said, "; ")
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
	want, st := expected(v, s, d), d.Status
	// 成员的控制器停了的话，这里的数是从前的；Pod 自己的话是现在的。
	st.ReadyReplicas = min(st.ReadyReplicas, countPods(s).ready)
	switch {
	case d.DeletionTimestamp != nil:
		return verdict{v1alpha1.PlacementApplying, v1alpha1.ReasonApplying, "Somebody deletes the Deployment on the member; it is applied again once it is gone.", st.ReadyReplicas}
	case d.Generation < s.generation || st.ObservedGeneration < d.Generation:
		return verdict{v1alpha1.PlacementApplying, v1alpha1.ReasonApplying, "The member has not taken up what was applied last.", st.ReadyReplicas}
	case v.suspended():
		return verdict{v1alpha1.PlacementPending, v1alpha1.ReasonSuspended,
			fmt.Sprintf("spec.suspended is true; %s left.", counted(st.Replicas)), st.ReadyReplicas}
	case st.UpdatedReplicas == want && st.Replicas == want && st.ReadyReplicas == want && st.AvailableReplicas == want && scaling(s) == "":
		return verdict{v1alpha1.PlacementReady, v1alpha1.ReasonReplicasReady, readyOf(want, want) + ".", want}
	}
	return unready(v, s, want, st)
}

// expected 是那里要的副本：成员上写着的；自动伸缩的不少于下限，伸缩器还没动手时那里写着的是一个。
func expected(v view, s site, d *appsv1.Deployment) int32 {
	want := ptr.Deref(d.Spec.Replicas, 1)
	if v.autoscaled() && !s.kept {
		want = max(want, ptr.Deref(v.Spec.Scaling.Autoscaling.MinReplicas, 1))
	}
	return want
}

// scaling 是 KEDA 说的伸缩器为什么不行；空表示它没有说不行。不行时没有谁知道该要几个副本。
func scaling(s site) string {
	for _, object := range s.objects {
		u, ok := object.(*unstructured.Unstructured)
		if !ok || u.GroupVersionKind().GroupKind() != member.ScaledObject.GroupKind() {
			continue
		}
		conditions, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
		for _, c := range conditions {
			m, _ := c.(map[string]any)
			if m["type"] == v1alpha1.ConditionReady && m["status"] == string(metav1.ConditionFalse) {
				var w word
				w.reason, _ = m["reason"].(string)
				w.message, _ = m["message"].(string)
				return "KEDA says that the autoscaler is not ready" + w.because()
			}
		}
	}
	return ""
}

// unready 说副本为什么还没有都就绪。
func unready(v view, s site, want int32, st appsv1.DeploymentStatus) verdict {
	pods, count := reportOf(s.pods, v.now), readyOf(st.ReadyReplicas, want)
	switch {
	case pods.failure != "":
		return verdict{v1alpha1.PlacementFailed, v1alpha1.ReasonReplicasFailing, sentence(count, pods.failure), st.ReadyReplicas}
	case refused(st) != "":
		return verdict{v1alpha1.PlacementFailed, v1alpha1.ReasonReplicasFailing, sentence(count, "the member makes no pods: "+refused(st)), st.ReadyReplicas}
	case pods.tooSlow(v):
		return verdict{v1alpha1.PlacementFailed, v1alpha1.ReasonStartupTimeout, sentence(count, pods.overdue(), pods.unschedulable, pods.starting), st.ReadyReplicas}
	case st.Replicas > st.UpdatedReplicas && want > 0:
		news := fmt.Sprintf("%s, %d of them or of those on their way are new%s", count, st.UpdatedReplicas, pods.waits())
		return verdict{v1alpha1.PlacementLoading, v1alpha1.ReasonRollingOut, sentence(news, pods.unschedulable, pods.starting), st.ReadyReplicas}
	}
	return verdict{v1alpha1.PlacementLoading, pods.loading(), sentence(count+pods.waits(), pods.unschedulable, pods.starting, scaling(s)), st.ReadyReplicas}
}

// sentence 把几段话连成一句，空的不算；别人的话自带句号的，不再添一个。
func sentence(parts ...string) string {
	said := slices.DeleteFunc(slices.Clone(parts), func(part string) bool { return part == "" })
	return strings.TrimRight(strings.Join(said, "; "), ". \n") + "."
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
