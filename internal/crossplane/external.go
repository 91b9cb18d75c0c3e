package crossplane

import (
	"context"
	"fmt"

	xpv2 "github.com/crossplane/crossplane/apis/v2/core/v2"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/crossplane/crossplane-runtime/v2/pkg/event"
	xpmeta "github.com/crossplane/crossplane-runtime/v2/pkg/meta"
	"github.com/crossplane/crossplane-runtime/v2/pkg/reconciler/managed"

	"github.com/kubellm/kubellm/internal/external"
	"github.com/kubellm/kubellm/internal/observability"
)

const (
	reasonNotOwned event.Reason = "ExternalResourceNotOwned"
	reasonAdopted  event.Reason = "AdoptedExternalResource"
)

// connector 为一个托管资源准备外部客户端；所有种类、两种作用域共用这一份。
type connector[M Managed[T], T external.Object, L runtime.Object] struct {
	kind         *external.Kind[T, L]
	managedKind  schema.GroupKind
	controlPlane string
	kube         client.Client
	connections  *connections
	secrets      *secrets
	record       event.Recorder
	// policies 表示管理策略已启用；未启用时资源上的策略不算数。
	policies bool
}

// Connect 找到托管资源的平台；找不到（配置没了、凭据坏了）就也看不到它的对象。
func (c *connector[M, T, L]) Connect(ctx context.Context, mg M) (managed.TypedExternalClient[M], error) {
	observability.Object(ctx, mg)
	platform, err := c.connections.Platform(ctx, mg)
	if err != nil {
		return nil, unready(mg, err)
	}
	return &externalClient[M, T, L]{
		connector: c,
		client:    external.NewClient(platform, c.kind),
		mark:      ownerMark(c.controlPlane, c.managedKind, mg),
	}, nil
}

// externalClient 服务于一次协调：先观察，再按观察到的去写。
type externalClient[M Managed[T], T external.Object, L runtime.Object] struct {
	*connector[M, T, L]

	client   *external.Client[T, L]
	mark     string
	observed external.Observation[T]
	adopting bool
	handover handover
}

// Observe 比较想要的与现有的；要交入的秘密找不到时，看到了什么照样记下，但什么也不改。
func (c *externalClient[M, T, L]) Observe(ctx context.Context, mg M) (managed.ExternalObservation, error) {
	missing := c.prepareHandover(ctx, mg)
	seen, err := c.observe(ctx, mg)
	if err != nil {
		return managed.ExternalObservation{}, err
	}
	if missing != nil {
		return managed.ExternalObservation{}, missing
	}
	return c.completeHandover(ctx, mg, seen)
}

// want 是平台上该有的样子，连同要交入的秘密。
func (c *externalClient[M, T, L]) want(mg M) external.Desired[T] {
	want := desiredFor[M, T](mg, c.mark)
	want.Secret = c.handover.give
	return want
}

// observe 比较想要的与现有的，并判断对象归不归我们。
func (c *externalClient[M, T, L]) observe(ctx context.Context, mg M) (managed.ExternalObservation, error) {
	want := c.want(mg)
	observed, err := c.client.Observe(ctx, want)
	if err != nil {
		return managed.ExternalObservation{}, unready(mg, err)
	}
	c.observed = observed
	if !observed.Exists {
		if !c.mayWrite(mg, xpv2.ManagementActionCreate) {
			// 不会去创建的没有下一步，不能还说着对象在时的就绪。
			setReady(mg, xpv2.Unavailable().WithMessage("the platform object does not exist"))
		}
		return managed.ExternalObservation{}, nil
	}
	if !observed.Owned && xpmeta.WasDeleted(mg) {
		c.leaveAlone(mg, observed.HeldBy)
		return managed.ExternalObservation{}, nil
	}
	mg.SetObserved(observed.Object)
	if !observed.Owned && !c.mayWrite(mg, xpv2.ManagementActionCreate, xpv2.ManagementActionUpdate) {
		// 只看不管的资源，看谁的对象都行。
		setReady(mg, readyCondition(observed.Ready))
		return managed.ExternalObservation{ResourceExists: true, ResourceUpToDate: true, ConnectionDetails: connectionDetails(mg)}, nil
	}
	if !observed.Owned {
		return c.observeForeign(mg, want.Key())
	}
	setReady(mg, readyCondition(observed.Ready))
	if observed.Deleting && !xpmeta.WasDeleted(mg) {
		setReady(mg, xpv2.Deleting().WithMessage("the platform object is being deleted, not by this resource"))
	}
	return managed.ExternalObservation{
		ResourceExists: true,
		// 正在删除的对象改了也没用；它消失时会有通知，那时再建。
		ResourceUpToDate: observed.UpToDate || observed.Deleting,
		Diff:             observed.Diff.String(),
		// 刚观察到的就是最新的，创建与更新不必再说一遍。
		ConnectionDetails: connectionDetails(mg),
	}, nil
}

// observeForeign 对归别人的对象要么按用户的明确要求准备接管，要么指名占有者并拒绝。
func (c *externalClient[M, T, L]) observeForeign(mg M, key external.Key) (managed.ExternalObservation, error) {
	uid := string(c.observed.Object.GetUID())
	if !wantsAdoption(mg, uid, c.observed.Holder) || !c.mayWrite(mg, xpv2.ManagementActionUpdate) {
		return managed.ExternalObservation{}, unready(mg, external.OwnedByAnother(c.kind.GroupVersionKind.Kind, key, c.observed.HeldBy))
	}
	c.adopting = true
	setReady(mg, readyCondition(c.observed.Ready))
	return managed.ExternalObservation{ResourceExists: true, Diff: "held by " + c.observed.HeldBy + ", to be adopted"}, nil
}

// Create 创建平台对象；同名对象在此期间出现的话，服务器会指名占有者并拒绝。
func (c *externalClient[M, T, L]) Create(ctx context.Context, mg M) (managed.ExternalCreation, error) {
	written, err := c.client.Apply(ctx, c.want(mg), nil)
	return managed.ExternalCreation{}, c.wrote(ctx, mg, written, err)
}

// Update 使平台对象符合想要的样子，或先接管它。
func (c *externalClient[M, T, L]) Update(ctx context.Context, mg M) (managed.ExternalUpdate, error) {
	want := c.want(mg)
	if !c.adopting {
		written, err := c.client.Apply(ctx, want, &c.observed.Object)
		return managed.ExternalUpdate{}, c.wrote(ctx, mg, written, err)
	}
	// 只接管看到的那一个：期间删了重建的同名对象不是用户点名的。
	want.Object.SetUID(c.observed.Object.GetUID())
	written, err := c.client.Adopt(ctx, want, c.observed.Holder)
	err = c.wrote(ctx, mg, written, err)
	if !written.Applied {
		return managed.ExternalUpdate{}, err
	}
	c.record.Event(mg, event.Normal(reasonAdopted, "Adopted the platform object from "+c.observed.HeldBy))
	details := managed.AdditionalDetails{"adopted-from": c.observed.HeldBy}
	if recorded := recordAdoption(ctx, c.kube, mg, string(written.Object.GetUID())); err == nil {
		err = recorded
	}
	return managed.ExternalUpdate{AdditionalDetails: details}, err
}

// Delete 删除平台对象；它在此期间归了别人的话就不去碰它。
func (c *externalClient[M, T, L]) Delete(ctx context.Context, mg M) (managed.ExternalDelete, error) {
	c.secrets.forget(mg)
	want := desiredFor[M, T](mg, c.mark)
	want.Object.SetUID(c.observed.Object.GetUID())
	deletion, err := c.client.Delete(ctx, want)
	if err != nil {
		return managed.ExternalDelete{}, err
	}
	switch deletion {
	case external.NotOurs:
		c.leaveAlone(mg, "another")
	case external.Terminating:
		err = c.updateLeaving(ctx, mg)
	}
	return managed.ExternalDelete{AdditionalDetails: managed.AdditionalDetails{"deletion": string(deletion)}}, err
}

// updateLeaving 让等着终结器放手的平台对象跟上配置：这时改的（例如不再收走成员上的东西）往往正是为了放行删除。
func (c *externalClient[M, T, L]) updateLeaving(ctx context.Context, mg M) error {
	if c.observed.UpToDate || !c.mayWrite(mg, xpv2.ManagementActionUpdate) {
		return nil
	}
	_, err := c.client.Apply(ctx, c.want(mg), &c.observed.Object)
	if external.ClassOf(err) == external.ClassNotFound {
		return nil
	}
	return asWritten(mg, err)
}

// Disconnect 什么也不做：连接由同一凭据的所有资源共用。
func (c *externalClient[M, T, L]) Disconnect(context.Context) error { return nil }

// leaveAlone 说明为什么托管资源没了而平台对象还在。
func (c *externalClient[M, T, L]) leaveAlone(mg M, holder string) {
	c.record.Event(mg, event.Warning(reasonNotOwned, fmt.Errorf("left %s %q on the platform alone: it is held by %s, not by this resource",
		c.kind.GroupVersionKind.Kind, externalName(mg), holder)))
}

// mayWrite 判断管理策略是否允许其中任何一种动作。
func (c *externalClient[M, T, L]) mayWrite(mg M, actions ...xpv2.ManagementAction) bool {
	if !c.policies {
		return true
	}
	for _, allowed := range mg.GetManagementPolicies() {
		if allowed == xpv2.ManagementActionAll {
			return true
		}
		for _, action := range actions {
			if allowed == action {
				return true
			}
		}
	}
	return false
}
