// Package validation 校验 iam 组的内部对象：坏输入在这里得到指名字段、说明原因与改法的回答。
package validation

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubellm/kubellm/apis/fieldcheck"
)

const (
	maxDisplayName = 256
	maxDescription = 1024
	maxGroupName   = 256
	maxEmail       = 254
	maxPermissions = 2_000

	// 列表都有上限：逐个校验与越权比较都要时间，没有上限一个请求就能占住一个核。
	maxGroups     = 256
	maxNamespaces = 1024
	maxSubjects   = 1024
	maxRules      = 256
	maxRuleItems  = 256
)

func validateGroupName(name string, path *field.Path) field.ErrorList {
	switch {
	case strings.TrimSpace(name) == "":
		return field.ErrorList{field.Required(path, "a group needs a name")}
	case strings.HasPrefix(name, fieldcheck.ReservedPrefix):
		return field.ErrorList{field.Invalid(path, name, fmt.Sprintf("groups starting with %q are reserved for the platform", fieldcheck.ReservedPrefix))}
	case strings.TrimSpace(name) != name:
		return field.ErrorList{field.Invalid(path, name, "must not start or end with white space")}
	case len(name) > maxGroupName:
		return field.ErrorList{field.TooLong(path, name, maxGroupName)}
	}
	return nil
}
