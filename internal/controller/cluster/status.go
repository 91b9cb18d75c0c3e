package cluster

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
)

// compute 从对象与事实得出新的状态；不看时钟、不碰网络，同样的输入总得同样的状态。
func compute(cluster *v1alpha1.Cluster, f facts) v1alpha1.ClusterStatus {
	v := view{cluster, f}
	status := cluster.Status.DeepCopy()

	credentials, reachable, capacity := credentialsValid(v), reachable(v), capacityKnown(v)
	all := []metav1.Condition{credentials, reachable, capacity, ready(v, credentials, reachable, capacity)}
	if v.deleting() {
		all = append(all, drained(v))
	}
	for _, condition := range all {
		meta.SetStatusCondition(&status.Conditions, condition)
	}
	status.ObservedGeneration = oldest(all...)
	if !v.stands(credentials) {
		// 旧的条件还站着时，状态仍是由旧的凭据算出的，不能提前认作新的。
		status.ObservedCredentialsVersion = v.credentials.handedIn
		status.CredentialsExpireAt = expiry(v)
	}
	setObserved(status, v)
	setHeartbeat(status, v)
	return *status
}

// setObserved 写下在自己的成员上看到的；别的成员的东西一概不写，看不到时旧的数字留着。
func setObserved(status *v1alpha1.ClusterStatus, v view) {
	if status.ID == "" && v.evidence != nil {
		status.ID = v.evidence.ID
	}
	if v.evidence == nil || v.evidence.ID == "" || v.evidence.ID != status.ID {
		return
	}
	status.Endpoint = v.credentials.access.Server
	if v.evidence.Version != "" {
		status.Version, status.Capabilities = v.evidence.Version, v.evidence.Capabilities
	}
	if capacity := v.evidence.Capacity; !capacity.LastSeen.IsZero() {
		status.Nodes, status.Accelerators = &capacity.Nodes, capacity.Accelerators
	}
}

// setHeartbeat 记下成员最近一次回答的时间：别的东西要写时顺便写，否则至多一个间隔写一次。
func setHeartbeat(status *v1alpha1.ClusterStatus, v view) {
	if v.evidence == nil || v.evidence.ID == "" || v.evidence.ID != status.ID || v.evidence.Probe.LastSuccess.IsZero() {
		return
	}
	// 状态里的时间只到秒。
	last := metav1.NewTime(v.evidence.Probe.LastSuccess.Truncate(time.Second))
	if written := status.LastHeartbeatTime; written != nil {
		elapsed := last.Sub(written.Time)
		if elapsed < 0 && written.After(v.now) {
			// 时钟曾经走到前面去过：将来的时间不是证据。
			status.LastHeartbeatTime = &last
			return
		}
		// 探测的时刻会抖动一点，差一点点也算到了。
		early := elapsed < v.interval()*9/10 && equality.Semantic.DeepEqual(*status, v.Status)
		if elapsed <= 0 || early {
			return
		}
	}
	status.LastHeartbeatTime = &last
}

func expiry(v view) *metav1.Time {
	if v.credentials.access == nil || v.credentials.access.ExpiresAt == nil {
		return nil
	}
	at := metav1.NewTime(v.credentials.access.ExpiresAt.Truncate(time.Second))
	return &at
}

// oldest 返回条件里最旧的 generation：整体不会比它所依据的更新。
func oldest(conditions ...metav1.Condition) int64 {
	return slices.MinFunc(conditions, func(a, b metav1.Condition) int {
		return int(a.ObservedGeneration - b.ObservedGeneration)
	}).ObservedGeneration
}

// wake 返回多久之后没有事件也要再看一次；零表示不必。
func wake(v view) time.Duration {
	var at []time.Time
	if access := v.credentials.access; access != nil && access.ExpiresAt != nil {
		at = append(at, access.ExpiresAt.Add(-soon), *access.ExpiresAt)
	}
	if v.usable() && !v.suspended() {
		at = append(at, v.asked.Add(v.tolerance()))
	}
	if v.evidence != nil && !v.evidence.Capacity.Known {
		at = append(at, v.evidence.Capacity.LastSeen.Add(v.tolerance()))
	}
	var next time.Duration
	for _, t := range at {
		if wait := t.Sub(v.now); wait > 0 && (next == 0 || wait < next) {
			next = wait
		}
	}
	return next
}
