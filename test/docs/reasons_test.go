// Package docs 查文档说的与代码里的对不对得上。
package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestEveryReasonIsExplained 状态里可能出现的每一个条件、理由，文档的表里都有一行以它开头：看到它的人查得到该怎么办。
func TestEveryReasonIsExplained(t *testing.T) {
	for _, c := range []struct {
		source, prefix, page string
		// first 是这一行的第一格或标题该有的样子，%s 是那个词。
		first string
		least int
	}{
		{"model", "Condition", "models.md", `(?m)^### %s$`, 6},
		{"model", "Reason", "models.md", `(?m)^\| [^|]*\b%s\b`, 20},
		{"model", "Rejected", "placement.md", "(?m)^ *\\| `%s` \\|", 9},
		{"cluster", "Condition", "clusters.md", `(?m)^### %s$`, 5},
		{"cluster", "Reason", "clusters.md", `(?m)^\| [^|]*\b%s\b`, 20},
	} {
		words := constants(t, filepath.Join("../../apis", c.source, "v1alpha1/conditions.go"), c.prefix)
		if len(words) < c.least {
			t.Errorf("%s: only %d constants %s… were found, want %d or more: nothing is compared", c.source, len(words), c.prefix, c.least)
		}
		page, err := os.ReadFile(filepath.Join("../../docs", c.page))
		if err != nil {
			t.Fatal(err)
		}
		for name, word := range words {
			if !regexp.MustCompile(strings.ReplaceAll(c.first, "%s", regexp.QuoteMeta(word))).Match(page) {
				t.Errorf("docs/%s does not explain %s (%s of apis/%s)", c.page, word, name, c.source)
			}
		}
	}
}

// constants 是一个文件里以 prefix 开头的常量与它们的值。
func constants(t *testing.T, path, prefix string) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		for i, name := range spec.Names {
			literal, ok := spec.Values[i].(*ast.BasicLit)
			if !ok || !strings.HasPrefix(name.Name, prefix) {
				continue
			}
			word, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			found[name.Name] = word
		}
		return true
	})
	return found
}
