package model

import (
	"context"
	"fmt"
	"strings"
	"time"

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

// clearing 是收拾一个集群的结果。
type clearing struct {
	done bool
	// waits 说在等什么；lost 表示联系不上。
	waits string
	lost  bool
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
	o, _ := r.Members.Observe(name, model.UID, followed(view{Model: model}, on)...)
	ctx, step := observability.Start(ctx, "remove", name)
	leftovers, err := sweep(ctx, c, model, on, o)
	step.End(err)
	if err != nil {
		return clearing{waits: fmt.Sprintf("Cluster %s: removing what runs there failed: %s.", name, wording.Brief(err)), lost: true}, nil
	}
	for _, pod := range o.Pods {
		leftovers = append(leftovers, "Pod "+client.ObjectKeyFromObject(pod).String())
	}
	if len(leftovers) > 0 {
		return clearing{waits: fmt.Sprintf("Cluster %s: left are %s.", name, wording.Shorten(strings.Join(leftovers, ", "), maxReport))}, nil
	}
	if o.Known && len(o.Objects) > 0 {
		return clearing{waits: fmt.Sprintf("Cluster %s: what runs there is being removed.", name)}, nil
	}
	return clearing{done: o.Known, waits: fmt.Sprintf("Cluster %s: its pods are being read.", name)}, nil
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
		if !result.lost {
			again = removeInterval
		} else {
			again = requeue.Sooner(again, retryInterval)
		}
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
			done.unreachable = done.unreachable || result.lost
			again = requeue.Sooner(again, removeInterval)
			if result.lost {
				again = requeue.Sooner(again, retryInterval)
			}
		}
	}
	if !done.done {
		return done, again, nil
	}
	return done, 0, finalizer.Remove(ctx, r.Client, model, v1alpha1.FinalizerPlacements)
}
