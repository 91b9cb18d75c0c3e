package crossplane

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/crossplane/crossplane-runtime/v2/pkg/reconciler/managed"
	"github.com/crossplane/crossplane-runtime/v2/pkg/resource"

	"github.com/kubellm/kubellm/internal/external"
)

// Managed 是一个托管资源：除了 Crossplane 的方法集，只需说出平台上应有的样子，并记下现有的样子。
type Managed[T external.Object] interface {
	resource.Managed
	// Desired 给出想要的平台对象；名字由外部名决定，这里不填。
	Desired() T
	// SetObserved 把平台对象记入 status.atProvider；o 与缓存共享，只读。
	SetObserved(o T)
}

// connectable 由写得出连接 Secret 的托管资源实现：应用凭它找到平台对象所提供的服务。
type connectable interface {
	ConnectionDetails() map[string][]byte
}

// connectionDetails 是写进连接 Secret 的；没有可写的种类为 nil。
func connectionDetails(mg resource.Managed) managed.ConnectionDetails {
	if c, ok := mg.(connectable); ok {
		return c.ConnectionDetails()
	}
	return nil
}

// managedKind 是擦去了类型参数的一个托管资源种类，好放进同一张表。
type managedKind struct {
	object resource.Managed
	setup  func(mgr ctrl.Manager, o Options) error
}

func kindOf[M Managed[T], T external.Object, L runtime.Object](kind *external.Kind[T, L], mg M, list resource.ManagedList) managedKind {
	return managedKind{object: mg, setup: func(mgr ctrl.Manager, o Options) error {
		return setup(mgr, o, kind, mg, list)
	}}
}

// copyOf 给出同类型的副本；列表与对象会被并发地装填，不能共用一个。
func copyOf[O runtime.Object](of O) (O, error) {
	empty, ok := of.DeepCopyObject().(O)
	if !ok {
		return empty, fmt.Errorf("a copy of %T is a %T", of, of.DeepCopyObject())
	}
	return empty, nil
}

// desiredFor 把托管资源译成外部层的话：对象、名字与归属标记。
func desiredFor[M Managed[T], T external.Object](mg M, mark string) external.Desired[T] {
	object := mg.Desired()
	object.SetName(externalName(mg))
	return external.Desired[T]{Object: object, Owner: mark}
}

// externalKey 是托管资源所指的平台对象的位置。
func externalKey[M Managed[T], T external.Object](mg M) external.Key {
	return desiredFor[M, T](mg, "").Key()
}
