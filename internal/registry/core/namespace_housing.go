package core

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubellm/kubellm/internal/registry"
)

// Housing 按存储里的命名空间回答收不收东西。
func Housing(namespaces *registry.Resource[*corev1.Namespace, *corev1.NamespaceList]) registry.Housing {
	return housing{namespaces}
}

type housing struct {
	namespaces *registry.Resource[*corev1.Namespace, *corev1.NamespaceList]
}

// Enter 见 registry.Housing；平常由监听缓存答，缓存里还没有的才去存储里看。
func (h housing) Enter(ctx context.Context, namespace string) (types.UID, error) {
	if slices.Contains(BuiltinNamespaces, namespace) {
		return "", nil
	}
	found, err := h.namespaces.Get(ctx, namespace, &metav1.GetOptions{ResourceVersion: "0"})
	if apierrors.IsNotFound(err) {
		found, err = h.namespaces.Get(ctx, namespace, &metav1.GetOptions{})
	}
	if err != nil {
		return "", unconfirmed(namespace, err)
	}
	return found.UID, nil
}

// Confirm 见 registry.Housing；内置的删不掉，不必去看，事件与租约大多就在那里。
func (h housing) Confirm(ctx context.Context, namespace string, uid types.UID, resource schema.GroupResource, name string) error {
	if slices.Contains(BuiltinNamespaces, namespace) {
		return nil
	}
	found, err := h.namespaces.Get(ctx, namespace, &metav1.GetOptions{})
	switch {
	case err != nil:
		return unconfirmed(namespace, err)
	case found.UID != uid:
		return apierrors.NewConflict(resource, name, fmt.Errorf("namespace %q was deleted and made anew meanwhile; try again if it is to go into the new one", namespace))
	case found.DeletionTimestamp != nil:
		return terminating(namespace, resource, name)
	}
	return nil
}

// unconfirmed 把"没有这个命名空间"原样交给请求者，读不到的则说是在做什么。
func unconfirmed(namespace string, err error) error {
	if apierrors.IsNotFound(err) {
		return err
	}
	return apierrors.NewInternalError(fmt.Errorf("confirm that namespace %q is there: %w", namespace, err))
}

// terminating 与准入给的拒绝同一个理由，客户端只需认一种。
func terminating(namespace string, resource schema.GroupResource, name string) error {
	refusal := apierrors.NewForbidden(resource, name, fmt.Errorf("namespace %q is being deleted and takes in nothing new", namespace))
	refusal.ErrStatus.Details.Causes = append(refusal.ErrStatus.Details.Causes, metav1.StatusCause{
		Type: corev1.NamespaceTerminatingCause, Message: fmt.Sprintf("namespace %s is being terminated", namespace), Field: "metadata.namespace",
	})
	return refusal
}
