package model

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	cluster "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/finalizer"
	"github.com/kubellm/kubellm/internal/controller/requeue"
	"github.com/kubellm/kubellm/internal/controller/wording"
	"github.com/kubellm/kubellm/internal/observability"
)

// removeInterval 是两轮之间给成员收尾的时间：Pod 要走完宽限期才算没了。
const removeInterval = 2 * time.Second

// removeTurn 之后一轮收拾不再开始新的请求，没收完的下一轮接着收。
const removeTurn = 5 * time.Second

// clearing 是收拾一个集群的结果。
type clearing struct {
	done bool
	// waits 说在等什么；lost 表示联系不上，slow 表示成员答得慢，refused 表示成员在而不许。
	waits               string
	lost, slow, refused bool
}

// again 是多久之后再来：联系不上的、慢的、不许的，少去占着工作者。
func (c clearing) again() time.Duration {
	if c.lost || c.slow || c.refused {
		return retryInterval
	}
	return removeInterval
}

// clear 收走为 model 放到一个集群上的一切；集群已经没有了的，算收完。
func (r *Reconciler) clear(ctx context.Context, model *v1alpha1.Model, name, uid string) (clearing, error) {
	on, err := r.cluster(ctx, name, uid)
	if err != nil || on == nil {
		return clearing{done: err == nil}, err
	}
	if why := unreachable(on); why != "" {
		return clearing{waits: fmt.Sprintf("Cluster %s: %s", name, why), lost: true}, nil
	}
	c, err := r.Members.Client(name)
	if err != nil {
		return clearing{waits: fmt.Sprintf("Cluster %s: %s.", name, wording.Brief(err)), lost: true}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, applyTimeout)
	defer cancel()
	o, _ := r.Members.Observe(name, model.UID, followed(view{Model: model})...)
	ctx, step := observability.Start(ctx, "remove", name)
	left, err := sweep(ctx, c, model, on, o, r.scaled(model, on, o))
	step.End(err)
	if err != nil {
		said := fmt.Sprintf("Cluster %s: removing what runs there failed: %s.", name, wording.Brief(err))
		return clearing{waits: said, lost: !refuses(err), refused: refuses(err)}, nil
	}
	for _, pod := range o.Pods {
		left.Named = append(left.Named, "Pod "+client.ObjectKeyFromObject(pod).String())
	}
	if left.Count += len(o.Pods); !left.None() {
		return clearing{waits: fmt.Sprintf("Cluster %s: %s.", name, wording.Shorten(left.String(), maxReport)), slow: left.Slow}, nil
	}
	if o.Known && len(o.Objects) > 0 {
		return clearing{waits: fmt.Sprintf("Cluster %s: what runs there is being removed.", name)}, nil
	}
	return clearing{done: o.Known, waits: fmt.Sprintf("Cluster %s: its pods are being read.", name)}, nil
}

// refuses 报告成员听见了而不许：权限、准入。不认凭据的、自己说没有就绪的不算，那里有什么没有人知道。
func refuses(err error) bool {
	var answer apierrors.APIStatus
	return errors.As(err, &answer) && !apierrors.IsUnauthorized(err) && !apierrors.IsServiceUnavailable(err) &&
		!apierrors.IsTooManyRequests(err) && !apierrors.IsServerTimeout(err) && !apierrors.IsTimeout(err)
}

// unreachable 同 unusable，但正在删除的 Cluster 仍可以收拾：两边收走的是同样的东西。
func unreachable(c *cluster.Cluster) string {
	open := *c
	open.DeletionTimestamp = nil
	return unusable(&open)
}

// tidy 收拾离开了的集群，返回还没收完的与多久之后再来。
func (r *Reconciler) tidy(ctx context.Context, model *v1alpha1.Model) (time.Duration, error) {
	var remaining []v1alpha1.RemovedPlacement
	var again time.Duration
	for _, p := range model.Status.RemovedPlacements {
		result, err := r.clear(ctx, model, p.Cluster, p.ClusterUID)
		if err != nil {
			return 0, err
		}
		if result.done {
			continue
		}
		p.Message = result.waits
		remaining = append(remaining, p)
		again = requeue.Sooner(again, result.again())
	}
	model.Status.RemovedPlacements = remaining
	return again, nil
}

// release 在删除期间收走各处的东西，收完了才放开对象；要求留下不管的当场放开。
func (r *Reconciler) release(ctx context.Context, model *v1alpha1.Model) (removal, time.Duration, error) {
	if !controllerutil.ContainsFinalizer(model, v1alpha1.FinalizerPlacements) {
		return removal{done: true}, 0, nil
	}
	done := removal{done: true}
	var again time.Duration
	if ptr.Deref(model.Spec.DeletionPolicy, v1alpha1.DeletionDelete) != v1alpha1.DeletionOrphan {
		for _, p := range left(model, nil) {
			result, err := r.clear(ctx, model, p.Cluster, p.ClusterUID)
			if err != nil {
				return removal{}, 0, err
			}
			if result.done {
				continue
			}
			done.done = false
			done.waits = append(done.waits, result.waits)
			done.unreachable, done.refused = done.unreachable || result.lost, done.refused || result.refused
			again = requeue.Sooner(again, result.again())
		}
	}
	if !done.done {
		return done, again, nil
	}
	return done, 0, finalizer.Remove(ctx, r.Client, model, v1alpha1.FinalizerPlacements)
}
