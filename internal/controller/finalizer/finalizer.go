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
	return change(ctx, c, obj, func(o client.Object) { controllerutil.AddFinalizer(o, name) })
}

// Remove 在服务器上从 obj 摘下终结器；对象可能随之消失。
func Remove(ctx context.Context, c client.Client, obj client.Object, name string) error {
	return change(ctx, c, obj, func(o client.Object) { controllerutil.RemoveFinalizer(o, name) })
}

// change 以 obj 的 resourceVersion 为条件：缓存落后或对象已消失、已重建时不写，也不算错误，更新的样子到来时再说。
func change(ctx context.Context, c client.Client, obj client.Object, edit func(client.Object)) error {
	changed := obj.DeepCopyObject().(client.Object)
	edit(changed)
	err := c.Patch(ctx, changed, client.MergeFromWithOptions(obj, client.MergeFromWithOptimisticLock{}))
	if err == nil || apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return nil
	}
	return fmt.Errorf("write the finalizers of %q: %w", obj.GetName(), err)
}
