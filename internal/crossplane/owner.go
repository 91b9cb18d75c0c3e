package crossplane

import (
	"context"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// ControlPlaneID 是本控制面的身份：kube-system 命名空间的 UID，与集群同生同灭，两个控制面绝不会相同。
func ControlPlaneID(ctx context.Context, kube client.Reader) (string, error) {
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(schema.GroupVersionKind{Version: "v1", Kind: "Namespace"})
	if err := kube.Get(ctx, client.ObjectKey{Name: metav1.NamespaceSystem}, namespace); err != nil {
		return "", fmt.Errorf("cannot read namespace %s, whose UID tells this control plane from others: %w; "+
			"let the provider get that one namespace (see examples/crossplane), or set --control-plane-id to a name that no other control plane has", metav1.NamespaceSystem, err)
	}
	return string(namespace.UID), nil
}

// ownerMark 是托管资源在平台对象上的归属标记；集群级资源的命名空间段为空。
func ownerMark(controlPlane string, gk schema.GroupKind, mg metav1.Object) string {
	return strings.Join([]string{"crossplane", controlPlane, gk.String(), mg.GetNamespace(), mg.GetName()}, "/")
}
