// Package requeue 是各控制器说"还要再看谁、多久之后再看"的同一种方式。
package requeue

import (
	"context"
	"fmt"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// Each 把索引找到的对象变成协调请求。查不到时只能记一笔：事件处理没有地方交回错误。
func Each[T any, P interface {
	*T
	client.Object
}](ctx context.Context, found []T, err error) []ctrl.Request {
	if err != nil {
		log.FromContext(ctx).Error(err, "Cannot find what a change affects", "kind", fmt.Sprintf("%T", P(nil)))
		return nil
	}
	out := make([]ctrl.Request, 0, len(found))
	for i := range found {
		out = append(out, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(P(&found[i]))})
	}
	return out
}

// Sooner 返回两个等待里较短的；零表示不必等。
func Sooner(a, b time.Duration) time.Duration {
	if a == 0 || (b != 0 && b < a) {
		return b
	}
	return a
}
