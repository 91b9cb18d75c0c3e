// Package finalizer 是各控制器挂上与摘下终结器的同一种方式。
package finalizer

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
)

// Add 在服务器上给 obj 挂上终结器；obj 本身不变，写入的样子随缓存到来时会再协调一次。
func Add(ctx context.Context, c client.Client, obj client.Object, name string) error {
	_, err := Hold(ctx, c, obj.DeepCopyObject().(client.Object), name)
	return err
}

// Hold 同 Add，但 obj 成为写入之后的样子，可以接着用；没有写成时为假，那时 obj 不可再用。
func Hold(ctx context.Context, c client.Client, obj client.Object, name string) (bool, error) {
	return change(ctx, c, obj, func(o client.Object) { controllerutil.AddFinalizer(o, name) })
}

// Remove 在服务器上从 obj 摘下终结器；对象可能随之消失。
func Remove(ctx context.Context, c client.Client, obj client.Object, name string) error {
	_, err := change(ctx, c, obj.DeepCopyObject().(client.Object), func(o client.Object) { controllerutil.RemoveFinalizer(o, name) })
	return err
}

// change 以 obj 的 resourceVersion 为条件：缓存落后或对象已消失、已重建时不写，也不算错误，更新的样子到来时再说。
func change(ctx context.Context, c client.Client, obj client.Object, edit func(client.Object)) (written bool, err error) {
	name, before := obj.GetName(), obj.DeepCopyObject().(client.Object)
	edit(obj)
	err = c.Patch(ctx, obj, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("write the finalizers of %q: %w", name, err)
	}
	return true, nil
}
