package registry

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/registry/generic"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/client-go/tools/cache"
)

// Field 是一个可用于字段选择器的路径；全部建索引，选择不必扫全表。
type Field[T Object] struct {
	Path  string
	Value func(T) string
}

// attributes 给出选择器可见的标签与字段。
func (r *Resource[T, L]) attributes(obj runtime.Object) (labels.Set, fields.Set, error) {
	typed, ok := obj.(T)
	if !ok {
		return nil, nil, fmt.Errorf("select %s: got a %T", r.Plural, obj)
	}
	selectable := generic.ObjectMetaFieldsSet(objectMeta(typed), r.Namespaced)
	for _, field := range r.Fields {
		selectable[field.Path] = field.Value(typed)
	}
	return typed.GetLabels(), selectable, nil
}

func (r *Resource[T, L]) predicate(label labels.Selector, field fields.Selector) storage.SelectionPredicate {
	predicate := storage.SelectionPredicate{Label: label, Field: field, GetAttrs: r.attributes}
	for _, indexed := range r.Fields {
		predicate.IndexFields = append(predicate.IndexFields, indexed.Path)
	}
	return predicate
}

func (r *Resource[T, L]) indexers() *cache.Indexers {
	indexers := cache.Indexers{}
	for _, field := range r.Fields {
		indexers[storage.FieldIndex(field.Path)] = func(obj any) ([]string, error) {
			typed, ok := obj.(T)
			if !ok {
				return nil, fmt.Errorf("index %s by %s: got a %T", r.Plural, field.Path, obj)
			}
			return []string{field.Value(typed)}, nil
		}
	}
	return &indexers
}

// triggers 让带字段选择器的 watch 只收到相关事件；监听缓存只支持一个触发字段，取第一个。
func (r *Resource[T, L]) triggers() storage.IndexerFuncs {
	if len(r.Fields) == 0 {
		return nil
	}
	first := r.Fields[0]
	return storage.IndexerFuncs{first.Path: func(obj runtime.Object) string { return first.Value(obj.(T)) }}
}

// addFieldLabels 登记外部版本接受的选择器路径；不登记的话合法的选择器也会得到 400。
func (r *Resource[T, L]) addFieldLabels(scheme *runtime.Scheme, versions []schema.GroupVersion) error {
	selectable := []string{"metadata.name"}
	if r.Namespaced {
		selectable = append(selectable, "metadata.namespace")
	}
	for _, field := range r.Fields {
		selectable = append(selectable, field.Path)
	}
	for _, version := range versions {
		convert := func(label, value string) (string, string, error) {
			if !slices.Contains(selectable, label) {
				return "", "", fmt.Errorf("field selector %q is not supported on %s: use one of %v", label, r.Plural, selectable)
			}
			return label, value, nil
		}
		if err := scheme.AddFieldLabelConversionFunc(version.WithKind(r.Kind), convert); err != nil {
			return err
		}
	}
	return nil
}
