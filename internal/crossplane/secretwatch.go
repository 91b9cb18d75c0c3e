package crossplane

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/crossplane/crossplane-runtime/v2/pkg/logging"
	"github.com/crossplane/crossplane-runtime/v2/pkg/resource"
)

// secretMetadata 给出只看 Secret 元数据的读取者：能监视就出自缓存，否则每次问一次。
func (o Options) secretMetadata(mgr ctrl.Manager) client.Reader {
	if o.WatchSecrets {
		return mgr.GetCache()
	}
	return mgr.GetAPIReader()
}

// secretSource 在 Secret 变了、有了或没了时，只唤醒用它的托管资源：要交入它的，以及凭它连接平台的。
func secretSource(mgr ctrl.Manager, o Options, mg resource.Managed, users lister) source.Source {
	watched := &metav1.PartialObjectMetadata{}
	watched.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	_, handsIn := mg.(secretHolder)
	wake := func(ctx context.Context, changed *metav1.PartialObjectMetadata) []reconcile.Request {
		var requests []reconcile.Request
		secret := client.ObjectKeyFromObject(changed)
		if handsIn {
			requests = users.requests(ctx, indexSecret, secret.String())
		}
		for _, kind := range configsFor(mg) {
			for _, config := range kind.using(ctx, users.kube, o.Logger, secret) {
				o.connections.reread(config)
				requests = append(requests, users.requests(ctx, indexConfig, config.indexValue())...)
			}
		}
		return requests
	}
	return source.Kind(mgr.GetCache(), watched, handler.TypedEnqueueRequestsFromMapFunc(wake),
		predicate.TypedResourceVersionChangedPredicate[*metav1.PartialObjectMetadata]{})
}

// using 是凭据取自这个 Secret 的配置。逐个看：集群级的没有几个，命名空间级的只能用自己命名空间里的 Secret。
func (k configKind) using(ctx context.Context, kube client.Reader, log logging.Logger, secret client.ObjectKey) []configRef {
	var refs []configRef
	configs, err := copyOf(k.configList)
	if err == nil {
		err = kube.List(ctx, configs, k.within(secret.Namespace), client.UnsafeDisableDeepCopy)
	}
	if err == nil {
		err = apimeta.EachListItem(configs, func(item runtime.Object) error {
			if config, ok := item.(client.Object); ok && contentOf(config).secret == secret {
				refs = append(refs, k.ref(config))
			}
			return nil
		})
	}
	if err != nil {
		// 停止途中缓存先关，这时查不到并无损失；否则还有轮询兜底。
		log.Debug("Cannot look for provider configs", "secret", secret, "error", err)
	}
	return refs
}

// within 是能用这个命名空间里的 Secret 的配置所在的命名空间；空为不限。
func (k configKind) within(namespace string) client.InNamespace {
	if k.legacy || k.kind == kindClusterProviderConfig {
		return ""
	}
	return client.InNamespace(namespace)
}

// secretOf 是托管资源所用的 Secret，用作索引。
func secretOf(o client.Object) []string {
	holder, ok := o.(secretHolder)
	if !ok || holder.SecretSource() == nil {
		return nil
	}
	used := holder.SecretSource()
	return []string{client.ObjectKey{Namespace: used.Namespace, Name: used.Name}.String()}
}

// StripSecret 只留下认出一个 Secret 及其版本所需的：集群里的 Secret 再多，缓存里也只是名字。
func StripSecret(o any) (any, error) {
	found, ok := o.(*metav1.PartialObjectMetadata)
	if !ok {
		return nil, fmt.Errorf("got %T, but only the metadata of Secrets is cached, never their content", o)
	}
	found.ObjectMeta = metav1.ObjectMeta{Namespace: found.Namespace, Name: found.Name, UID: found.UID, ResourceVersion: found.ResourceVersion}
	return found, nil
}
