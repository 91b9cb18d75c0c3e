package crossplane

import (
	"errors"
	"slices"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/resource"

	"github.com/kubellm/kubellm/internal/external"
)

// renaming 由参数的名字与平台不尽相同的托管资源实现。
type renaming interface {
	// ParameterName 是平台的 spec 之下叫 field 的（以点开头），在 forProvider 里叫什么。
	ParameterName(field string) string
}

// writtenAs 把平台对象的字段换成托管资源里写它的地方；名字与命名空间不由参数而来，照平台的说。
func writtenAs(mg resource.Managed, field string) string {
	const parameters = "spec.forProvider."
	if rest, ok := strings.CutPrefix(field, "spec."); ok {
		if r, ok := mg.(renaming); ok {
			rest = strings.TrimPrefix(r.ParameterName("."+rest), ".")
		}
		return parameters + rest
	}
	for _, declared := range []string{"labels", "annotations"} {
		if rest, ok := strings.CutPrefix(field, "metadata."+declared); ok {
			return parameters + declared + rest
		}
	}
	return field
}

// asWritten 让平台对字段的意见指到托管资源里的字段：人要改的是那里。
func asWritten(mg resource.Managed, err error) error {
	var failure *external.Error
	if !errors.As(err, &failure) || len(failure.Fields) == 0 {
		return err
	}
	mine := *failure
	mine.Fields = slices.Clone(failure.Fields)
	for i := range mine.Fields {
		mine.Fields[i].Field = writtenAs(mg, mine.Fields[i].Field)
	}
	return &mine
}
