package cluster

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/finalizer"
	"github.com/kubellm/kubellm/internal/controller/wording"
	"github.com/kubellm/kubellm/internal/member"
)

const (
	// drainTurn 之后一轮排空不再开始新的请求，没做完的下一轮接着做；drainTimeout 是一轮的上限，什么也还没叫走时也不例外。
	drainTurn    = 5 * time.Second
	drainTimeout = 30 * time.Second
	// drainInterval 是两轮之间给成员收尾的时间：Pod 要走完宽限期才算没了。
	drainInterval = 2 * time.Second
)

// free 报告正在删除、而平台已没有理由留住它：要求留下不管，从没连上过（什么也没放过），或者已经排空。
func free(cluster *v1alpha1.Cluster) bool {
	if cluster.DeletionTimestamp == nil {
		return false
	}
	return !controllerutil.ContainsFinalizer(cluster, v1alpha1.FinalizerMember) ||
		ptr.Deref(cluster.Spec.DeletionPolicy, v1alpha1.DeletionDrain) == v1alpha1.DeletionOrphan ||
		cluster.Status.ID == "" ||
		meta.IsStatusConditionTrue(cluster.Status.Conditions, v1alpha1.ConditionDrained)
}

// release 放开成员与对象。终结器已去而别人还留着对象时，在状态里说明平台不再看这个成员。
func (r *Reconciler) release(ctx context.Context, cluster *v1alpha1.Cluster) error {
	r.letGo(cluster.Name)
	if controllerutil.ContainsFinalizer(cluster, v1alpha1.FinalizerMember) {
		return finalizer.Remove(ctx, r.Client, cluster, v1alpha1.FinalizerMember)
	}
	v := view{Cluster: cluster, facts: facts{now: r.Clock.Now()}}
	for _, condition := range released(v) {
		meta.SetStatusCondition(&cluster.Status.Conditions, condition)
	}
	cluster.Status.ObservedGeneration = cluster.Generation
	return nil
}

// released 是平台已经放手、对象却还在时的条件。
func released(v view) []metav1.Condition {
	out := []metav1.Condition{ready(v, metav1.Condition{}, metav1.Condition{}, metav1.Condition{})}
	for _, kind := range []string{v1alpha1.ConditionCredentialsValid, v1alpha1.ConditionReachable, v1alpha1.ConditionCapacityKnown} {
		out = append(out, v.condition(kind, metav1.ConditionUnknown, v1alpha1.ReasonDeleting,
			"The Cluster is being deleted and the platform has let go of the member; something else keeps the Cluster."))
	}
	return out
}

// drain 在删除期间排空自己的成员一轮，返回多久之后再来。
// 按自己 UID 的标签去删，只在身份对得上的成员上才安全：凭据通向别处时绝不动手。
// 与别的 Cluster 重复不妨碍排空：成员是同一个，标签是自己的，别人放的碰不到。
func (r *Reconciler) drain(ctx context.Context, v *view) time.Duration {
	if !v.deleting() {
		return 0
	}
	if !v.answers() {
		if !v.waiting() {
			v.drain.unavailable = obstacle(*v)
		}
		return 0
	}
	left, err := r.drainOnce(ctx, v)
	if err != nil {
		v.drain.unavailable = fmt.Sprintf("removing what KubeLLM placed there failed: %s.", wording.Brief(err))
		return v.interval()
	}
	v.drain.done, v.drain.left = left.None(), left
	if left.Slow {
		return v.interval()
	}
	return drainInterval
}

func (r *Reconciler) drainOnce(ctx context.Context, v *view) (member.Leftovers, error) {
	c, err := r.Members.Client(v.Name)
	if err != nil {
		return member.Leftovers{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	return member.Drain(ctx, c, v.UID, drainTurn)
}

// obstacle 说成员为什么排不了空：挡路的那个条件自己的话。
func obstacle(v view) string {
	if v.suspended() {
		return "spec.suspended is true."
	}
	for _, c := range []metav1.Condition{credentialsValid(v), reachable(v)} {
		if c.Status == metav1.ConditionFalse {
			return c.Message
		}
	}
	return reachable(v).Message
}
