package member

import (
	"strings"
	"sync"
	"unique"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	podresources "k8s.io/component-helpers/resource"

	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// stripNode 只留用得着的：一个真实的节点有几十 KB，大半是镜像清单与字段归属。
func stripNode(node *corev1.Node) (*corev1.Node, bool) {
	slim := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: node.Name, UID: node.UID, ResourceVersion: node.ResourceVersion},
		Spec:       corev1.NodeSpec{Unschedulable: node.Spec.Unschedulable, Taints: node.Spec.Taints},
		Status: corev1.NodeStatus{
			Capacity:    onlyAccelerators(node.Status.Capacity),
			Allocatable: onlyAccelerators(node.Status.Allocatable),
		},
	}
	for key, value := range node.Labels {
		if usedLabels[key] || strings.HasPrefix(key, migPrefix) && (strings.HasSuffix(key, ".product") || strings.HasSuffix(key, ".memory")) {
			setLabel(&slim.Labels, key, value)
		}
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			slim.Status.Conditions = []corev1.NodeCondition{{Type: condition.Type, Status: condition.Status}}
		}
	}
	return slim, true
}

// stripPod 只留用得着的，并把各容器的请求并成一个容器的：按调度器的算法，初始化容器取最大、边车累加。
// 既不要加速器又不是平台放上去的 Pod 与平台无关，答 false，缓存里一个字节也不占。
func stripPod(pod *corev1.Pod) (*corev1.Pod, bool) {
	labels := ownLabels(pod.Labels)
	requests := podAccelerators(pod)
	if len(labels) == 0 && len(requests) == 0 {
		return nil, false
	}
	slim := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: pod.Name, Namespace: shared(pod.Namespace), UID: pod.UID, ResourceVersion: pod.ResourceVersion,
			DeletionTimestamp: pod.DeletionTimestamp, Labels: labels,
		},
		Spec:   corev1.PodSpec{NodeName: shared(pod.Spec.NodeName)},
		Status: corev1.PodStatus{Phase: corev1.PodPhase(shared(string(pod.Status.Phase)))},
	}
	if len(requests) > 0 {
		slim.Spec.Containers = containersAsking(requests)
	}
	if labels[modelv1alpha1.LabelModelUID] != "" {
		keepProgress(slim, pod)
	}
	return slim, true
}

// keepProgress 留下模型的 Pod 走到了哪一步、为什么走不动：它们要进模型的状态。
func keepProgress(slim, pod *corev1.Pod) {
	slim.CreationTimestamp = pod.CreationTimestamp
	slim.Annotations = ownLabels(pod.Annotations)
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled || c.Type == corev1.PodReady {
			slim.Status.Conditions = append(slim.Status.Conditions, corev1.PodCondition{
				Type: c.Type, Status: c.Status, Reason: shared(c.Reason), Message: c.Message, LastTransitionTime: c.LastTransitionTime,
			})
		}
	}
	slim.Status.InitContainerStatuses = progress(pod.Status.InitContainerStatuses)
	slim.Status.ContainerStatuses = progress(pod.Status.ContainerStatuses)
}

func progress(statuses []corev1.ContainerStatus) []corev1.ContainerStatus {
	var slim []corev1.ContainerStatus
	for _, s := range statuses {
		slim = append(slim, corev1.ContainerStatus{
			Name: shared(s.Name), Ready: s.Ready, RestartCount: s.RestartCount, State: s.State, LastTerminationState: s.LastTerminationState,
		})
	}
	return slim
}

// maxShared 是共用的请求里最多几块：一个节点装不下更多。
const maxShared = 64

// sharedContainers 是常见的请求，每种一份；种类有限，所以不会一直长。
var sharedContainers sync.Map // use → []corev1.Container

// containersAsking 是只写着请求的一个容器。几千个 Pod 的请求不过几种，一份要占一两千字节，所以常见的共用一份：缓存里的从不改动。
func containersAsking(requests corev1.ResourceList) []corev1.Container {
	containers := []corev1.Container{{Resources: corev1.ResourceRequirements{Requests: requests}}}
	if len(requests) != 1 {
		return containers
	}
	for name, quantity := range requests {
		n := quantity.Value()
		if _, fixed := accelerators[name]; fixed && n >= 1 && n <= maxShared {
			common, _ := sharedContainers.LoadOrStore(use{resource: name, count: n}, containers)
			return common.([]corev1.Container)
		}
	}
	return containers
}

// podAccelerators 是一个 Pod 占用的加速器。Pod 一级的 resources 只管处理器、内存与大页，与此无关。
func podAccelerators(pod *corev1.Pod) corev1.ResourceList {
	if !asksForAccelerators(pod.Spec.Containers) && !asksForAccelerators(pod.Spec.InitContainers) {
		return nil
	}
	if len(pod.Spec.Containers) == 1 && len(pod.Spec.InitContainers) == 0 {
		// 绝大多数是这样，剥过的也总是这样：不必为此算一遍。
		return onlyAccelerators(pod.Spec.Containers[0].Resources.Requests)
	}
	return onlyAccelerators(podresources.PodRequests(pod, podresources.PodResourcesOptions{ExcludeOverhead: true, SkipPodLevelResources: true}))
}

func asksForAccelerators(containers []corev1.Container) bool {
	for i := range containers {
		for name := range containers[i].Resources.Requests {
			if isAccelerator(name) {
				return true
			}
		}
	}
	return false
}

// onlyAccelerators 挑出加速器；一种也没有时为 nil。
func onlyAccelerators(list corev1.ResourceList) corev1.ResourceList {
	var only corev1.ResourceList
	for name, quantity := range list {
		if !isAccelerator(name) {
			continue
		}
		if only == nil {
			only = make(corev1.ResourceList, 1)
		}
		only[corev1.ResourceName(shared(string(name)))] = quantity
	}
	return only
}

// ownLabels 挑出平台自己的标签或注解。
func ownLabels(labels map[string]string) map[string]string {
	var own map[string]string
	for key, value := range labels {
		if isOwnLabel(key) {
			setLabel(&own, key, value)
		}
	}
	return own
}

// isOwnLabel 认出 kubellm.io 及其子域之下的标签。
func isOwnLabel(key string) bool {
	domain, _, found := strings.Cut(key, "/")
	return found && (domain == "kubellm.io" || strings.HasSuffix(domain, ".kubellm.io"))
}

func setLabel(labels *map[string]string, key, value string) {
	if *labels == nil {
		*labels = map[string]string{}
	}
	(*labels)[shared(key)] = shared(value)
}

// shared 让成千上万份相同的字（节点名、标签）在内存里只有一份。
func shared(s string) string { return unique.Make(s).Value() }
