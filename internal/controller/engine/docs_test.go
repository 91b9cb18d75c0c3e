package engine

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	hub "github.com/kubellm/kubellm/apis/model"
	model "github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/validation"
	list "github.com/kubellm/kubellm/internal/controller/engine/flags"
)

// section 是 docs/engines.md 里一个引擎的那一节。
func section(t *testing.T, page string, e model.EngineType) string {
	t.Helper()
	_, text, found := strings.Cut(page, "\n### "+string(e)+"\n")
	if !found {
		t.Fatalf("docs/engines.md has no section about %s", e)
	}
	text, _, _ = strings.Cut(text, "\n### ")
	return text
}

// TestTheReferenceIsTrue 参考里的镜像、版本、命令与变量，就是渲染出来的；照它写的人才不会白写。
func TestTheReferenceIsTrue(t *testing.T) {
	content, err := os.ReadFile("../../../docs/engines.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(content)
	for e, backend := range backends {
		for _, want := range []string{backend.image(true), backend.image(false)} {
			if !strings.Contains(page, "`"+want+"`") {
				t.Errorf("the page does not name the image %s of %s", want, e)
			}
		}
		if !strings.Contains(page, " "+list.Version(hub.EngineType(e))+" |") {
			t.Errorf("the page does not say that %s is version %s", e, list.Version(hub.EngineType(e)))
		}
		in := base()
		from(&in, e, "huggingface")
		container := podOf(t, in).Containers[0]
		if command := strings.Join(slices.Concat(container.Command, container.Args), " "); !strings.Contains(section(t, page, e), "\n"+command+"\n") {
			t.Errorf("the section about %s does not show the command\n%s", e, command)
		}
	}
	each(t, func(t *testing.T, in Input) {
		if delivery(in.Model) == model.DeliveryKServe {
			t.Skip("KServe makes the pod")
		}
		in.Model.Spec.Engine.Env = nil
		for _, v := range podOf(t, in).Containers[0].Env {
			about := section(t, page, in.Model.Spec.Engine.Type)
			if in.Model.Spec.Source.S3 != nil {
				about = page // 只说一遍。
			}
			if !strings.Contains(about, "`"+v.Name+"`") {
				t.Errorf("the section about %s does not name the variable %s", in.Model.Spec.Engine.Type, v.Name)
			}
		}
	})
}

// flagInCode 是反引号里的参数。
var flagInCode = regexp.MustCompile("`(--?[A-Za-z][^` ]*)`")

// TestTheReferenceNamesWhatIsRefused 表里该有的都有，多说的也没有。
func TestTheReferenceNamesWhatIsRefused(t *testing.T) {
	content, err := os.ReadFile("../../../docs/engines.md")
	if err != nil {
		t.Fatal(err)
	}
	for e := range backends {
		said := map[string]bool{}
		for line := range strings.Lines(section(t, string(content), e)) {
			if cells := strings.Split(line, "|"); len(cells) == 4 {
				for _, match := range flagInCode.FindAllStringSubmatch(cells[1], -1) {
					said[match[1]] = true
				}
			}
		}
		known := options(e)
		for _, option := range list.Options(hub.EngineType(e)) {
			for _, name := range option.Names {
				_, refused := validation.ManagedFlag(hub.EngineType(e), name)
				preset := e == model.EngineLlamaCpp && (strings.HasSuffix(name, "-default") || strings.HasSuffix(name, "-spec")) // 一行说尽。
				if refused && !said[name] && !preset {
					t.Errorf("%s: %s is refused, and the page does not say so", e, name)
				}
			}
		}
		for name := range said {
			_, refused := validation.ManagedFlag(hub.EngineType(e), name)
			if _, exists := known[name]; !exists && name != "-default" && name != "-spec" {
				t.Errorf("%s: the page names %s, which does not exist", e, name)
			}
			// 这两个的条件写在那一行里。
			if !refused && !slices.Contains([]string{"--load-format", "--spec-default", "-default", "-spec"}, name) {
				t.Errorf("%s: the page says that %s is refused, and it is not", e, name)
			}
		}
	}
}
