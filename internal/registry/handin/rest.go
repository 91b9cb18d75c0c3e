// Package handin 是收下凭据的子资源：哪个种类要收、要检查什么由那个种类说，怎样收、给谁看、怎样收拾只写这一遍。
package handin

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/util/dryrun"
	"k8s.io/klog/v2"

	"github.com/kubellm/kubellm/internal/credentials"
	"github.com/kubellm/kubellm/internal/registry"
	"github.com/kubellm/kubellm/internal/service/auth"
	"github.com/kubellm/kubellm/internal/service/auth/rbac"
)

// Subresource 是这个子资源的名字。
const Subresource = auth.CredentialsSubresource

// writeTimeout 是收下或抹掉一份凭据最多花的时间。
const writeTimeout = 30 * time.Second

// errGone 说明为什么交来的凭据没有留下。
var errGone = errors.New("it was deleted while its credentials were handed in; nothing was kept")

// Intake 说明一个种类怎样收凭据：T 是凭据所属的种类，C 是交来的请求体。
type Intake[T, C registry.Object] struct {
	// Resource 是所属的种类，Singular 是它在话里的叫法。
	Resource schema.GroupResource
	Singular string
	// Kind 是请求体的种类，用于校验的回答。
	Kind schema.GroupKind
	// New 造一个空的请求体。
	New func() C
	// Check 是收下之前的全部检查；错误里不能有内容。
	Check func(in C, owner T) field.ErrorList
	// Data 取出要存的内容，Fill 把存着的内容放回去，Stamp 写上版本。
	Data  func(in C) map[string][]byte
	Fill  func(out C, data map[string][]byte)
	Stamp func(out C, version string)
	// Version 是所属对象的状态里公布版本的地方。
	Version *registry.Published[T]

	Store credentials.Store

	// served 是 REST 造出来的，供 Sweep 用。
	served *intakeREST[T, C]
}

// REST 造出子资源：人人（有权的）能交，只有平台的控制器能取。
func (i *Intake[T, C]) REST(storage *registry.Storage) rest.Storage {
	i.served = &intakeREST[T, C]{Intake: i, owners: storage.Main, status: storage.Publish}
	return i.served
}

// Guard 判断请求者能否改变交来的凭据的去向。
type Guard interface {
	ConfirmHandedIn(ctx context.Context, use auth.HandedInUse) error
}

// Confirm 要求改动凭据去向的人自己也能交它；changed 是他改了的、决定去向的字段。
// 没有交来过的，去向怎么改都行。
func (i *Intake[T, C]) Confirm(ctx context.Context, guard Guard, owner T, changed []string) error {
	if len(changed) == 0 || i.Version.Get(owner) == "" {
		return nil
	}
	return guard.ConfirmHandedIn(ctx, auth.HandedInUse{
		Resource: i.Resource, Namespace: owner.GetNamespace(), Name: owner.GetName(), Changed: changed,
	})
}

// Forget 抹掉已删对象的凭据；抹不掉的由下次启动时的清理抹掉。
func (i *Intake[T, C]) Forget(owner T) {
	// 请求可能已经结束，收拾却要做完。
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	if err := i.Store.Delete(ctx, owner.GetUID()); err != nil {
		klog.ErrorS(err, "Cannot remove the credentials of what was deleted; they are removed when the server starts again",
			"kind", i.Singular, "object", klog.KObj(owner))
	}
}

var (
	_ rest.NamedCreater                   = &intakeREST[registry.Object, registry.Object]{}
	_ rest.Getter                         = &intakeREST[registry.Object, registry.Object]{}
	_ rest.SubresourceObjectMetaPreserver = &intakeREST[registry.Object, registry.Object]{}
)

type intakeREST[T, C registry.Object] struct {
	*Intake[T, C]
	owners *registry.REST
	// status 是写得了版本的那条路径。
	status *registry.StatusREST
}

// New 返回空的请求体。
func (r *intakeREST[T, C]) New() runtime.Object { return r.Intake.New() }

// Destroy 不做事：底层存储由主路径释放。
func (r *intakeREST[T, C]) Destroy() {}

// PreserveRequestObjectMetaSystemFieldsOnSubresourceCreate 留下请求里的 uid：交凭据的人靠它认定是哪一个对象。
func (r *intakeREST[T, C]) PreserveRequestObjectMetaSystemFieldsOnSubresourceCreate() bool {
	return true
}

// Create 收下凭据：先检查，再入库，最后在状态里公布新版本。
// 入库在前，控制器看到新版本时就一定取得到新内容。
func (r *intakeREST[T, C]) Create(ctx context.Context, name string, obj runtime.Object, validate rest.ValidateObjectFunc, options *metav1.CreateOptions) (runtime.Object, error) {
	in := obj.(C)
	if in.GetName() != "" && in.GetName() != name {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("metadata.name is %q, but the request is for %s %q: make them the same, or leave metadata.name out", in.GetName(), r.Singular, name))
	}
	if validate != nil {
		if err := validate(ctx, obj); err != nil {
			return nil, err
		}
	}
	owner, err := r.owner(ctx, name, in.GetUID())
	if err != nil {
		return nil, err
	}
	if errs := r.Check(in, owner); len(errs) > 0 {
		return nil, apierrors.NewInvalid(r.Kind, name, errs)
	}
	if dryrun.IsDryRun(options.DryRun) {
		return r.answer(owner, ""), nil
	}
	// 从这里起不再理会客户端走没走开：收下而不公布，控制器就不知道有新的。
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	version, err := r.Store.Put(ctx, r.Resource, owner.GetUID(), r.Data(in))
	if err != nil {
		return nil, apierrors.NewInternalError(fmt.Errorf("take the credentials of %s %q: %w", r.Singular, name, err))
	}
	if err := r.publish(ctx, owner); err != nil {
		return nil, err
	}
	return r.answer(owner, version), nil
}

// Get 只答平台的控制器。角色再大也不行，超级用户也不行：交来的凭据谁都看不回去，这是收下时的承诺。
func (r *intakeREST[T, C]) Get(ctx context.Context, name string, _ *metav1.GetOptions) (runtime.Object, error) {
	who, ok := request.UserFrom(ctx)
	if !ok || who.GetName() != rbac.ControllerUser {
		return nil, apierrors.NewForbidden(r.subresource(), name, fmt.Errorf("credentials that were handed in are given to nobody but %q, whatever a role allows; hand in new ones to replace them", rbac.ControllerUser))
	}
	owner, err := r.live(ctx, name)
	if err != nil {
		return nil, err
	}
	data, version, err := r.Store.Get(ctx, owner.GetUID())
	switch {
	case errors.Is(err, credentials.ErrNotFound):
		return nil, apierrors.NewNotFound(r.subresource(), name)
	case err != nil:
		return nil, apierrors.NewInternalError(fmt.Errorf("give out the credentials of %s %q: %w", r.Singular, name, err))
	}
	out := r.answer(owner, version)
	r.Fill(out, data)
	return out, nil
}

func (r *intakeREST[T, C]) subresource() schema.GroupResource {
	return schema.GroupResource{Group: r.Resource.Group, Resource: r.Resource.Resource + "/" + Subresource}
}

// owner 取凭据要交给的对象；说了 uid 就必须是那一个，重建的同名对象拿不到给旧对象的凭据。
// 正在删除的也收：收拾成员要进得去，旧凭据失效时只有新的才能让删除做完。
func (r *intakeREST[T, C]) owner(ctx context.Context, name string, uid types.UID) (T, error) {
	owner, err := r.live(ctx, name)
	if err == nil && uid != "" && uid != owner.GetUID() {
		err = r.replaced(name, uid, owner.GetUID())
	}
	return owner, err
}

// live 读出存着的对象，不经缓存：刚建好就交凭据是常事。
func (r *intakeREST[T, C]) live(ctx context.Context, name string) (T, error) {
	var none T
	obj, err := r.owners.Get(ctx, name, &metav1.GetOptions{})
	if err != nil {
		return none, err
	}
	return obj.(T), nil
}

// publish 把库里当前的版本写进状态。版本在写的那一刻才读：两份凭据同时交来时，状态最后总与库里的一致。
// 对象若在途中没了，刚收下的凭据随之抹掉。
func (r *intakeREST[T, C]) publish(ctx context.Context, owner T) error {
	gone := false
	transform := func(ctx context.Context, _, old runtime.Object) (runtime.Object, error) {
		updated := old.DeepCopyObject().(T)
		_, version, err := r.Store.Get(ctx, owner.GetUID())
		gone = updated.GetUID() != owner.GetUID() || errors.Is(err, credentials.ErrNotFound)
		switch {
		case gone:
			return nil, errGone
		case err != nil:
			return nil, err
		}
		r.Version.Set(updated, version)
		return updated, nil
	}
	_, _, err := r.status.Update(ctx, owner.GetName(), rest.DefaultUpdatedObjectInfo(nil, transform),
		rest.ValidateAllObjectFunc, rest.ValidateAllObjectUpdateFunc, false, &metav1.UpdateOptions{})
	switch {
	case err == nil:
		return nil
	case gone || apierrors.IsNotFound(err):
		r.Forget(owner)
		return apierrors.NewConflict(r.Resource, owner.GetName(), errGone)
	default:
		return apierrors.NewInternalError(fmt.Errorf("show the new version of the credentials of %s %q: %w", r.Singular, owner.GetName(), err))
	}
}

func (r *intakeREST[T, C]) replaced(name string, wanted, found types.UID) error {
	return apierrors.NewConflict(r.Resource, name, fmt.Errorf("the credentials are meant for the %s with the UID %s, but the one of that name has the UID %s: it was deleted and created again; read it and hand the credentials in anew", r.Singular, wanted, found))
}

// answer 从空白造起，请求里的东西一样也带不出去。
func (r *intakeREST[T, C]) answer(owner T, version string) C {
	out := r.Intake.New()
	out.SetNamespace(owner.GetNamespace())
	out.SetName(owner.GetName())
	out.SetUID(owner.GetUID())
	out.SetCreationTimestamp(owner.GetCreationTimestamp())
	r.Stamp(out, version)
	return out
}
