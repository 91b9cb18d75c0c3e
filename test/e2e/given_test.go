package e2e

import (
	"context"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// store 是存着一种对象的地方：client-go 的每一种类型化客户端都是。
type store[T metav1.Object] interface {
	Create(context.Context, T, metav1.CreateOptions) (T, error)
	Delete(context.Context, string, metav1.DeleteOptions) error
}

// given 先把 object 放在那里，像别人早就放好的一样；测试结束时收走，测试自己收走了也行。
func given[T metav1.Object](t *testing.T, in store[T], object T) T {
	t.Helper()
	stored, err := in.Create(t.Context(), object, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c, cancel := cleanup()
		defer cancel()
		if err := in.Delete(c, object.GetName(), metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			t.Error(err)
		}
	})
	return stored
}
