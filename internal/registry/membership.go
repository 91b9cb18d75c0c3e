package registry

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/selection"
)

// 选择器与它对照的字段都只认单值，所以"这个值在不在其中"写成一个以值为名的路径，在其中时取值为 present。
const present = "true"

func memberPath(path, value string) string { return fmt.Sprintf("%s[%s]", path, value) }

// membership 让"含有某个值"的选择也走索引：索引按路径与值建，选择器里写的却是 memberPath。
func membership(selector fields.Selector) fields.Selector {
	if selector == nil {
		return nil
	}
	members := map[string]string{}
	for _, requirement := range selector.Requirements() {
		path, value, found := strings.Cut(strings.TrimSuffix(requirement.Field, "]"), "[")
		exact := requirement.Operator == selection.Equals || requirement.Operator == selection.DoubleEquals
		if found && exact && requirement.Value == present {
			members[path] = value
		}
	}
	if len(members) == 0 {
		return selector
	}
	return memberSelector{Selector: selector, members: members}
}

// memberSelector 另外答得出要求含有的值；选不选中仍由原来的选择器说。
type memberSelector struct {
	fields.Selector
	members map[string]string
}

// RequiresExactMatch 说出一个路径上非有不可的值。
func (s memberSelector) RequiresExactMatch(path string) (string, bool) {
	if value, ok := s.members[path]; ok {
		return value, true
	}
	return s.Selector.RequiresExactMatch(path)
}
