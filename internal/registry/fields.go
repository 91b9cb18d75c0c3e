package registry

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/registry/generic"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/client-go/tools/cache"
)

// Field 是一个可用于字段选择器的路径；都建索引，选择不必扫全表。
type Field[T Object] struct {
	Path  string
	Value func(T) string
	// Values 代替 Value，用于一个对象有几个值的路径：选中其中含有那个值的，选空值则选中一个也没有的。
	Values func(T) []string
	// Label 是使用者写的路径；空即 Path。同一份数据在两个组里可以有两种叫法。
	Label string
}

func (f Field[T]) label() string { return cmp.Or(f.Label, f.Path) }

// values 是一个对象在这个路径上的全部取值，至少一个：没有的算空值。
func (f Field[T]) values(obj T) []string {
	if f.Value != nil {
		return []string{f.Value(obj)}
	}
	if values := f.Values(obj); len(values) > 0 {
		return values
	}
	return []string{""}
}

// attributes 给出选择器可见的标签与字段。
func (r *Resource[T, L]) attributes(obj runtime.Object) (labels.Set, fields.Set, error) {
	typed, ok := obj.(T)
	if !ok {
		return nil, nil, fmt.Errorf("select %s: got a %T", r.Plural, obj)
	}
	selectable := generic.ObjectMetaFieldsSet(objectMeta(typed), r.Namespaced)
	for _, field := range r.Fields {
		for _, value := range field.values(typed) {
			if field.Values == nil {
				selectable[field.Path] = value
			} else {
				selectable[memberPath(field.Path, value)] = present
			}
		}
	}
	return typed.GetLabels(), selectable, nil
}

func (r *Resource[T, L]) predicate(label labels.Selector, field fields.Selector) storage.SelectionPredicate {
	predicate := storage.SelectionPredicate{Label: label, Field: membership(field), GetAttrs: r.attributes}
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
			return field.values(typed), nil
		}
	}
	return &indexers
}

// triggers 让带字段选择器的 watch 只收到相关事件；监听缓存只支持一个触发字段，取第一个单值的。
func (r *Resource[T, L]) triggers() storage.IndexerFuncs {
	single := slices.IndexFunc(r.Fields, func(field Field[T]) bool { return field.Value != nil })
	if single < 0 {
		return nil
	}
	first := r.Fields[single]
	return storage.IndexerFuncs{first.Path: func(obj runtime.Object) string { return first.Value(obj.(T)) }}
}

// addFieldLabels 登记外部版本接受的选择器路径；不登记的话合法的选择器也会得到 400。
func (r *Resource[T, L]) addFieldLabels(scheme *runtime.Scheme, versions []schema.GroupVersion) error {
	paths := map[string]Field[T]{"metadata.name": {Path: "metadata.name"}}
	if r.Namespaced {
		paths["metadata.namespace"] = Field[T]{Path: "metadata.namespace"}
	}
	for _, field := range r.Fields {
		paths[field.label()] = field
	}
	selectable := slices.Sorted(maps.Keys(paths))
	for _, version := range versions {
		convert := func(label, value string) (string, string, error) {
			field, ok := paths[label]
			if !ok {
				return "", "", fmt.Errorf("field selector %q is not supported on %s: use one of %v", label, r.Plural, selectable)
			}
			if field.Values != nil {
				return memberPath(field.Path, value), present, nil
			}
			return field.Path, value, nil
		}
		if err := scheme.AddFieldLabelConversionFunc(version.WithKind(r.Kind), convert); err != nil {
			return err
		}
	}
	return nil
}
