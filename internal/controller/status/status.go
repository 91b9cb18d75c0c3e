// Package status 是各控制器写状态的同一种方式：一次协调至多写一次，没有变化就不写。
package status

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kubellm/kubellm/internal/observability"
)

// Write 在状态有实质变化时写一次，答写下了没有：没有写下的，不该有人为它记事件、计数。before 与 after 只应在状态上不同。
// 写入以 before 的 resourceVersion 为条件：缓存落后或对象已删除、已重建时不写，也不算错误，
// 因为更新的样子随缓存到来时会再协调一次。
func Write(ctx context.Context, c client.Client, before, after client.Object) (written bool, err error) {
	if equality.Semantic.DeepEqual(before, after) {
		return false, nil
	}
	name := after.GetName()
	ctx, step := observability.Start(ctx, "write status", "")
	err = c.Status().Patch(ctx, after, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
	step.End(err)
	if err == nil || apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return err == nil, nil
	}
	return false, fmt.Errorf("write the status of %q: %w", name, err)
}
