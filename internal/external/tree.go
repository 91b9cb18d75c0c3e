package external

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubellm/kubellm/apis/meta"
)

// configuredTree 是由配置决定的字段：标签、标注（不含归属的两个）与 spec。授权的字段总是在：
// 想要的一方没写就是不授予，现有的一方没有也是没授予。
func configuredTree[T Object, L runtime.Object](k *Kind[T, L], object T) (map[string]any, error) {
	tree, err := content(object)
	if err != nil {
		return nil, err
	}
	fillFacets(k.Facets, tree)
	return tree, nil
}

// content 把类型化的对象变成 JSON 树：两边都经过同一个类型，数量等写法不同的值才会一样。
func content(object Object) (map[string]any, error) {
	all, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", object, err)
	}
	metadata := map[string]any{}
	if labels := stringTree(object.GetLabels()); len(labels) > 0 {
		metadata["labels"] = labels
	}
	annotations := stringTree(object.GetAnnotations())
	delete(annotations, meta.OwnerAnnotation)
	delete(annotations, meta.AdoptAnnotation)
	if len(annotations) > 0 {
		metadata["annotations"] = annotations
	}
	tree := map[string]any{"metadata": metadata}
	if spec, ok := withoutNull(all["spec"]).(map[string]any); ok {
		tree["spec"] = spec
	}
	return tree, nil
}

func stringTree(m map[string]string) map[string]any {
	tree := make(map[string]any, len(m))
	for k, v := range m {
		tree[k] = v
	}
	return tree
}

// fillFacets 给没写的授权字段填上"什么也没授予"。
func fillFacets(facets []Facet, tree map[string]any) {
	for _, f := range facets {
		if _, set := lookup(tree, f.Path); !set {
			put(tree, f.Path, runtime.DeepCopyJSONValue(f.Unset))
		}
	}
}

// fillAtomic 在写了的整个替换的字段里填上服务端会填的值，好与现有的逐项相比；没写的仍旧没写。
func fillAtomic[T Object, L runtime.Object](k *Kind[T, L], object T, tree map[string]any) error {
	if len(k.Atomic) == 0 {
		return nil
	}
	filled, ok := object.DeepCopyObject().(T)
	if !ok {
		return fmt.Errorf("a copy of %T is a %T", object, object.DeepCopyObject())
	}
	k.Default(filled)
	defaulted, err := content(filled)
	if err != nil {
		return err
	}
	for _, path := range k.Atomic {
		if _, set := lookup(tree, path); !set {
			continue
		}
		if value, set := lookup(defaulted, path); set {
			put(tree, path, value)
		}
	}
	return nil
}

// lookup 取一个路径上的值；上级不是对象时整个上级就是那个值。
func lookup(tree map[string]any, path []string) (any, bool) {
	var value any = tree
	for _, key := range path {
		m, ok := value.(map[string]any)
		if !ok {
			return value, value != nil
		}
		if value, ok = m[key]; !ok {
			return nil, false
		}
	}
	return value, value != nil
}

// put 写一个路径上的值，补上缺的上级。
func put(tree map[string]any, path []string, value any) {
	for _, key := range path[:len(path)-1] {
		next, ok := tree[key].(map[string]any)
		if !ok {
			next = map[string]any{}
			tree[key] = next
		}
		tree = next
	}
	tree[path[len(path)-1]] = value
}

// withoutNull 去掉对象里的 null：没写就是没写。
func withoutNull(value any) any {
	return pruned(value, func(v any) bool { return v == nil })
}

// withoutEmpty 再去掉空的列表与对象：比较时空与没有是一回事。
func withoutEmpty(value any) any {
	empty := func(v any) bool {
		switch v := v.(type) {
		case nil:
			return true
		case []any:
			return len(v) == 0
		case map[string]any:
			return len(v) == 0
		default:
			return false
		}
	}
	if value = pruned(value, empty); empty(value) {
		return nil
	}
	return value
}

// pruned 逐层去掉对象里该去的值；列表的元素不去，它们的次序和个数有意义。
func pruned(value any, drop func(any) bool) any {
	switch v := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, item := range v {
			if item = pruned(item, drop); !drop(item) {
				out[key] = item
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = pruned(item, drop)
		}
		return out
	default:
		return value
	}
}
