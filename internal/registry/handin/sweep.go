package handin

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metainternalversion "k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apiserver/pkg/endpoints/request"
)

// Sweep 收拾服务器在两步之间断掉时留下的东西：对象已删而凭据还在的，抹掉；
// 凭据已收下而状态没来得及公布版本的，补上。先列凭据再列对象，途中新交来的就不会被误删。
func (i *Intake[T, C]) Sweep(ctx context.Context) error {
	entries, err := i.Store.List(ctx, i.Resource)
	if err != nil || len(entries) == 0 {
		return err
	}
	alive, err := i.alive(ctx)
	if err != nil {
		return fmt.Errorf("list %s to sweep credentials: %w", i.Resource, err)
	}
	var errs []error
	for _, entry := range entries {
		owner, exists := alive[entry.UID]
		switch {
		case !exists:
			errs = append(errs, i.Store.Delete(ctx, entry.UID))
		case i.Version.Get(owner) != entry.Version:
			errs = append(errs, i.republish(ctx, owner))
		}
	}
	return errors.Join(errs...)
}

// alive 列出现存的全部对象；答案不比此刻旧，所以不在其中的真的不在了。
func (i *Intake[T, C]) alive(ctx context.Context) (map[types.UID]T, error) {
	list, err := i.served.owners.List(request.WithNamespace(ctx, metav1.NamespaceAll), &metainternalversion.ListOptions{})
	if err != nil {
		return nil, err
	}
	owners := map[types.UID]T{}
	err = meta.EachListItem(list, func(obj runtime.Object) error {
		owner := obj.(T)
		owners[owner.GetUID()] = owner
		return nil
	})
	return owners, err
}

// republish 补写版本；别人先写了或对象没了（冲突），就没有要补的。
func (i *Intake[T, C]) republish(ctx context.Context, owner T) error {
	err := i.served.publish(request.WithNamespace(ctx, owner.GetNamespace()), owner)
	if err == nil || apierrors.IsConflict(err) {
		return nil
	}
	return err
}
