package meta

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Holder returns the owner mark of an object, or an empty string.
func Holder(object metav1.Object) string {
	return object.GetAnnotations()[OwnerAnnotation]
}

// HeldBy says for people who holds an object: its owner mark, or else the field
// managers that wrote it, such as "field managers kubectl-create".
func HeldBy(object metav1.Object) string {
	if holder := Holder(object); holder != "" {
		return holder
	}
	var managers []string
	for _, entry := range object.GetManagedFields() {
		if entry.Subresource == "" {
			managers = append(managers, entry.Manager)
		}
	}
	slices.Sort(managers)
	if managers = slices.Compact(managers); len(managers) == 0 {
		return "an unknown field manager"
	}
	return "field managers " + strings.Join(managers, ", ")
}
