package crossplane

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// secretMetadata 给出只看 Secret 元数据的读取者：能监视就出自缓存，否则每次问一次。
func (o Options) secretMetadata(mgr ctrl.Manager) client.Reader {
	if o.WatchSecrets {
		return mgr.GetCache()
	}
	return mgr.GetAPIReader()
}

// secretSource 在 Secret 变了、有了或没了时，只唤醒用它的托管资源。
func secretSource(mgr ctrl.Manager, users lister) source.Source {
	watched := &metav1.PartialObjectMetadata{}
	watched.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	wake := func(ctx context.Context, o *metav1.PartialObjectMetadata) []reconcile.Request {
		return users.requests(ctx, indexSecret, client.ObjectKeyFromObject(o).String())
	}
	return source.Kind(mgr.GetCache(), watched, handler.TypedEnqueueRequestsFromMapFunc(wake),
		predicate.TypedResourceVersionChangedPredicate[*metav1.PartialObjectMetadata]{})
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
