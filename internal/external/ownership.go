package external

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubellm/kubellm/apis/meta"
)

// isApplyEntry 认出某个管理者用服务端应用占着的那一条。
func isApplyEntry(entry metav1.ManagedFieldsEntry, manager string) bool {
	return entry.Manager == manager && entry.Operation == metav1.ManagedFieldsOperationApply && entry.Subresource == ""
}

// ownedPaths 是管理者占着的、由配置决定的字段（spec、标签、标注）。列表元素归到列表：列表总是整个比。
func ownedPaths(entries []metav1.ManagedFieldsEntry, manager string) ([][]string, error) {
	index := slices.IndexFunc(entries, func(e metav1.ManagedFieldsEntry) bool { return isApplyEntry(e, manager) })
	if index < 0 {
		return nil, nil
	}
	set, err := fieldSet(entries[index])
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	var paths [][]string
	for path := range set.Leaves().All() {
		names := fieldNames(path)
		if text := pathText(names); isConfigured(names) && !seen[text] {
			seen[text] = true
			paths = append(paths, names)
		}
	}
	return paths, nil
}

// isConfigured 说一个字段是否由配置决定；归属的两个标注不是。
func isConfigured(path []string) bool {
	if len(path) > 0 && path[0] == "spec" {
		return true
	}
	if len(path) < 3 || path[0] != "metadata" {
		return false
	}
	return path[1] == "labels" ||
		path[1] == "annotations" && path[2] != meta.OwnerAnnotation && path[2] != meta.AdoptAnnotation
}

// fieldNames 取路径开头的字段名，到第一个列表元素为止。
func fieldNames(path fieldpath.Path) []string {
	var names []string
	for _, element := range path {
		if element.FieldName == nil {
			break
		}
		names = append(names, *element.FieldName)
	}
	return names
}

// fieldSet 解开一条 managedFields。
func fieldSet(entry metav1.ManagedFieldsEntry) (*fieldpath.Set, error) {
	set := &fieldpath.Set{}
	if err := set.FromJSON(entry.FieldsV1.GetRawReader()); err != nil {
		return nil, fmt.Errorf("read the managed fields of %q: %w", entry.Manager, err)
	}
	return set, nil
}

// takeOver 把别的管理者在给定路径下占着的字段都移到 manager 的应用条目里：接管之后，配置删去的字段才真的会消失。
// 子资源的条目不动；变空的条目去掉。
func takeOver(entries []metav1.ManagedFieldsEntry, manager, apiVersion string, paths [][]string) ([]metav1.ManagedFieldsEntry, error) {
	ours := metav1.ManagedFieldsEntry{Manager: manager, Operation: metav1.ManagedFieldsOperationApply,
		APIVersion: apiVersion, FieldsType: "FieldsV1"}
	taken := &fieldpath.Set{}
	var kept []metav1.ManagedFieldsEntry
	for _, entry := range entries {
		if entry.Subresource != "" {
			kept = append(kept, entry)
			continue
		}
		set, err := fieldSet(entry)
		if err != nil {
			return nil, err
		}
		if isApplyEntry(entry, manager) {
			taken = taken.Union(set)
			continue
		}
		moved, rest := split(set, paths)
		taken = taken.Union(moved)
		if rest.Empty() {
			continue
		}
		if entry.FieldsV1, err = encodeFields(rest); err != nil {
			return nil, err
		}
		kept = append(kept, entry)
	}
	var err error
	if ours.FieldsV1, err = encodeFields(taken); err != nil {
		return nil, err
	}
	now := metav1.Now()
	ours.Time = &now
	return append(kept, ours), nil
}

// split 把集合分成给定路径下的与其余的。
func split(set *fieldpath.Set, paths [][]string) (moved, rest *fieldpath.Set) {
	moved, rest = &fieldpath.Set{}, &fieldpath.Set{}
	for path := range set.All() {
		if slices.ContainsFunc(paths, func(p []string) bool { return under(path, p) }) {
			moved.Insert(path.Copy())
		} else {
			rest.Insert(path.Copy())
		}
	}
	return moved, rest
}

// under 说路径是否就是 prefix 或在它里面。
func under(path fieldpath.Path, prefix []string) bool {
	names := fieldNames(path)
	return len(names) >= len(prefix) && slices.Equal(names[:len(prefix)], prefix)
}

func encodeFields(set *fieldpath.Set) (*metav1.FieldsV1, error) {
	data, err := set.ToJSON()
	if err != nil {
		return nil, fmt.Errorf("encode managed fields: %w", err)
	}
	return metav1.NewFieldsV1(string(data)), nil
}
