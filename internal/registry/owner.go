package registry

import (
	"fmt"
	"maps"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubellm/kubellm/apis/meta"
)

// checkOwner 不让任何客户端悄悄接管别人的对象：给没有标记的对象打标记、或把标记换成别的，
// 都要求存着的对象先用 kubellm.io/adopt 点名新主人。取下标记（放手）总是允许。
func (s *strategy[T, L]) checkOwner(updated, existing T) error {
	owner := meta.Holder(updated)
	if owner == "" || owner == meta.Holder(existing) || existing.GetAnnotations()[meta.AdoptAnnotation] == owner {
		return nil
	}
	holder := meta.HeldBy(existing)
	resource := s.resource
	message := fmt.Sprintf("%s %q is managed by %s and cannot be taken over by %s: "+
		"let its manager release it, or adopt it by annotating it with %s=%s",
		resource.Kind, existing.GetName(), holder, owner, meta.AdoptAnnotation, owner)
	return &apierrors.StatusError{ErrStatus: metav1.Status{
		Status: metav1.StatusFailure,
		Code:   http.StatusConflict,
		Reason: metav1.StatusReasonConflict,
		Details: &metav1.StatusDetails{
			Group: resource.Group,
			Kind:  resource.Plural,
			Name:  existing.GetName(),
			UID:   existing.GetUID(),
			Causes: []metav1.StatusCause{{
				Type:    meta.CauseOwnedByAnother,
				Field:   "metadata.annotations[" + meta.OwnerAnnotation + "]",
				Message: holder,
			}},
		},
		Message: message,
	}}
}

// finishAdoption 在归属真正换手之后收掉许可注解，免得它日后又放行一次；
// 字段的记账也一并收掉，不然写注解的人会一直"占着"一个不存在的字段。
func finishAdoption(updated, existing metav1.Object) {
	owner := meta.Holder(updated)
	if owner == "" || owner == meta.Holder(existing) || existing.GetAnnotations()[meta.AdoptAnnotation] != owner {
		return
	}
	annotations := maps.Clone(updated.GetAnnotations())
	delete(annotations, meta.AdoptAnnotation)
	updated.SetAnnotations(annotations)
	updated.SetManagedFields(withoutField(updated.GetManagedFields(), adoptPath))
}

// adoptPath 是许可注解在字段记账里的路径。
var adoptPath = fieldpath.MakePathOrDie("metadata", "annotations", meta.AdoptAnnotation)

// withoutField 从每一条记账里去掉一个字段；读不懂的记账原样留着，由上游去报。
func withoutField(entries []metav1.ManagedFieldsEntry, path fieldpath.Path) []metav1.ManagedFieldsEntry {
	gone := fieldpath.NewSet(path)
	out := make([]metav1.ManagedFieldsEntry, 0, len(entries))
	for _, entry := range entries {
		set := &fieldpath.Set{}
		if entry.FieldsV1 == nil || set.FromJSON(entry.FieldsV1.GetRawReader()) != nil || !set.Has(path) {
			out = append(out, entry)
			continue
		}
		left := set.Difference(gone)
		if left.Empty() {
			continue
		}
		if data, err := left.ToJSON(); err == nil {
			entry.FieldsV1 = metav1.NewFieldsV1(string(data))
		}
		out = append(out, entry)
	}
	return out
}
