package kind

import (
	"context"
	"strconv"
	"strings"
	"unicode"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
)

// step 是平台字段路径的一步：字段名、列表下标或映射的键。
type step struct {
	name  string
	key   string
	index int
}

// steps 拆开 spec.rules[0].apiGroups 这样的路径；[] 里是数字就是下标，否则是键。
func steps(field string) []step {
	var out []step
	for field != "" {
		if strings.HasPrefix(field, "[") {
			inside, rest, _ := strings.Cut(field[1:], "]")
			if i, err := strconv.Atoi(inside); err == nil {
				out = append(out, step{index: i})
			} else {
				out = append(out, step{key: strings.Trim(inside, `"`)})
			}
			field = strings.TrimPrefix(rest, ".")
			continue
		}
		end := strings.IndexAny(field, ".[")
		if end < 0 {
			return append(out, step{name: field})
		}
		out = append(out, step{name: field[:end]})
		field = strings.TrimPrefix(field[end:], ".")
	}
	return out
}

// attributeName 把字段名翻成属性名：apiGroups → api_groups。
func attributeName(field string) string {
	var b strings.Builder
	runes := []rune(field)
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// attributePath 找到平台所说的字段在配置里的那一行：顶层的属性，至多到它的一个元素。再深的 Terraform 认不出行号，
// 只会指到整个资源的开头；字段的全名在话里。配置里完全没有的返回 false，错误便不挂在任何属性上。
func attributePath(ctx context.Context, in schema.Schema, field string) (path.Path, bool) {
	parts := steps(field)
	if len(parts) < 2 || (parts[0].name != "spec" && parts[0].name != "metadata") {
		return path.Empty(), false
	}
	at, found := path.Empty(), false
	for _, p := range parts[1:] {
		var next path.Path
		switch {
		case p.name != "" && found:
			return at, true
		case p.name != "":
			next = at.AtName(attributeName(p.name))
		case p.key != "":
			next = at.AtMapKey(p.key)
		default:
			next = at.AtListIndex(p.index)
		}
		if _, diags := in.TypeAtPath(ctx, next); diags.HasError() {
			break
		}
		at, found = next, true
	}
	return at, found
}
