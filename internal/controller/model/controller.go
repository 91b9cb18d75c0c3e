// Package model 是模型的控制器：决定放在哪些集群、先把预留写下来，再放到成员上、照看在那里跑着的，
// 把看到的如实写进状态；删除时把放上去的收走。
package model

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/engine"
	"github.com/kubellm/kubellm/internal/controller/finalizer"
	"github.com/kubellm/kubellm/internal/controller/requeue"
	"github.com/kubellm/kubellm/internal/controller/scheduler"
	"github.com/kubellm/kubellm/internal/controller/status"
	"github.com/kubellm/kubellm/internal/member"
	"github.com/kubellm/kubellm/internal/observability"
)

// Members 是控制器看成员的眼睛，internal/member 实现它。
type Members interface {
	// Client 返回对成员动手的客户端。
	Client(name string) (client.Client, error)
	// Observe 返回为一个模型放在成员上的一切；没有连接时第二个值为假。
	Observe(name string, model types.UID, kinds ...schema.GroupKind) (member.Observation, bool)
	// Owner 是成员上一个对象为之而放的模型，不问成员。
	Owner(name string, kind schema.GroupKind, key types.NamespacedName) types.UID
}

// Reconciler 让 Model 在成员上跑起来，让它的状态跟上成员。
type Reconciler struct {
	// Client 读缓存、写服务器。
	Client client.Client
	// Live 绕过缓存：Secret 的内容不进缓存，只在变了的时候取一次。
	Live client.Reader
	// Members 是成员的连接。
	Members Members
	// Recorder 记事件。
	Recorder events.EventRecorder
	// Clock 判断启动是否超时、证据是否过时。
	Clock clock.PassiveClock
	// Metrics 计放置、拒绝与就绪所花的时间。
	Metrics *Metrics
	// Tracing 记下每次协调，nil 为不记。
	Tracing *observability.Tracing

	decisions  decisions
	accounts   accounts
	grips      grips
	records    memory[records]
	carried    memory[carriers]
	identities identities
	namespaces namespaces
}

// Reconcile 处理一个 Model。
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (_ ctrl.Result, err error) {
	model := &v1alpha1.Model{}
	if err := r.Client.Get(ctx, req.NamespacedName, model); client.IgnoreNotFound(err) != nil {
		return ctrl.Result{}, fmt.Errorf("get model %q: %w", req.NamespacedName, err)
	} else if apierrors.IsNotFound(err) {
		r.forget(r.identities.meet(req.NamespacedName, ""))
		return ctrl.Result{}, nil
	}
	r.forget(r.identities.meet(req.NamespacedName, model.UID))
	if r.decisions.stale(model) {
		// 缓存还没跟上自己写下的决定；它到来时会再唤起一次协调。
		return ctrl.Result{}, nil
	}
	if model.DeletionTimestamp == nil && !controllerutil.ContainsFinalizer(model, v1alpha1.FinalizerPlacements) {
		// 先挂上终结器再放东西：放了之后才挂就晚了。别人先写了的，更新的样子到来时再说。
		if held, err := finalizer.Hold(ctx, r.Client, model, v1alpha1.FinalizerPlacements); err != nil || !held {
			return ctrl.Result{}, err
		}
	}
	observability.Object(ctx, model)
	seen := model.DeepCopy()
	if model.DeletionTimestamp != nil {
		return r.remove(ctx, seen, model)
	}
	return r.run(ctx, seen, model)
}

// run 决定、放上去、看、写下。
func (r *Reconciler) run(ctx context.Context, seen, model *v1alpha1.Model) (_ ctrl.Result, err error) {
	decided, reserved, err := r.decide(ctx, model)
	if err != nil || !reserved {
		return ctrl.Result{}, err
	}
	// 预留已经写下，来去这就说；此后只写其余的，写不下的不说。
	r.announce(seen, model)
	before := model.DeepCopy()
	defer func() { err = errors.Join(err, r.write(ctx, before, model)) }()
	v := view{model, facts{now: r.Clock.Now(), scheduled: decided.Condition, image: engine.Image(model), selector: engine.Selector(model)}}
	if v.credentials, err = r.credentials(ctx, model); err != nil {
		return ctrl.Result{}, err
	}
	r.leave(model)
	if err := r.attend(ctx, &v, decided); err != nil {
		return ctrl.Result{}, err
	}
	again, err := r.tidy(ctx, model)
	if err != nil {
		return ctrl.Result{}, err
	}
	model.Status.RejectedClusters = decided.Rejected
	model.Status = compute(model, v.facts)
	return ctrl.Result{RequeueAfter: requeue.Sooner(again, requeue.Sooner(decided.RequeueAfter, wake(v)))}, nil
}

// attend 到每一处去：看，能动手就让那里恰好是要的东西。
func (r *Reconciler) attend(ctx context.Context, v *view, decided scheduler.Result) error {
	for _, p := range decided.Placements {
		on, err := r.cluster(ctx, p.Cluster, p.ClusterUID)
		if err != nil {
			return err
		}
		s := site{placement: p, cluster: on, kept: scheduler.Kept(v.Model, p, decided.Rejected)}
		_, step := observability.Start(ctx, "observe", p.Cluster)
		r.reach(&s, v.Model, v.now, followed(*v)...)
		step.End(s.err)
		if s.lost == "" && s.err == nil && !s.waiting && v.credentials.problem == nil {
			s.estate = r.estate(*v, &s)
			r.apply(ctx, *v, &s)
		}
		s.rotated = s.rotated || s.waiting && v.credentials.problem == nil && r.rotated(*v, types.UID(p.ClusterUID))
		v.sites = append(v.sites, s)
	}
	return nil
}

// remove 在删除期间收走放上去的，写下在等什么。
func (r *Reconciler) remove(ctx context.Context, seen, model *v1alpha1.Model) (_ ctrl.Result, err error) {
	removal, again, err := r.release(ctx, model)
	if err != nil || removal.done {
		return ctrl.Result{}, err
	}
	model.Status = compute(model, facts{now: r.Clock.Now(), removal: removal})
	return ctrl.Result{RequeueAfter: again}, r.write(ctx, seen, model)
}

// write 写一次状态；确实写了，才把变化记成事件。
func (r *Reconciler) write(ctx context.Context, before, after *v1alpha1.Model) error {
	written, err := status.Write(ctx, r.Client, before, after)
	if written {
		r.announce(before, after)
	}
	return err
}

// forget 放下为一个已经没有了的 Model 记着的。
func (r *Reconciler) forget(uid types.UID) {
	if uid == "" {
		return
	}
	r.decisions.forget(uid)
	r.accounts.forget(uid)
	r.grips.forget(uid)
	r.records.forget(uid)
	r.carried.forget(uid)
	r.namespaces.forget(uid)
	r.Metrics.forget(uid)
}
