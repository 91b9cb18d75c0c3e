package engine

import "strings"

// literal 让 kubelet 原样传递：它会把 $(NAME) 换成环境变量的值，凭证就可能这样进了命令行。
func literal(value string) string { return strings.ReplaceAll(value, "$", "$$") }

func literals(values []string) []string {
	out := make([]string, len(values))
	for i, value := range values {
		out[i] = literal(value)
	}
	return out
}
