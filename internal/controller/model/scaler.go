package model

import (
	"context"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	cluster "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/engine"
	"github.com/kubellm/kubellm/internal/controller/requeue"
	"github.com/kubellm/kubellm/internal/member"
)

var scalerKind = member.ScaledObject.GroupKind()

// scaler 是这个模型在那里的 ScaledObject，不管有没有。
func (a *applying) scaler() target {
	return target{scalerKind, types.NamespacedName{Namespace: engine.Namespace(engine.Input{Model: a.model, Cluster: a.cluster, Placement: a.placement}), Name: a.model.Name}}
}

// scales 报告要不要 ScaledObject。
func (a *applying) scales() bool {
	return a.rendering != nil && slices.ContainsFunc(a.rendering.wants, func(object client.Object) bool { return kindOf(object) == scalerKind.Kind })
}

// scaled 报告那里有或者可能还有 ScaledObject：放过而没有看到它没了的，都算。
func (a *applying) scaled() bool {
	for key := range a.done {
		if key.kind == scalerKind {
			return true
		}
	}
	return a.scales()
}

// mark 在 Deployment 上记下那里可能有 ScaledObject，重启之后凭它还知道要收。
func (a *applying) mark(u *unstructured.Unstructured) {
	labels := u.GetLabels()
	labels[engine.LabelAutoscaled] = "true"
	u.SetLabels(labels)
}

// scaled 报告为 model 在 on 上可能有 ScaledObject：要着的，放过的，或者 Deployment 上还记着的。
func (r *Reconciler) scaled(model *v1alpha1.Model, on *cluster.Cluster, o member.Observation) bool {
	known := r.recordsOf(model.UID)
	a := applying{site: &site{cluster: on}, model: model, done: known[on.UID], live: byTarget(o.Objects)}
	if !a.marked() && !a.scaled() && !(view{Model: model}).autoscaled() {
		return false
	}
	if a.done == nil {
		known[on.UID] = map[target]record{}
	}
	// Deployment 先收走，它上面记着的也就没有了。
	known[on.UID][a.scaler()] = record{}
	return true
}

// marked 报告看到的 Deployment 上记着。
func (a *applying) marked() bool {
	for _, object := range a.live {
		if object.GetLabels()[engine.LabelAutoscaled] != "" {
			return true
		}
	}
	return false
}

// unscale 在不再自动伸缩时收走 ScaledObject，赶在放别的之前：它还在，就会与平台争副本数。
// 收不走不妨碍模型，说出来、过后再试；没有理由以为它在那里的模型，不为它去打扰成员。
func (a *applying) unscale(ctx context.Context) {
	key := a.scaler()
	live, seen := a.live[key]
	if a.scales() || !seen && !a.marked() && !a.scaled() {
		return
	}
	// 看到它没了之前一直记着。
	a.done[key] = record{}
	gone, err := a.removeScaler(ctx, key, live)
	if gone {
		delete(a.done, key)
		return
	}
	a.retry = requeue.Sooner(a.retry, retryInterval)
	if err != nil {
		a.leftover = append(a.leftover, fmt.Errorf("removing %s, which is not wanted any more, failed: %w", key, err))
	}
}

// removeScaler 收走一个 ScaledObject；看不到它时直接问成员，监视也许不许看，也许还没跟上。
func (a *applying) removeScaler(ctx context.Context, key target, live client.Object) (gone bool, err error) {
	if live == nil {
		there := &metav1.PartialObjectMetadata{}
		there.SetGroupVersionKind(member.ScaledObject)
		if err := a.client.Get(ctx, key.NamespacedName, there); apierrors.IsNotFound(err) || meta.IsNoMatchError(err) {
			return true, nil
		} else if err != nil {
			return false, err
		}
		var foreign *foreignError
		if err := a.heir(ctx, key, there.Labels); errors.As(err, &foreign) {
			// 别人的同名对象不归平台收。
			return true, nil
		} else if err != nil {
			return false, err
		}
		live = there
	}
	if live.GetDeletionTimestamp() != nil {
		return false, nil
	}
	return false, discard(ctx, a.client, live)
}
