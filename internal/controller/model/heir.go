package model

import (
	"context"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	cluster "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/engine"
	"github.com/kubellm/kubellm/internal/controller/index"
	"github.com/kubellm/kubellm/internal/controller/requeue"
	"github.com/kubellm/kubellm/internal/member"
)

// heir 报告有着 labels 的对象可以是自己的：为自己放的，或者以 Orphan 删除了的同名 Model 留下的。
func (a *applying) heir(ctx context.Context, key target, labels map[string]string) error {
	owner := types.UID(labels[v1alpha1.LabelModelUID])
	if owner == a.model.UID {
		return nil
	}
	if labels[cluster.LabelClusterUID] != string(a.cluster.UID) {
		return &foreignError{key}
	}
	// 没有主人的也一样：只有平台会写 Cluster 的标签，那是有人揭去了 Model 的那一个，贴回去就是。
	living, err := index.ModelsByUID(ctx, a.platform, owner)
	if err == nil && len(living) > 0 {
		err = &foreignError{key}
	}
	return err
}

// estate 是那里可能由从前的同名 Model 留下的。跟随着的种类账上有，不问成员；换了交付方式就不跟随的，
// 这个模型还没有放上去过才去问。ScaledObject 不在此列：Deployment 上记着有没有。
func (r *Reconciler) estate(v view, s *site) []*metav1.PartialObjectMetadata {
	var left []*metav1.PartialObjectMetadata
	follows, offers, first := followed(v), removable(s.cluster), r.first(v, s)
	for _, object := range engine.Possible(engine.Input{Model: v.Model, Cluster: s.cluster, Placement: s.placement}) {
		key := keyOf(object)
		switch owner := r.Members.Owner(s.cluster.Name, key.kind, key.NamespacedName); {
		case owner != "" && owner != v.UID,
			owner == "" && first && key.kind != scalerKind && !slices.Contains(follows, key.kind) && slices.Contains(offers, key.kind):
			left = append(left, object)
		}
	}
	return left
}

// first 报告那里还没有放上去过这个模型的工作负载。
func (r *Reconciler) first(v view, s *site) bool {
	kind := deploymentKind
	if v.kserve() {
		kind = member.LLMInferenceService.GroupKind()
	}
	works := func(key target) bool { return key.kind == kind }
	for key := range r.recordsOf(v.UID)[s.cluster.UID] {
		if works(key) {
			return false
		}
	}
	return !slices.ContainsFunc(s.objects, func(object client.Object) bool { return works(targetOf(object)) })
}

// inherit 接过从前的同名 Model 留下而现在不要的，赶在放别的之前：此后它与自己放的一样，这一轮就收走，收不走的过后再收，
// 自己走的时候也带走。要的不在此列，放上去就接过了。接不过来不妨碍模型，说出来、过后再试。
func (a *applying) inherit(ctx context.Context) {
	wants := map[target]bool{}
	for _, object := range a.rendering.wants {
		wants[keyOf(object)] = true
	}
	for _, object := range a.estate {
		key := keyOf(object)
		if wants[key] || a.live[key] != nil {
			continue
		}
		if err := a.take(ctx, key, object); err != nil {
			a.leftover = append(a.leftover, fmt.Errorf("taking over %s, which a former Model of this name left, failed: %w", key, err))
			a.retry = requeue.Sooner(a.retry, retryInterval)
		}
	}
}

// take 接过一个：换上自己的 UID。别人的、有主的、正在走的不碰。
func (a *applying) take(ctx context.Context, key target, there *metav1.PartialObjectMetadata) error {
	err := a.client.Get(ctx, key.NamespacedName, there)
	switch {
	case apierrors.IsNotFound(err), meta.IsNoMatchError(err):
		return nil
	case member.ReasonOf(err) == member.Forbidden && !slices.Contains(followed(a.rendering.view), key.kind):
		// 与要的无关的种类，不许看的也就没有放上去过。
		return nil
	case err != nil:
		return err
	}
	if there.DeletionTimestamp != nil || metav1.GetControllerOfNoCopy(there) != nil || !engine.PlacedFor(a.model, there.Labels) {
		return nil
	}
	var foreign *foreignError
	if err := a.heir(ctx, key, there.Labels); errors.As(err, &foreign) {
		return nil
	} else if err != nil {
		return err
	}
	if there.Labels[v1alpha1.LabelModelUID] != string(a.model.UID) {
		seen := there.DeepCopy()
		there.Labels[v1alpha1.LabelModelUID] = string(a.model.UID)
		// 看过之后变了的不改：也许已是别人的。
		if err := a.client.Patch(ctx, there, client.MergeFromWithOptions(seen, client.MergeFromWithOptimisticLock{}), client.FieldOwner(fieldManager)); err != nil {
			return client.IgnoreNotFound(err)
		}
	}
	a.live[key] = there
	return nil
}
