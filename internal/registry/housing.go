package registry

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/util/dryrun"
)

// Housing 回答一个命名空间此刻收不收东西。
type Housing interface {
	// Enter 认准请求说的是哪一个命名空间；同名的以后可能换成另一个。没有时是 404。
	Enter(ctx context.Context, namespace string) (types.UID, error)
	// Confirm 看那一个还收不收，看的是存储里此刻的样子，绝不是缓存；
	// 不收时返回给请求者的 API 错误，resource 与 name 是要放进去的东西。
	Confirm(ctx context.Context, namespace string, uid types.UID, resource schema.GroupResource, name string) error
}

// housingTimeout 是落盘之后再看一眼、必要时收回的上限。
const housingTimeout = 30 * time.Second

// enter 在落盘之前记下要放进哪一个命名空间。
func (r *REST) enter(ctx context.Context, obj runtime.Object) (types.UID, error) {
	object, err := meta.Accessor(obj)
	if err != nil {
		return "", apierrors.NewInternalError(fmt.Errorf("read the metadata of what is to be created: %w", err))
	}
	if r.housing == nil || object.GetNamespace() == "" {
		return "", nil
	}
	return r.housing.Enter(ctx, object.GetNamespace())
}

// confirmHousing 在应答一次创建之前再问一遍命名空间还在不在。准入只看得到之前的缓存：别的服务器上的删除、
// 卡住的进程、在途的请求，都能让东西落进已经清空的命名空间，比它活得久，混进日后同名的那一个。
// 落盘之后命名空间仍在，清空就还没开始，开始之后一定看得到这个对象；不在了就收回，请求者得到的是拒绝。
func (r *REST) confirmHousing(ctx context.Context, created runtime.Object, home types.UID, dryRun []string) error {
	object, err := meta.Accessor(created)
	if err != nil {
		return apierrors.NewInternalError(fmt.Errorf("read the metadata of what was created: %w", err))
	}
	if r.housing == nil || object.GetNamespace() == "" || dryrun.IsDryRun(dryRun) {
		return nil
	}
	// 请求者不等了也要看完：已经落盘的东西不会因此收回。
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), housingTimeout)
	defer cancel()
	refusal := r.housing.Confirm(ctx, object.GetNamespace(), home, r.DefaultQualifiedResource, object.GetName())
	if refusal == nil {
		return nil
	}
	if err := r.withdraw(ctx, object); err != nil {
		return apierrors.NewInternalError(fmt.Errorf("withdraw %s %q, which was stored in namespace %q although that takes in nothing (%w): %w; delete it",
			r.DefaultQualifiedResource, object.GetName(), object.GetNamespace(), refusal, err))
	}
	return refusal
}

// withdraw 收回没有应答过的对象：没有人动过的直接抹掉，带着谁的 finalizer 也一样；
// 有人动过的照常删除，收尾人（如已把模型放到成员上的控制器）才来得及收尾。
func (r *REST) withdraw(ctx context.Context, object metav1.Object) error {
	key, err := r.KeyFunc(ctx, object.GetName())
	if err != nil {
		return err
	}
	uid, version, removed := object.GetUID(), object.GetResourceVersion(), r.NewFunc()
	untouched := &storage.Preconditions{UID: &uid, ResourceVersion: &version}
	err = r.Storage.Delete(ctx, key, removed, untouched, storage.ValidateAllObjectFunc, false, nil, storage.DeleteOptions{})
	switch {
	case err == nil && r.AfterDelete != nil:
		r.AfterDelete(removed, &metav1.DeleteOptions{})
		return nil
	case err == nil, storage.IsNotFound(err):
		return nil
	case !storage.IsInvalidObj(err):
		return err
	}
	_, _, err = r.Store.Delete(ctx, object.GetName(), rest.ValidateAllObjectFunc, &metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil // 已经删了，或者换成了别人建的。
	}
	return err
}
