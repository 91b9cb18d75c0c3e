// Package secrets 是各控制器读 Secret 的同一种方式：缓存里只有元数据，内容变了才向平台取一次。
package secrets

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Fetch 在 wanted 认为缓存里的这一版值得取时取来内容；不值得取时返回 nil，错误是缓存或平台的原话。
func Fetch(ctx context.Context, cached, live client.Reader, key client.ObjectKey, wanted func(metav1.Object) bool) (*corev1.Secret, error) {
	marker := &metav1.PartialObjectMetadata{}
	marker.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	if err := cached.Get(ctx, key, marker); err != nil || !wanted(marker) {
		return nil, err
	}
	secret := &corev1.Secret{}
	if err := live.Get(ctx, key, secret); err != nil {
		return nil, err
	}
	return secret, nil
}
