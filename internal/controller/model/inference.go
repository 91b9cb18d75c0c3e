package model

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/engine"
	"github.com/kubellm/kubellm/internal/controller/wording"
	"github.com/kubellm/kubellm/internal/member"
)

// inference 判断交给 KServe 的一处。KServe 的 Ready 只说大半副本可用，不管它们是不是新的：
// 它说好了，又看到恰好那么多个照最后放上去的样子的 Pod 都就绪，才算就绪。
func inference(v view, s site) verdict {
	u := inferenceService(s)
	if u == nil {
		return verdict{v1alpha1.PlacementApplying, v1alpha1.ReasonApplying, "The member has not shown the LLMInferenceService yet.", 0}
	}
	pods, want := countPods(s), s.placement.Replicas
	switch said := kserveReady(u); {
	case u.GetDeletionTimestamp() != nil:
		return verdict{v1alpha1.PlacementApplying, v1alpha1.ReasonApplying, "Somebody deletes the LLMInferenceService on the member; it is applied again once it is gone.", pods.ready}
	case u.GetGeneration() < s.generation || !kserveObserved(u):
		return verdict{v1alpha1.PlacementApplying, v1alpha1.ReasonApplying, "KServe has not taken up what was applied last.", pods.ready}
	case v.suspended():
		return verdict{v1alpha1.PlacementPending, v1alpha1.ReasonSuspended, fmt.Sprintf("spec.suspended is true; %s left.", counted(pods.all)), pods.ready}
	case said.status == string(metav1.ConditionTrue) && pods.all == want && pods.current == want:
		return verdict{v1alpha1.PlacementReady, v1alpha1.ReasonReplicasReady, "KServe says that it is ready, and " + readyOf(want, want) + ".", want}
	default:
		return inferenceUnready(v, s, said, pods)
	}
}

// inferenceUnready 说副本为什么还没有都就绪：先看 Pod 自己的话，再看 KServe 的。
func inferenceUnready(v view, s site, said word, pods podCount) verdict {
	report, count := reportOf(s.pods, v.now), readyOf(pods.ready, s.placement.Replicas)
	switch {
	case report.failure != "":
		return verdict{v1alpha1.PlacementFailed, v1alpha1.ReasonReplicasFailing, sentence(count, report.failure), pods.ready}
	case report.tooSlow(v):
		return verdict{v1alpha1.PlacementFailed, v1alpha1.ReasonStartupTimeout, sentence(count, report.overdue(), report.unschedulable, report.starting), pods.ready}
	case said.status == string(metav1.ConditionTrue) && pods.all > pods.made:
		news := fmt.Sprintf("%s, %d of them or of those on their way are new", count, pods.made)
		return verdict{v1alpha1.PlacementLoading, v1alpha1.ReasonRollingOut, sentence(news, report.unschedulable, report.starting), pods.ready}
	case said.status != string(metav1.ConditionTrue):
		count += "; KServe says that it is not ready" + said.because()
	}
	return verdict{v1alpha1.PlacementLoading, report.loading(), sentence(count, report.unschedulable, report.starting), pods.ready}
}

// inferenceService 是那里的 LLMInferenceService；nil 表示还没有。
func inferenceService(s site) *unstructured.Unstructured {
	for _, object := range s.objects {
		if u, ok := object.(*unstructured.Unstructured); ok && u.GroupVersionKind().GroupKind() == member.LLMInferenceService.GroupKind() {
			return u
		}
	}
	return nil
}

// podCount 数一处的 Pod：all 是活着的，ready 是其中就绪的，made 是照最后放上去的样子造的，current 是其中就绪的。
type podCount struct{ all, ready, made, current int32 }

func countPods(s site) podCount {
	var n podCount
	for _, pod := range s.pods {
		if pod.DeletionTimestamp != nil {
			continue
		}
		n.all++
		c := condition(pod, corev1.PodReady)
		ready := c != nil && c.Status == corev1.ConditionTrue
		// 这一轮没有放上去的，不知道该是什么样子，Pod 是什么样子都认。
		made := s.revision == "" || pod.Annotations[engine.AnnotationRevision] == s.revision
		if ready {
			n.ready++
		}
		if made {
			n.made++
		}
		if ready && made {
			n.current++
		}
	}
	return n
}

// word 是 KServe 的 Ready。
type word struct{ status, reason, message string }

func (w word) because() string {
	if w.message == "" && w.reason == "" {
		return ""
	}
	return ": " + wording.Shorten(join(w.reason, w.message), maxReport)
}

// kserveReady 是 KServe 的 Ready；它不好、自己又说不出所以然时，带上第一个不好的条件的话：
// 找不到预设之类的，KServe 0.20 只写在那里。
func kserveReady(u *unstructured.Unstructured) word {
	var ready, failed word
	conditions, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
	for _, c := range conditions {
		m, _ := c.(map[string]any)
		var w word
		w.status, _ = m["status"].(string)
		w.reason, _ = m["reason"].(string)
		w.message, _ = m["message"].(string)
		switch {
		case m["type"] == v1alpha1.ConditionReady:
			ready = w
		case w.status == string(metav1.ConditionFalse) && failed == (word{}):
			failed = w
		}
	}
	if ready.status != string(metav1.ConditionFalse) && failed != (word{}) {
		ready.reason, ready.message = failed.reason, failed.message
	}
	return ready
}

// kserveObserved 报告 KServe 说的是不是当前的 generation。
func kserveObserved(u *unstructured.Unstructured) bool {
	observed, _, _ := unstructured.NestedInt64(u.Object, "status", "observedGeneration")
	return observed >= u.GetGeneration()
}

// kserveURL 是 KServe 给出的地址；说的不是当前 generation 的不算。
func kserveURL(s site) string {
	u := inferenceService(s)
	if u == nil || !kserveObserved(u) {
		return ""
	}
	url, _, _ := unstructured.NestedString(u.Object, "status", "url")
	return url
}
