package model

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kubellm/kubellm/internal/controller/engine"
)

// renew 让原样留着的一处也拿到换了的凭据：只换 Secret 的内容，跑着的不动，它们再启动时用得上。
func (r *Reconciler) renew(ctx context.Context, v view, s *site) error {
	if !holdsSecret(s) {
		return nil
	}
	a, err := r.applying(ctx, v, s)
	if err != nil {
		return err
	}
	for _, object := range a.rendering.wants {
		if kindOf(object) != secretKind {
			continue
		}
		if err := a.renew(ctx, object); err != nil {
			return err
		}
	}
	return nil
}

func holdsSecret(s *site) bool {
	for _, object := range s.objects {
		if kindOf(object) == secretKind {
			return true
		}
	}
	return false
}

// renew 换一个 Secret 的内容。那里没有的不添；为别的来源放的不换：那里跑着的要的还是从前的。
func (a *applying) renew(ctx context.Context, object client.Object) error {
	u, err := manifest(object)
	if err != nil {
		return err
	}
	key := keyOf(u)
	if live := a.live[key]; live == nil || live.GetDeletionTimestamp() != nil || a.settled(key, digest(withoutData(u))) {
		return nil
	}
	there := &metav1.PartialObjectMetadata{}
	there.SetGroupVersionKind(u.GroupVersionKind())
	if err := a.client.Get(ctx, key.NamespacedName, there); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("look what source %s is for: %w", key, err)
	}
	if there.Annotations[engine.AnnotationSource] != sourceOf(a.model) {
		return nil
	}
	return a.one(ctx, object)
}
