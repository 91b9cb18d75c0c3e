package core

import (
	"context"
	"errors"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/registry/rest"

	"github.com/kubellm/kubellm/internal/registry"
)

// SystemNamespace 存放平台自己的东西：租约、没有命名空间的对象的事件。
const SystemNamespace = "kubellm-system"

// BuiltinNamespaces 从启动起就在，也不能删：kubectl 默认用前者，平台自己的东西在后者。
var BuiltinNamespaces = []string{metav1.NamespaceDefault, SystemNamespace}

// contentFinalizer 让正在结束的命名空间留到内容清空；它与 spec.finalizers 同进退，使用者改不动。
const contentFinalizer = "kubellm.io/namespace-content"

// Namespace 声明命名空间。
func Namespace() *registry.Resource[*corev1.Namespace, *corev1.NamespaceList] {
	return &registry.Resource[*corev1.Namespace, *corev1.NamespaceList]{
		Kind: "Namespace", Plural: "namespaces", Singular: "namespace", ShortNames: []string{"ns"}, Uncategorized: true,
		New:        func() *corev1.Namespace { return &corev1.Namespace{} },
		NewList:    func() *corev1.NamespaceList { return &corev1.NamespaceList{} },
		CopySpec:   func(to, from *corev1.Namespace) { to.Spec = from.Spec },
		CopyStatus: func(to, from *corev1.Namespace) { to.Status = from.Status },
		Columns: []registry.Column[*corev1.Namespace]{
			{Name: "Status", Description: "Whether the namespace is in use or being emptied.", Value: func(n *corev1.Namespace) any { return string(n.Status.Phase) }},
		},
		Fields: []registry.Field[*corev1.Namespace]{
			{Path: "status.phase", Value: func(n *corev1.Namespace) string { return string(n.Status.Phase) }},
		},
		Prepare:        func(_ context.Context, obj, old *corev1.Namespace) { prepareNamespace(obj, old) },
		ValidateName:   apivalidation.ValidateNamespaceName,
		Validate:       func(*corev1.Namespace) field.ErrorList { return nil },
		ValidateStatus: validateNamespaceStatus,
		Subresources:   map[string]func(*registry.Storage) rest.Storage{"finalize": newNamespaceFinalize},
		Terminate:      terminateNamespace,
		AdmitDelete:    keepBuiltin,
	}
}

// prepareNamespace 补上人人都指望有的标签与收尾人；收尾人只能经 /finalize 放手。
func prepareNamespace(namespace, old *corev1.Namespace) {
	if namespace.Name != "" {
		if namespace.Labels == nil {
			namespace.Labels = map[string]string{}
		}
		namespace.Labels[corev1.LabelMetadataName] = namespace.Name
	}
	if old != nil {
		namespace.Spec.Finalizers = slices.Clone(old.Spec.Finalizers)
		holdNamespace(namespace)
		return
	}
	namespace.Status.Phase = corev1.NamespaceActive
	if !slices.Contains(namespace.Spec.Finalizers, corev1.FinalizerKubernetes) {
		namespace.Spec.Finalizers = append(namespace.Spec.Finalizers, corev1.FinalizerKubernetes)
	}
}

// terminateNamespace 把命名空间标成正在结束：准入据此不再放新东西进来，清空者据此动手。
func terminateNamespace(namespace *corev1.Namespace) {
	namespace.Status.Phase = corev1.NamespaceTerminating
	if len(namespace.Spec.Finalizers) > 0 && !slices.Contains(namespace.Finalizers, contentFinalizer) {
		namespace.Finalizers = append(namespace.Finalizers, contentFinalizer)
	}
}

// keepBuiltin 守住内置的命名空间；准入插件只看得到逐个删，这里连整批删也看得到。
func keepBuiltin(namespace *corev1.Namespace) error {
	if !slices.Contains(BuiltinNamespaces, namespace.Name) {
		return nil
	}
	return apierrors.NewForbidden(schema.GroupResource{Resource: "namespaces"}, namespace.Name, errors.New("this namespace may not be deleted"))
}

// holdNamespace 不让人绕过清空：正在结束而内容还在时，去掉的 finalizer 会补回来。
func holdNamespace(namespace *corev1.Namespace) {
	if namespace.DeletionTimestamp != nil {
		terminateNamespace(namespace)
	}
}

// validateNamespaceStatus 保证阶段与删除时间说的是同一回事。
func validateNamespaceStatus(namespace *corev1.Namespace) field.ErrorList {
	want := corev1.NamespaceActive
	if namespace.DeletionTimestamp != nil {
		want = corev1.NamespaceTerminating
	}
	if namespace.Status.Phase == want {
		return nil
	}
	return field.ErrorList{field.Invalid(field.NewPath("status", "phase"), namespace.Status.Phase, "must be "+string(want)+", for the phase follows metadata.deletionTimestamp")}
}
