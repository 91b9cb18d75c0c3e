package crossplane

import (
	"context"
	"fmt"
	"maps"
	"slices"

	xpv2 "github.com/crossplane/crossplane/apis/v2/core/v2"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	xpmeta "github.com/crossplane/crossplane-runtime/v2/pkg/meta"
	"github.com/crossplane/crossplane-runtime/v2/pkg/resource"

	clusterscoped "github.com/kubellm/kubellm/apis/managed/clusterscoped/v1alpha1"
	namespaced "github.com/kubellm/kubellm/apis/managed/namespaced/v1alpha1"
)

// usageFinalizerName 让使用记录活得不比托管资源短：删除命名空间或前台删除会先删记录，
// 配置随之消失，托管资源就再也连不上平台、永远删不掉。
const usageFinalizerName = "kubellm.crossplane.io/in-use"

// usageFinalizer 在托管资源的 finalizer 之外维护它的使用记录：有 finalizer 的资源才占用配置。
// 连接之初并不建记录：被拒绝的资源没有 finalizer，也就没有人替它释放记录。
type usageFinalizer struct {
	resource.Finalizer
	kube client.Client
	// live 绕过缓存：刚建的记录可能还不在缓存里，漏掉释放它就永远删不掉。
	live client.Reader
	gvk  schema.GroupVersionKind
}

// AddFinalizer 先让托管资源不会悄悄消失，再记下它在使用配置。
func (f *usageFinalizer) AddFinalizer(ctx context.Context, mg resource.Object) error {
	if err := f.Finalizer.AddFinalizer(ctx, mg); err != nil {
		return fmt.Errorf("cannot add the finalizer: %w", err)
	}
	want, err := usageFor(mg, f.gvk)
	if err != nil {
		return err
	}
	have := want.DeepCopyObject().(client.Object)
	// 不深拷贝：只拿来比较。
	err = f.kube.Get(ctx, client.ObjectKeyFromObject(want), have, client.UnsafeDisableDeepCopy)
	switch {
	case apierrors.IsNotFound(err):
		err = f.kube.Create(ctx, want)
		if apierrors.IsAlreadyExists(err) {
			return nil
		}
	case err == nil && !sameUsage(have, want):
		want.SetResourceVersion(have.GetResourceVersion())
		err = f.kube.Update(ctx, want)
	}
	if err != nil {
		return fmt.Errorf("cannot record the use of the provider config: %w", err)
	}
	return nil
}

// RemoveFinalizer 先放走托管资源，再释放记录：反过来的话，配置可能在两步之间消失，
// 而放走托管资源那一步遇到冲突要重来时，就再也连不上平台。两步之间崩溃了有 usageReaper。
func (f *usageFinalizer) RemoveFinalizer(ctx context.Context, mg resource.Object) error {
	usage := emptyUsageOf(mg)
	if err := f.Finalizer.RemoveFinalizer(ctx, mg); err != nil {
		return fmt.Errorf("cannot remove the finalizer: %w", err)
	}
	if err := f.release(ctx, usage); err != nil {
		return fmt.Errorf("cannot release the provider config: %w", err)
	}
	return nil
}

func (f *usageFinalizer) release(ctx context.Context, usage client.Object) error {
	key := client.ObjectKeyFromObject(usage)
	err := f.kube.Get(ctx, key, usage)
	if apierrors.IsNotFound(err) {
		err = f.live.Get(ctx, key, usage)
	}
	if err != nil {
		return client.IgnoreNotFound(err)
	}
	return releaseUsage(ctx, f.kube, usage)
}

func releaseUsage(ctx context.Context, kube client.Client, usage client.Object) error {
	if !xpmeta.FinalizerExists(usage, usageFinalizerName) {
		return nil
	}
	xpmeta.RemoveFinalizer(usage, usageFinalizerName)
	return client.IgnoreNotFound(kube.Update(ctx, usage))
}

// usageFor 是托管资源应有的使用记录；它以托管资源的 UID 为名，归它所有。
func usageFor(o resource.Object, gvk schema.GroupVersionKind) (client.Object, error) {
	mg, ok := o.(resource.Managed)
	if !ok {
		return nil, fmt.Errorf("%T is not a managed resource", o)
	}
	ref, err := configOf(mg)
	if err != nil {
		return nil, err
	}
	usage := emptyUsageOf(mg)
	labels := map[string]string{xpv2.LabelKeyProviderName: ref.key.Name}
	user := xpv2.TypedReference{APIVersion: gvk.GroupVersion().String(), Kind: gvk.Kind, Name: mg.GetName()}
	switch usage := usage.(type) {
	case *namespaced.ProviderConfigUsage:
		labels[xpv2.LabelKeyProviderKind] = ref.kind
		usage.ProviderConfigReference = xpv2.ProviderConfigReference{Kind: ref.kind, Name: ref.key.Name}
		usage.ResourceReference = user
	case *clusterscoped.ProviderConfigUsage:
		usage.ProviderConfigReference = xpv2.Reference{Name: ref.key.Name}
		usage.ResourceReference = user
	}
	usage.SetLabels(labels)
	usage.SetOwnerReferences([]metav1.OwnerReference{xpmeta.AsController(xpmeta.TypedReferenceTo(mg, gvk))})
	usage.SetFinalizers([]string{usageFinalizerName})
	return usage, nil
}

// emptyUsageOf 只有名字：释放记录不该取决于引用是否还写得对。
func emptyUsageOf(mg resource.Object) client.Object {
	named := metav1.ObjectMeta{Namespace: mg.GetNamespace(), Name: string(mg.GetUID())}
	if _, legacy := mg.(resource.LegacyManaged); legacy {
		return &clusterscoped.ProviderConfigUsage{ObjectMeta: named}
	}
	return &namespaced.ProviderConfigUsage{ObjectMeta: named}
}

// sameUsage 判断记录是否不必再写；正在删除的记录不能再改，而它的 finalizer 还在，仍算占用。
func sameUsage(have, want client.Object) bool {
	if xpmeta.WasDeleted(have) {
		return true
	}
	controller := metav1.GetControllerOf(have)
	if controller == nil || controller.UID != metav1.GetControllerOf(want).UID {
		return false
	}
	if !slices.Contains(have.GetFinalizers(), usageFinalizerName) || !maps.Equal(have.GetLabels(), want.GetLabels()) {
		return false
	}
	switch want := want.(type) {
	case *namespaced.ProviderConfigUsage:
		have, ok := have.(*namespaced.ProviderConfigUsage)
		return ok && equality.Semantic.DeepEqual(have.TypedProviderConfigUsage, want.TypedProviderConfigUsage)
	case *clusterscoped.ProviderConfigUsage:
		have, ok := have.(*clusterscoped.ProviderConfigUsage)
		return ok && equality.Semantic.DeepEqual(have.ProviderConfigUsage, want.ProviderConfigUsage)
	}
	return false
}
