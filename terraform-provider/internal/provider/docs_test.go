package provider

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// update 重写文档：go test ./terraform-provider/internal/provider -run TestDocs -update
var update = flag.Bool("update", false, "write the pages in terraform-provider/docs anew")

// page 是一页文档：在哪里、叫什么、讲哪个 schema、用哪个例子。
type page struct {
	file, title, example, after string
	schema                      *tfprotov6.Schema
}

// TestDocs 保证 terraform-provider/docs 与 schema 一字不差：改了描述而没有更新文档时在这里失败。
func TestDocs(t *testing.T) {
	const root = "../../docs"
	pages := pages(schemas(t))
	var known []string
	for _, p := range pages {
		file := filepath.Join(root, p.file)
		known = append(known, filepath.Clean(file))
		want := p.render(t)
		if *update {
			writeFile(t, file, want)
		}
		got, err := os.ReadFile(file)
		if err != nil || string(got) != want {
			t.Errorf("%s is not what the schema says (%v); run this test with -update", p.file, err)
		}
	}
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && !slices.Contains(known, path) {
			t.Errorf("%s describes nothing that the provider has", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func pages(all *tfprotov6.GetProviderSchemaResponse) []page {
	out := []page{{file: "index.md", title: "kubellm Provider", schema: all.Provider, example: "provider/provider.tf"}}
	for name, schema := range all.ResourceSchemas {
		out = append(out, page{
			file: filepath.Join("resources", short(name)), title: name + " (Resource)", schema: schema,
			example: filepath.Join("resources", name, "resource.tf"), after: importing(name, schema),
		})
	}
	for name, schema := range all.DataSourceSchemas {
		out = append(out, page{
			file: filepath.Join("data-sources", short(name)), title: name + " (Data Source)", schema: schema,
			example: filepath.Join("data-sources", name, "data-source.tf"),
		})
	}
	for name, schema := range all.ListResourceSchemas {
		out = append(out, page{file: filepath.Join("list-resources", short(name)), title: name + " (List Resource)", schema: schema})
	}
	return out
}

func short(name string) string { return strings.TrimPrefix(name, "kubellm_") + ".md" }

// importing 说明导入；导入就是明确的接管，所以文档要说清何时才写平台。
func importing(name string, schema *tfprotov6.Schema) string {
	by, identity, id := "name", `name = "..."`, "example"
	if slices.ContainsFunc(schema.Block.Attributes, func(a *tfprotov6.SchemaAttribute) bool { return a.Name == "namespace" }) {
		by, identity, id = "namespace and name", `namespace = "...", name = "..."`, "default/example"
	}
	return fmt.Sprintf(`
## Import

By %[2]s, with a block (Terraform 1.12 and later also take `+"`identity = { %[3]s }`"+`):

`+"```terraform"+`
import {
  to = %[1]s.example
  id = %[4]q
}
`+"```"+`

or with `+"`terraform import %[1]s.example %[4]s`"+`.

Importing is how an object that exists already is taken over. Neither the import nor a plan writes to the platform: the object is taken
over from whoever held it at the import by the first apply that changes or destroys it. Right after an import all fields, labels and
annotations are shown; what the configuration does not have is then removed.
`, name, by, identity, id)
}

func (p page) render(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	description := p.schema.Block.Description
	fmt.Fprintf(&b, "---\npage_title: %q\ndescription: |-\n  %s\n---\n\n# %s\n\n%s\n", p.title, description, p.title, description)
	if p.example != "" {
		example, err := os.ReadFile(filepath.Join("../../examples", p.example))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "\n## Example Usage\n\n```terraform\n%s```\n", example)
	}
	b.WriteString("\n## Schema\n")
	attributes(&b, "", p.schema.Block.Attributes)
	b.WriteString(p.after)
	return b.String()
}

// attributes 列出一层属性，再列出各嵌套对象里的。
func attributes(b *strings.Builder, prefix string, all []*tfprotov6.SchemaAttribute) {
	all = slices.Clone(all)
	slices.SortFunc(all, func(x, y *tfprotov6.SchemaAttribute) int { return strings.Compare(x.Name, y.Name) })
	groups := []struct {
		title string
		of    func(*tfprotov6.SchemaAttribute) bool
	}{
		{"Required", func(a *tfprotov6.SchemaAttribute) bool { return a.Required }},
		{"Optional", func(a *tfprotov6.SchemaAttribute) bool { return a.Optional }},
		{"Read-Only", func(a *tfprotov6.SchemaAttribute) bool { return a.Computed && !a.Optional }},
	}
	for _, group := range groups {
		lines := ""
		for _, a := range all {
			if group.of(a) {
				lines += fmt.Sprintf("- `%s` (%s) %s\n", a.Name, typeOf(a), a.Description)
			}
		}
		if lines != "" {
			fmt.Fprintf(b, "\n### %s\n\n%s", strings.TrimSpace(group.title+" "+in(prefix)), lines)
		}
	}
	for _, a := range all {
		if a.NestedType != nil {
			attributes(b, strings.TrimPrefix(prefix+"."+a.Name, "."), a.NestedType.Attributes)
		}
	}
}

func in(prefix string) string {
	if prefix == "" {
		return ""
	}
	return "in `" + prefix + "`"
}

func typeOf(a *tfprotov6.SchemaAttribute) string {
	text := "Object"
	switch {
	case a.NestedType != nil && a.NestedType.Nesting == tfprotov6.SchemaObjectNestingModeList:
		text = "List of Object"
	case a.NestedType != nil:
	case a.Type.Is(tftypes.List{}):
		text = "List of String"
	case a.Type.Is(tftypes.Map{}):
		text = "Map of String"
	case a.Type.Is(tftypes.Bool):
		text = "Boolean"
	case a.Type.Is(tftypes.Number):
		text = "Number"
	default:
		text = "String"
	}
	if a.Sensitive {
		text += ", Sensitive"
	}
	if a.WriteOnly {
		text += ", Write-only"
	}
	return text
}

func writeFile(t *testing.T, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
