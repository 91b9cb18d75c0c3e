package model

import (
	"context"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// namespaces 记着各个集群上已经有了的命名空间：它是几个模型共用的，问过一次就不必每个模型再问。
type namespaces struct {
	mu    sync.Mutex
	known map[namespace]bool
}

type namespace struct {
	cluster types.UID
	name    string
}

func (n *namespaces) has(ns namespace) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.known[ns]
}

func (n *namespaces) remember(ns namespace) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.known == nil {
		n.known = map[namespace]bool{}
	}
	n.known[ns] = true
}

func (n *namespaces) forget(ns namespace) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.known, ns)
}

// namespace 造出没有的命名空间；有了的不动，它是几个模型共用的，也可能是别人备好的。
func (a *applying) namespace(ctx context.Context, key target, u *unstructured.Unstructured) error {
	ns := namespace{a.cluster.UID, key.Name}
	if a.namespaces.has(ns) {
		return nil
	}
	there := &metav1.PartialObjectMetadata{}
	there.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	err := a.client.Get(ctx, key.NamespacedName, there)
	if apierrors.IsNotFound(err) {
		err = a.client.Apply(ctx, client.ApplyConfigurationFromUnstructured(u), client.FieldOwner(fieldManager))
	}
	if err != nil {
		return fmt.Errorf("make the namespace %s: %w", key.Name, err)
	}
	a.namespaces.remember(ns)
	return nil
}

// lost 忘掉命名空间的记录：成员说它没有了，下一轮再造。
func (a *applying) lost(key target, err error) {
	if apierrors.IsNotFound(err) {
		a.namespaces.forget(namespace{a.cluster.UID, key.Namespace})
	}
}
