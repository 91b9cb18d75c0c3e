package external

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// reader 是一个种类在一个 Platform 上共享的读取者；写入要告诉它，读自己写的才不会读到旧的。
type reader[T Object] interface {
	// read 取一个对象；不存在时是 NotFound。对象与缓存共享。
	read(ctx context.Context, key Key) (T, error)
	// candidate 取一个要删除的对象；fresh 为 false 时它可能是旧的：删除绑定所见的版本，旧的只会被拒而不会误删。
	candidate(ctx context.Context, key Key) (object T, fresh bool, err error)
	// writing 在每次写入之前和之后各调用一次，不论成败。
	writing(key Key)
	// wrote 是写成的对象。
	wrote(object T)
	// deleted 是刚被接受删除的对象（删除前的样子）；没有终结器的已经不在了。
	deleted(object T)
}

// keyOf 是对象的位置。
func keyOf(object metav1.Object) Key {
	return Key{Namespace: object.GetNamespace(), Name: object.GetName()}
}

// getOne 直接向平台取一个对象。
func getOne[T Object, L runtime.Object](ctx context.Context, p *Platform, k *Kind[T, L], key Key) (T, error) {
	return call(ctx, k.GroupVersionKind.Kind, "get", func(ctx context.Context) (T, error) {
		return k.Client(p.clients, key.Namespace).Get(ctx, key.Name, metav1.GetOptions{})
	})
}
