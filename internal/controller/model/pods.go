package model

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/wording"
)

const (
	// maxReport 限制抄进状态的一份 Pod 的话。
	maxReport = 512
	// recovery 是崩溃过的容器又跑了多久才不算起不来：kubelet 也在这么久之后忘掉退避。
	recovery = 10 * time.Minute
)

// hopeless 是容器自己不会好起来的等待理由；别的等待是正在启动。
var hopeless = sets.New("CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull", "InvalidImageName",
	"CreateContainerConfigError", "CreateContainerError", "RunContainerError")

// ofContainers 是 Pod 的第一个有话说的容器的话；空表示都没有。
func ofContainers(pod *corev1.Pod, say func(corev1.ContainerStatus) string) string {
	if pod.DeletionTimestamp != nil {
		return ""
	}
	for _, statuses := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for _, s := range statuses {
			if text := say(s); text != "" {
				return wording.Shorten(fmt.Sprintf("pod %s, container %s: %s", pod.Name, s.Name, text), maxReport)
			}
		}
	}
	return ""
}

// starting 说一个容器启动到了哪一步；空表示没有什么可说。
func starting(s corev1.ContainerStatus) string {
	if s.Ready || s.State.Waiting == nil || s.State.Waiting.Reason == "" {
		return ""
	}
	return join(s.State.Waiting.Reason, s.State.Waiting.Message)
}

// recovering 是崩溃过、又在跑、还没就绪的容器从何时起又跑着；别的为零。
func recovering(s corev1.ContainerStatus) time.Time {
	if last := s.LastTerminationState.Terminated; s.Ready || s.State.Running == nil || last == nil || last.ExitCode == 0 {
		return time.Time{}
	}
	return s.State.Running.StartedAt.Time
}

// containerFailure 说一个容器为什么起不来；崩溃过、又跑起来不久的也算，否则状态会来回跳。
func containerFailure(s corev1.ContainerStatus, now time.Time) string {
	if s.Ready {
		return ""
	}
	if since := recovering(s); !since.IsZero() && !now.Before(since.Add(recovery)) {
		return ""
	}
	ended := s.LastTerminationState.Terminated
	if s.State.Terminated != nil && s.State.Terminated.ExitCode != 0 {
		ended = s.State.Terminated
	}
	waiting := s.State.Waiting
	switch {
	case ended != nil && ended.ExitCode != 0:
		return crash(s, ended)
	case waiting != nil && hopeless.Has(waiting.Reason):
		return join(waiting.Reason, waiting.Message)
	default:
		return ""
	}
}

// crash 先说遗言：那是人要找的；退避的话每次都不同，不抄。
func crash(s corev1.ContainerStatus, ended *corev1.ContainerStateTerminated) string {
	reason := "it ended"
	switch waiting, since := s.State.Waiting, recovering(s); {
	case waiting != nil && hopeless.Has(waiting.Reason):
		reason = waiting.Reason
	case !since.IsZero():
		reason = "it runs again since " + wording.Stamp(since)
	}
	return join(fmt.Sprintf("%s; its last run ended with exit code %d (%s)", reason, ended.ExitCode, ended.Reason), ended.Message)
}

func join(head, tail string) string {
	if tail == "" {
		return head
	}
	return head + ": " + tail
}

// unschedulable 是成员的调度器说的 Pod 排不上的理由；空表示排上了。
func unschedulable(pod *corev1.Pod) string {
	c := condition(pod, corev1.PodScheduled)
	if pod.DeletionTimestamp != nil || c == nil || c.Status != corev1.ConditionFalse || c.Reason != corev1.PodReasonUnschedulable {
		return ""
	}
	return wording.Shorten(fmt.Sprintf("pod %s cannot be scheduled: %s", pod.Name, c.Message), maxReport)
}

// unreadySince 是 Pod 从何时起没有就绪；就绪的、正在终止的第二个值为假。
func unreadySince(pod *corev1.Pod) (time.Time, bool) {
	if pod.DeletionTimestamp != nil {
		return time.Time{}, false
	}
	c := condition(pod, corev1.PodReady)
	switch {
	case c == nil || c.LastTransitionTime.IsZero():
		return pod.CreationTimestamp.Time, true
	case c.Status == corev1.ConditionTrue:
		return time.Time{}, false
	default:
		return c.LastTransitionTime.Time, true
	}
}

func condition(pod *corev1.Pod, kind corev1.PodConditionType) *corev1.PodCondition {
	for i := range pod.Status.Conditions {
		if pod.Status.Conditions[i].Type == kind {
			return &pod.Status.Conditions[i]
		}
	}
	return nil
}

// report 是一处的 Pod 合起来说的。
type report struct {
	failure, unschedulable, starting string
	// recovers 是最早有一个崩溃过的容器不再算起不来的时候；零表示没有这样的。
	recovers time.Time
	// ending 表示有 Pod 正在终止：排不上的多半是在等它让出地方。
	ending bool
	// since 是最早的一个还没就绪的 Pod 从何时起没有就绪；零表示都就绪了。
	since time.Time
}

func reportOf(pods []*corev1.Pod, now time.Time) report {
	var r report
	for _, pod := range pods {
		r.ending = r.ending || pod.DeletionTimestamp != nil
		if r.failure == "" {
			r.failure = ofContainers(pod, func(s corev1.ContainerStatus) string { return containerFailure(s, now) })
		}
		if r.starting == "" {
			r.starting = ofContainers(pod, starting)
		}
		for _, s := range pod.Status.ContainerStatuses {
			if since := recovering(s); !since.IsZero() && (r.recovers.IsZero() || since.Add(recovery).Before(r.recovers)) {
				r.recovers = since.Add(recovery)
			}
		}
		if r.unschedulable == "" {
			r.unschedulable = unschedulable(pod)
		}
		if since, ok := unreadySince(pod); ok && (r.since.IsZero() || since.Before(r.since)) {
			r.since = since
		}
	}
	return r
}

// tooSlow 报告有副本过了该就绪的时候。
func (r report) tooSlow(v view) bool {
	return !r.since.IsZero() && !v.now.Before(r.since.Add(v.startupTimeout()))
}

func (r report) overdue() string {
	return fmt.Sprintf("one is not ready since %s, longer than spec.startupTimeoutSeconds allows", wording.Stamp(r.since))
}

func (r report) waits() string {
	if r.since.IsZero() {
		return ""
	}
	return ", waiting since " + wording.Stamp(r.since)
}

// loading 是还没有都就绪、也没有失败的理由：排不上又不在等谁让出地方的，等下去也不会好。
func (r report) loading() string {
	if r.unschedulable != "" && !r.ending {
		return v1alpha1.ReasonUnschedulable
	}
	return v1alpha1.ReasonLoading
}
