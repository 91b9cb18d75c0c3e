package model

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	cluster "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/wording"
	"github.com/kubellm/kubellm/internal/member"
)

const (
	// answerWait 是 Cluster 说成员在、连接却还没好时，多久再看一次；Cluster 的控制器会给它一个限期。
	answerWait = time.Second
	// settleWait 是 Cluster 的状态没跟上总账时，没有事件也再看一次的间隔。
	settleWait = 5 * time.Second
)

// cluster 返回名字与 UID 都对得上的 Cluster；没有了为 nil。缓存里没有的要问过服务器才算：
// 刚接手的控制器，缓存可能比自己读到的放置旧，当它没有了，那里跑着的就没有人收拾。
func (r *Reconciler) cluster(ctx context.Context, name, uid string) (*cluster.Cluster, error) {
	for _, reader := range []client.Reader{r.Client, r.Live} {
		c := &cluster.Cluster{}
		err := reader.Get(ctx, client.ObjectKey{Name: name}, c)
		if client.IgnoreNotFound(err) != nil {
			return nil, fmt.Errorf("get cluster %q: %w", name, err)
		}
		if err == nil && string(c.UID) == uid {
			return c, nil
		}
	}
	return nil, nil
}

// unusable 说 Cluster 为什么此刻不能用；空表示能用。
func unusable(c *cluster.Cluster) string {
	switch {
	case c == nil:
		return "The Cluster does not exist any more; what runs there is not known."
	case c.DeletionTimestamp != nil:
		return "The Cluster is being deleted."
	case ptr.Deref(c.Spec.Suspended, false):
		return "The Cluster's spec.suspended is true; what runs there is not known."
	}
	if ready := meta.FindStatusCondition(c.Status.Conditions, cluster.ConditionReady); ready != nil && ready.Reason == cluster.ReasonDuplicateMember {
		return ready.Message
	}
	return unsound(c)
}

// unsound 说够不着成员的根由：先是明确不行的，再是不知道的，其中联系不上最根本——成员不答话，认不认凭据也就没有人知道。
func unsound(c *cluster.Cluster) string {
	kinds := []string{cluster.ConditionReachable, cluster.ConditionCredentialsValid}
	for _, kind := range kinds {
		if c := meta.FindStatusCondition(c.Status.Conditions, kind); c != nil && c.Status == metav1.ConditionFalse {
			return unmet(kind, c)
		}
	}
	for _, kind := range kinds {
		if c := meta.FindStatusCondition(c.Status.Conditions, kind); c == nil || c.Status != metav1.ConditionTrue {
			return unmet(kind, c)
		}
	}
	return ""
}

func unmet(kind string, c *metav1.Condition) string {
	if c == nil {
		return "The Cluster has not been observed yet."
	}
	return fmt.Sprintf("The Cluster's %s is %s: %s", kind, c.Status, c.Message)
}

// tolerance 是 Cluster 的心跳容得下多久的沉默。
func tolerance(c *cluster.Cluster) time.Duration {
	h := ptr.Deref(c.Spec.Heartbeat, cluster.Heartbeat{})
	interval := ptr.Deref(h.IntervalSeconds, cluster.DefaultIntervalSeconds)
	return time.Duration(interval*ptr.Deref(h.FailureThreshold, cluster.DefaultFailureThreshold)+
		ptr.Deref(h.TimeoutSeconds, cluster.DefaultTimeoutSeconds)) * time.Second
}

// reach 看一处：够不够得着，看到了什么。
func (r *Reconciler) reach(s *site, model *v1alpha1.Model, now time.Time, kinds ...schema.GroupKind) {
	s.observed = s.placement.ObservedReplicas
	if s.lost = unusable(s.cluster); s.lost != "" {
		return
	}
	c, err := r.Members.Client(s.cluster.Name)
	if err != nil {
		s.waiting, s.retry = true, answerWait
		return
	}
	o, _ := r.Members.Observe(s.cluster.Name, model.UID, kinds...)
	s.client, s.objects, s.pods = c, o.Objects, o.Pods
	if s.observed, s.unsettled = r.observed(s, model, o); s.unsettled {
		s.retry = settleWait
	}
	switch limit := o.LastSeen.Add(tolerance(s.cluster)); {
	case o.Known:
	case member.ReasonOf(o.Err) == member.Forbidden:
		s.err = o.Err
	case now.Before(limit):
		s.waiting, s.retry = true, limit.Sub(now)
	default:
		s.lost = fmt.Sprintf("What runs there was last seen at %s: %s.", wording.Stamp(o.LastSeen), wording.Brief(o.Err))
	}
}

func (r *Reconciler) observed(s *site, model *v1alpha1.Model, o member.Observation) (int32, bool) {
	n, settled := r.accounts.observed(s.cluster, model.UID, o,
		holding{s.placement.ResourceName, s.placement.Product, s.placement.AcceleratorCount}, s.placement.ObservedReplicas)
	return n, !settled
}
