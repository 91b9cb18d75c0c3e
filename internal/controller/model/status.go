package model

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/requeue"
)

// compute 从对象与事实得出新的状态；不看时钟、不碰网络，同样的输入总得同样的状态。
func compute(model *v1alpha1.Model, f facts) v1alpha1.ModelStatus {
	v := view{model, f}
	status := model.Status.DeepCopy()
	status.ObservedGeneration = model.Generation
	status.ServedName = ptr.Deref(model.Spec.ServedName, model.Name)
	if v.deleting() {
		leaving(status, v)
		setConditions(status, removalCondition(v), gone(v, v1alpha1.ConditionAvailable), gone(v, v1alpha1.ConditionProgressing), summary(v))
		return *status
	}
	status.ObservedCredentialsVersion = v.credentials.handedIn
	status.Image, status.Selector = v.image, v.selector
	status.Placements = nil
	for _, s := range v.sites {
		status.Placements = append(status.Placements, placementStatus(v, s))
	}
	sum := total(status.Placements)
	status.ReadyReplicas, status.Replicas = sum.ready, replicas(v.sites)
	status.Endpoint, status.EndpointCluster = endpoint(status.Placements)
	conditions := []metav1.Condition{accepted(v), scheduled(v), applied(v, status.Placements),
		available(v, status.Placements)}
	setConditions(status, append(conditions, progressing(v, status.Placements), summary(v, conditions...))...)
	return *status
}

// leaving 收回正在删除的 Model 关于副本的旧话：收走到一半的不再是就绪的。放置与预留留着，收走之前卡还占着。
func leaving(status *v1alpha1.ModelStatus, v view) {
	status.ReadyReplicas, status.Replicas = 0, 0
	for i := range status.Placements {
		p := &status.Placements[i]
		if p.Reason != v1alpha1.ReasonDeleting {
			p.Phase, p.LastTransitionTime = v1alpha1.PlacementPending, ptr.To(metav1.NewTime(v.now))
		}
		p.Reason, p.Message, p.ReadyReplicas = v1alpha1.ReasonDeleting, "What runs there is removed, or waits for that; see Applied.", 0
	}
}

func setConditions(status *v1alpha1.ModelStatus, conditions ...metav1.Condition) {
	for _, c := range conditions {
		meta.SetStatusCondition(&status.Conditions, c)
	}
}

// sum 是各处加起来的副本。
type sum struct{ ready int32 }

func total(placements []v1alpha1.ModelPlacement) sum {
	var s sum
	for _, p := range placements {
		s.ready += p.ReadyReplicas
	}
	return s
}

// replicas 是各处看到的副本，不管就绪没有：scale 子资源要的是现有的，不是想要的。
func replicas(sites []site) int32 {
	var n int32
	for _, s := range sites {
		for _, pod := range s.pods {
			if pod.DeletionTimestamp == nil && s.lost == "" {
				n++
			}
		}
	}
	return n
}

// byAddress 是地址该取哪一处的次序，同样有副本就绪或者同样没有的当中。
var byAddress = []v1alpha1.PlacementPhase{v1alpha1.PlacementReady, v1alpha1.PlacementLoading, v1alpha1.PlacementApplying,
	v1alpha1.PlacementPending, v1alpha1.PlacementUnreachable, v1alpha1.PlacementFailed}

// endpoint 是最宜接请求的一处的地址，与它所在的集群：就绪的、有副本在服务的优先。只要还放在哪里，就总有一个地址：
// 那里多半还在服务，收走地址只会让用着它的也断开。
func endpoint(placements []v1alpha1.ModelPlacement) (address, cluster string) {
	for _, least := range []int32{1, 0} {
		for _, phase := range byAddress {
			for _, p := range placements {
				if p.Phase == phase && p.Endpoint != "" && p.ReadyReplicas >= least {
					return p.Endpoint, p.Cluster
				}
			}
		}
	}
	return "", ""
}

// wake 返回多久之后没有事件也要再看一次；零表示不必。
func wake(v view) time.Duration {
	var next time.Duration
	for _, s := range v.sites {
		next = requeue.Sooner(next, s.retry)
		if s.lost != "" {
			continue
		}
		pods := reportOf(s.pods, v.now)
		if !pods.since.IsZero() {
			next = requeue.Sooner(next, max(pods.since.Add(v.startupTimeout()).Sub(v.now), 0))
		}
		if !pods.recovers.IsZero() {
			next = requeue.Sooner(next, max(pods.recovers.Sub(v.now), 0))
		}
	}
	return next
}
