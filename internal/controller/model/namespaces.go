package model

import (
	"context"
	"fmt"
	"maps"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// namespaces 记着各个集群上已经有了的命名空间：它是几个模型共用的，问过一次就不必每个模型再问。
// 记着它是为了谁：模型、集群没有了，也就不必再记。
type namespaces struct {
	mu    sync.Mutex
	known map[namespace]sets.Set[types.UID]
}

type namespace struct {
	cluster types.UID
	name    string
}

// has 报告有没有这个命名空间；有的话，从此也为 model 记着。
func (n *namespaces) has(ns namespace, model types.UID) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	models, ok := n.known[ns]
	if ok {
		models.Insert(model)
	}
	return ok
}

func (n *namespaces) remember(ns namespace, model types.UID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.known == nil {
		n.known = map[namespace]sets.Set[types.UID]{}
	}
	if n.known[ns] == nil {
		n.known[ns] = sets.New[types.UID]()
	}
	n.known[ns].Insert(model)
}

func (n *namespaces) lose(ns namespace) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.known, ns)
}

// forget 放下只为 model 记着的。
func (n *namespaces) forget(model types.UID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	maps.DeleteFunc(n.known, func(_ namespace, models sets.Set[types.UID]) bool {
		models.Delete(model)
		return models.Len() == 0
	})
}

// keep 只留下还在的集群上的。
func (n *namespaces) keep(clusters sets.Set[types.UID]) {
	n.mu.Lock()
	defer n.mu.Unlock()
	maps.DeleteFunc(n.known, func(ns namespace, _ sets.Set[types.UID]) bool { return !clusters.Has(ns.cluster) })
}

// namespace 造出没有的命名空间；有了的不动，它是几个模型共用的，也可能是别人备好的。
func (a *applying) namespace(ctx context.Context, key target, u *unstructured.Unstructured) error {
	ns := namespace{a.cluster.UID, key.Name}
	if a.namespaces.has(ns, a.model.UID) {
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
	a.namespaces.remember(ns, a.model.UID)
	return nil
}

// lost 忘掉命名空间的记录：成员说它没有了，下一轮再造。
func (a *applying) lost(key target, err error) {
	if apierrors.IsNotFound(err) {
		a.namespaces.lose(namespace{a.cluster.UID, key.Namespace})
	}
}
