package core

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metainternalversion "k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
)

// TestNamespaceEnds 走完命名空间的一生：阶段与收尾人由服务器定，删除只是开始，放手才是结束，谁也绕不过去。
func TestNamespaceEnds(t *testing.T) {
	h := newHouse(t)
	ctx := request.WithNamespace(t.Context(), metav1.NamespaceNone)
	given := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "a"}, Status: corev1.NamespaceStatus{Phase: corev1.NamespaceTerminating}}
	created, err := h.namespaces.Create(ctx, given, rest.ValidateAllObjectFunc, &metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	active := created.(*corev1.Namespace)
	if active.Status.Phase != corev1.NamespaceActive || len(active.Spec.Finalizers) != 1 || active.Labels[corev1.LabelMetadataName] != "a" {
		t.Errorf("made was %+v", active)
	}
	h.end(t, "a")
	ending := h.read(t, "a")
	if ending.Status.Phase != corev1.NamespaceTerminating || ending.DeletionTimestamp == nil {
		t.Errorf("deleting it left %+v", ending)
	}

	stripped := ending.DeepCopy()
	stripped.Finalizers, stripped.Spec.Finalizers = nil, nil
	if _, _, err := h.namespaces.Update(ctx, "a", rest.DefaultUpdatedObjectInfo(stripped), rest.ValidateAllObjectFunc, rest.ValidateAllObjectUpdateFunc, false, &metav1.UpdateOptions{}); err != nil {
		t.Errorf("an update that takes the finalizers away gave %v", err)
	}
	h.end(t, "a")
	held := h.read(t, "a")
	if len(held.Spec.Finalizers) != 1 || held.Status.Phase != corev1.NamespaceTerminating {
		t.Errorf("it was let go without being emptied: %+v", held)
	}

	released := held.DeepCopy()
	released.Spec.Finalizers, released.Labels = nil, map[string]string{"smuggled": "yes"}
	if _, _, err := h.finalize.Update(ctx, "a", rest.DefaultUpdatedObjectInfo(released), rest.ValidateAllObjectFunc, rest.ValidateAllObjectUpdateFunc, false, &metav1.UpdateOptions{}); err != nil {
		t.Errorf("letting go gave %v", err)
	}
	if _, err := h.namespaces.Get(ctx, "a", &metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("after letting go, reading it gave %v", err)
	}
}

// TestBuiltinNamespacesStay 内置的逐个删、整批删都不行，别的可以。
func TestBuiltinNamespacesStay(t *testing.T) {
	h := newHouse(t)
	ctx := request.WithNamespace(t.Context(), metav1.NamespaceNone)
	for _, name := range append(BuiltinNamespaces, "other") {
		h.add(t, name, false)
	}
	for _, name := range BuiltinNamespaces {
		if _, _, err := h.namespaces.Delete(ctx, name, rest.ValidateAllObjectFunc, &metav1.DeleteOptions{}); !apierrors.IsForbidden(err) {
			t.Errorf("deleting %s gave %v, want 403", name, err)
		}
		only := labels.SelectorFromSet(labels.Set{corev1.LabelMetadataName: name})
		if _, err := h.namespaces.DeleteCollection(ctx, rest.ValidateAllObjectFunc, &metav1.DeleteOptions{}, &metainternalversion.ListOptions{LabelSelector: only}); !apierrors.IsForbidden(err) {
			t.Errorf("deleting %s as one of many gave %v, want 403", name, err)
		}
		if kept := h.read(t, name); kept.DeletionTimestamp != nil {
			t.Errorf("%s is being deleted all the same", name)
		}
	}
	h.end(t, "other")
}

func (h *house) read(t *testing.T, name string) *corev1.Namespace {
	t.Helper()
	found, err := h.namespaces.Get(request.WithNamespace(t.Context(), metav1.NamespaceNone), name, &metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return found.(*corev1.Namespace)
}
