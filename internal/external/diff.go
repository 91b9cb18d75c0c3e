package external

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime"
)

// Difference 是一个字段上想要的与现有的；Want 为空表示该字段不该再有，Have 为空表示现在没有。
type Difference struct {
	Path string
	Want string
	Have string
}

// String 例如 spec.email: "a@x" instead of "b@x"。
func (d Difference) String() string {
	switch {
	case d.Want == "":
		return fmt.Sprintf("%s: no longer wanted, is %s", d.Path, d.Have)
	case d.Have == "":
		return fmt.Sprintf("%s: %s, is unset", d.Path, d.Want)
	default:
		return fmt.Sprintf("%s: %s, is %s", d.Path, d.Want, d.Have)
	}
}

// Differences 是一个对象上的全部差异，按路径排序。
type Differences []Difference

// String 把差异连成一行给人看，敏感值已隐去。
func (d Differences) String() string {
	parts := make([]string, 0, len(d))
	for _, one := range d {
		parts = append(parts, one.String())
	}
	return strings.Join(parts, "; ")
}

// redacted 取代敏感字段的值。
const redacted = "(sensitive)"

// comparison 收集一个想要的与一个现有的之间的差异。
type comparison struct {
	facets    []Facet
	atomic    [][]string
	sensitive [][]string
	found     Differences
}

// compare 比较配置写了的每个字段、授权的字段，以及我们还占着、配置却不再写的字段；其余的不归我们管。
func compare[T Object, L runtime.Object](k *Kind[T, L], want, have T, manager string) (Differences, error) {
	wanted, err := configuredTree(k, want)
	if err != nil {
		return nil, err
	}
	if err := fillAtomic(k, want, wanted); err != nil {
		return nil, err
	}
	current, err := configuredTree(k, have)
	if err != nil {
		return nil, err
	}
	c := &comparison{facets: k.Facets, atomic: k.Atomic, sensitive: k.Sensitive}
	c.fields(nil, wanted, current)
	owned, err := ownedPaths(have.GetManagedFields(), manager)
	if err != nil {
		return nil, err
	}
	for _, path := range owned {
		if _, set := lookup(wanted, path); !set {
			c.removed(path, current)
		}
	}
	slices.SortFunc(c.found, func(a, b Difference) int { return strings.Compare(a.Path, b.Path) })
	return c.found, nil
}

// fields 逐字段比较：对象往里走（空的什么也没说），列表、标量与授权的字段整个比。
func (c *comparison) fields(path []string, want, have any) {
	wantMap, ok := want.(map[string]any)
	if !ok || slices.ContainsFunc(c.facets, func(f Facet) bool { return slices.Equal(f.Path, path) }) {
		if !equality.Semantic.DeepEqual(withoutEmpty(want), withoutEmpty(have)) {
			c.add(path, want, have)
		}
		return
	}
	haveMap, _ := have.(map[string]any)
	for key, value := range wantMap {
		c.fields(append(slices.Clip(path), key), value, haveMap[key])
	}
	if !slices.ContainsFunc(c.atomic, func(a []string) bool { return len(path) >= len(a) && slices.Equal(a, path[:len(a)]) }) {
		return
	}
	for key, value := range haveMap {
		if _, wanted := wantMap[key]; !wanted && withoutEmpty(value) != nil {
			c.add(append(slices.Clip(path), key), nil, value)
		}
	}
}

// removed 记下一个该消失而还在的字段。
func (c *comparison) removed(path []string, current map[string]any) {
	if have, ok := lookup(current, path); ok {
		c.add(path, nil, have)
	}
}

func (c *comparison) add(path []string, want, have any) {
	d := Difference{Path: pathText(path), Want: valueText(want), Have: valueText(have)}
	if isSensitive(c.sensitive, path) {
		d.Want, d.Have = redactedText(d.Want), redactedText(d.Have)
	}
	c.found = append(c.found, d)
}

// isSensitive 说一个字段本身、它的上级或它里面有没有敏感的。
func isSensitive(sensitive [][]string, path []string) bool {
	return slices.ContainsFunc(sensitive, func(s []string) bool {
		n := min(len(s), len(path))
		return slices.Equal(s[:n], path[:n])
	})
}

func redactedText(value string) string {
	if value == "" {
		return ""
	}
	return redacted
}

// valueText 是紧凑的 JSON，没有值时为空。
func valueText(value any) string {
	if value == nil {
		return ""
	}
	data, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(data)
}

var plainKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// pathText 例如 spec.email 与 metadata.labels[a.b/c]。
func pathText(path []string) string {
	var b strings.Builder
	for i, key := range path {
		switch {
		case !plainKey.MatchString(key):
			fmt.Fprintf(&b, "[%s]", key)
		case i > 0:
			b.WriteString("." + key)
		default:
			b.WriteString(key)
		}
	}
	return b.String()
}
