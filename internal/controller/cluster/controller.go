// Package cluster 是成员集群的控制器：取来凭据，让 internal/member 去看成员，
// 再把看到的如实写进状态；删除时先把放在成员上的东西收走。
package cluster

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/finalizer"
	"github.com/kubellm/kubellm/internal/controller/index"
	"github.com/kubellm/kubellm/internal/controller/requeue"
	"github.com/kubellm/kubellm/internal/controller/status"
	"github.com/kubellm/kubellm/internal/member"
	"github.com/kubellm/kubellm/internal/observability"
)

// Members 是控制器看成员的眼睛，internal/member 实现它。
type Members interface {
	// Ensure 让成员有一条照 target 的连接；不等网络。
	Ensure(target member.Target)
	// Forget 断开并忘掉成员。
	Forget(name string)
	// Evidence 返回看到的；没有连接时第二个值为假。
	Evidence(name string) (member.Evidence, bool)
	// Client 返回对成员动手的客户端。
	Client(name string) (client.Client, error)
}

// Reconciler 让 Cluster 的状态跟上它的成员。
type Reconciler struct {
	// Client 读缓存、写服务器。
	Client client.Client
	// Live 绕过缓存：Secret 的内容不进缓存，只在变了的时候取一次。
	Live client.Reader
	// Members 是成员的连接。
	Members Members
	// Recorder 记事件。
	Recorder events.EventRecorder
	// Clock 判断凭据是否到期、证据是否过时。
	Clock clock.PassiveClock
	// Tracing 记下每次协调，nil 为不记。
	Tracing *observability.Tracing

	grips grips
}

// Reconcile 处理一个 Cluster。
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (_ ctrl.Result, err error) {
	cluster := &v1alpha1.Cluster{}
	if err := r.Client.Get(ctx, req.NamespacedName, cluster); apierrors.IsNotFound(err) {
		r.letGo(req.Name)
		return ctrl.Result{}, nil
	} else if err != nil {
		return ctrl.Result{}, fmt.Errorf("get cluster %q: %w", req.Name, err)
	}
	observability.Object(ctx, cluster)
	before := cluster.DeepCopy()
	defer func() { err = errors.Join(err, r.write(ctx, before, cluster)) }()
	if free(cluster) {
		return ctrl.Result{}, r.release(ctx, cluster)
	}

	seen, err := r.look(ctx, cluster)
	if err != nil {
		return ctrl.Result{}, err
	}
	if seen.usable() && !seen.suspended() && !seen.deleting() && !controllerutil.ContainsFinalizer(cluster, v1alpha1.FinalizerMember) {
		// 先挂上终结器再去碰成员：有东西放上去之后才挂就晚了。这次写入会再唤起一次协调。
		return ctrl.Result{}, finalizer.Add(ctx, r.Client, cluster, v1alpha1.FinalizerMember)
	}
	r.attend(&seen)
	again := r.drain(ctx, &seen)
	cluster.Status = compute(cluster, seen.facts)
	return ctrl.Result{RequeueAfter: requeue.Sooner(again, wake(seen))}, nil
}

// look 收集对象以外的事实；证据要等连接安排好之后再看，见 attend。
func (r *Reconciler) look(ctx context.Context, cluster *v1alpha1.Cluster) (view, error) {
	credentials, err := r.credentials(ctx, cluster)
	if err != nil {
		return view{}, err
	}
	older, err := r.older(ctx, cluster)
	if err != nil {
		return view{}, err
	}
	return view{Cluster: cluster, facts: facts{now: r.Clock.Now(), credentials: credentials, older: older}}, nil
}

// older 返回代表同一个成员的 Cluster 里最先的、比自己还先的那一个。
func (r *Reconciler) older(ctx context.Context, cluster *v1alpha1.Cluster) (string, error) {
	if cluster.Status.ID == "" {
		return "", nil
	}
	others, err := index.ClustersOfMember(ctx, r.Client, cluster.Status.ID)
	if err != nil {
		return "", err
	}
	first := cluster
	for i := range others {
		if precedes(&others[i], first) {
			first = &others[i]
		}
	}
	if first.UID == cluster.UID {
		return "", nil
	}
	return first.Name, nil
}

// precedes 排出先来后到：已经站住的先于还没站住的，登记得再早、后来才指到同一个成员的也不能把它赶下来；
// 其余的按登记的时间，同一秒里的按 UID，结果对谁来看都一样。
func precedes(a, b *v1alpha1.Cluster) bool {
	if x, y := standingOf(a), standingOf(b); x != y {
		return x < y
	}
	if !a.CreationTimestamp.Equal(&b.CreationTimestamp) {
		return a.CreationTimestamp.Before(&b.CreationTimestamp)
	}
	return a.UID < b.UID
}

// 一个 Cluster 在它的成员上站得多稳。
const (
	// established 是查过没有别的 Cluster 在先的；此后失联、暂停也还是它的。
	established = iota
	// departing 是正在删除的：没有站住的要等它走了才接着用。
	departing
	// newcomer 是刚认出成员、还没查过的，与查出不是最先的。
	newcomer
)

// standingOf 由状态里的 Ready 看出站得多稳：它在控制器重启之后还在。
func standingOf(c *v1alpha1.Cluster) int {
	ready := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionReady)
	switch {
	case ready == nil || ready.Reason == v1alpha1.ReasonNotObserved || ready.Reason == v1alpha1.ReasonDuplicateMember:
		return newcomer
	case c.DeletionTimestamp != nil:
		return departing
	}
	return established
}

// attend 安排该有的连接、断开不该有的，并取来证据；用别的凭据得来的与过时的证据不算数。
func (r *Reconciler) attend(v *view) {
	if !v.usable() || v.suspended() {
		r.Members.Forget(v.Name)
		r.grips.of(v.Cluster).idle()
		return
	}
	b := beat(v.Cluster)
	r.Members.Ensure(member.Target{
		Name: v.Name, UID: v.UID,
		Config: v.credentials.access.Config, CredentialsVersion: v.credentials.version,
		Interval: b.interval, Timeout: b.timeout, FailureThreshold: b.threshold,
	})
	evidence, ok := r.Members.Evidence(v.Name)
	if ok && evidence.CredentialsVersion == v.credentials.version && !b.outdated(evidence.Probe, v.now) {
		v.evidence = &evidence
	}
	_, concluded := v.answer()
	v.asked = r.grips.of(v.Cluster).asking(concluded, v.now)
}

// letGo 断开成员，忘掉它的凭据。
func (r *Reconciler) letGo(name string) {
	r.Members.Forget(name)
	r.grips.forget(name)
}

// write 写一次状态；确实写了，才把变化记成事件。
func (r *Reconciler) write(ctx context.Context, before, after *v1alpha1.Cluster) error {
	written, err := status.Write(ctx, r.Client, before, after)
	if written {
		r.announce(before, after)
	}
	return err
}
