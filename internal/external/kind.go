package external

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/kubellm/kubellm/apis/generated/clientset/versioned"
)

// Object 是平台上一个种类的 Go 类型（指针），例如 *v1alpha1.User。
type Object interface {
	metav1.Object
	runtime.Object
}

// Resource 是本层用到的那部分生成客户端；apis/generated 里的 UserInterface 等天然满足它。
type Resource[T Object, L runtime.Object] interface {
	Get(ctx context.Context, name string, opts metav1.GetOptions) (T, error)
	List(ctx context.Context, opts metav1.ListOptions) (L, error)
	Watch(ctx context.Context, opts metav1.ListOptions) (watch.Interface, error)
	Patch(ctx context.Context, name string, pt types.PatchType, data []byte, opts metav1.PatchOptions, subresources ...string) (T, error)
	Delete(ctx context.Context, name string, opts metav1.DeleteOptions) error
}

// Kind 说明从外部驱动一个种类所需的一切；加一个种类只需再写一个 Kind。
type Kind[T Object, L runtime.Object] struct {
	GroupVersionKind schema.GroupVersionKind
	// Resource 是复数资源名，例如 users。
	Resource   string
	Namespaced bool
	// New 给出一个空对象。
	New func() T
	// Client 取出该种类的生成客户端；namespace 为空表示所有命名空间。
	Client func(c versioned.Interface, namespace string) Resource[T, L]
	// Items 取出一页列表里的对象。
	Items func(list L) []T
	// Conditions 取出状态条件；为 nil 的种类一存在就算就绪，否则由条件 Ready 决定。
	Conditions func(object T) []metav1.Condition
	// Facets 是会授予权限的字段：配置没写也要显式写空，免得有人在背后悄悄放大权限。
	Facets []Facet
	// Atomic 是服务端整个替换、又会在里面填默认值的字段：写了它就是写了它的全部，里面少写的一项要么是默认值，要么就是不要了。
	Atomic [][]string
	// Default 填上服务端会填的值；有 Atomic 的种类必须有它。
	Default func(object T)
	// Immutable 是服务端不许改的字段：要改那里时 Apply 直接说明该怎么办，而不是反复撞墙。
	Immutable []Immutable[T]
	// Sensitive 是不得出现在差异与错误里的字段。
	Sensitive [][]string
	// Intake 说明怎样交入秘密；为 nil 的种类不收。
	Intake *Intake[T]
	// Terminal 是就绪为 False 的理由里，等下去也不会自己好的那些：等待就此失败，而不是拖到期限。
	Terminal []string
	// Leaving 是说明删除在等什么的条件；为空的种类只说得出终结器。
	Leaving string
	// Parked 说对象此刻是否不必等它就绪，例如它被暂停了；可为 nil。
	Parked func(object T) bool
}

// groupResource 是错误里用的资源名。
func (k *Kind[T, L]) groupResource() schema.GroupResource {
	return schema.GroupResource{Group: k.GroupVersionKind.Group, Resource: k.Resource}
}

// Immutable 是一个服务端不许改的字段。
type Immutable[T Object] struct {
	Path []string
	// Effective 给出真正算数的值，没写时是默认的那个：写明它、去掉它都不算改。必填的字段没有默认值，可为 nil。
	Effective func(object T) string
}

// Facet 是一个会授予权限的字段和它"什么也没授予"时的值。
type Facet struct {
	Path []string
	// Unset 是配置没写该字段时要显式发送的 JSON 值，例如空列表或 false。
	Unset any
}

// Key 指一个平台对象；集群级种类没有命名空间。
type Key = types.NamespacedName

// Desired 是工具链想要的样子。
type Desired[T Object] struct {
	// Object 里只有 name、namespace、labels、annotations 与 spec 有意义；给了 uid 的话，
	// Adopt 与 Delete 只认那一个对象，其间删了又建的同名对象不是它。
	Object T
	// Owner 是完整的归属标记；Apply、Adopt、Delete 必须有它。
	Owner string
	// Secret 是平台该持有的秘密；为 nil 时不管它。
	Secret *Secret
}

// Key 给出想要的对象的位置。
func (d Desired[T]) Key() Key {
	return Key{Namespace: d.Object.GetNamespace(), Name: d.Object.GetName()}
}

// means 说对象是否就是所指的那一个；没给 uid 的不限。
func (d Desired[T]) means(object T) bool {
	uid := d.Object.GetUID()
	return uid == "" || object.GetUID() == uid
}

// Observation 是一次观察的结论。
type Observation[T Object] struct {
	Exists bool
	// Object 与缓存共享，只读；要改先 DeepCopy。
	Object T
	// Holder 是对象上的归属标记，空表示没有标记。
	Holder string
	// HeldBy 给人看：有标记时就是标记，没有标记时是写过它的字段管理者。
	HeldBy string
	// Owned 表示标记就是 Desired.Owner。
	Owned bool
	// UpToDate 表示对象归我们且没有差异。
	UpToDate bool
	Diff     Differences
	// SecretDue 表示秘密要交入，Diff 里也有它。
	SecretDue bool
	Ready     Readiness
	// Deleting 表示对象正在被删除。
	Deleting bool
}

// Readiness 是就绪与否以及理由；Unknown 表示还没有针对当前 spec 的证据。
type Readiness struct {
	Status  metav1.ConditionStatus
	Reason  string
	Message string
}

// Deletion 是一次删除的结局。
type Deletion string

const (
	// Deleted 表示对象已经不在。
	Deleted Deletion = "Deleted"
	// Terminating 表示删除已被接受，但终结器还没放手；Observe 与 WaitGone 会说何时消失。
	Terminating Deletion = "Terminating"
	// AlreadyGone 表示对象早已不在。
	AlreadyGone Deletion = "AlreadyGone"
	// NotOurs 表示对象归别人，或者不是所指的那一个，什么也没有发送。
	NotOurs Deletion = "NotOurs"
)
