package engine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	hub "github.com/kubellm/kubellm/apis/model"
	model "github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/validation"
)

// knownFlags 读一个引擎钉住的版本的参数表；表以版本为名，所以换了镜像的版本而没有换表，这里就读不到。
func knownFlags(t *testing.T, e model.EngineType) map[string]bool {
	t.Helper()
	_, version, _ := strings.Cut(backends[e].image(true), ":")
	name := binary(e) + "-" + version[strings.LastIndex(version, "-")+1:] + ".txt"
	content, err := os.ReadFile(filepath.Join("testdata", "flags", name))
	if err != nil {
		t.Fatalf("the default image of %s is version %s, and there is no list of its arguments: %v", e, version, err)
	}
	known := map[string]bool{}
	for line := range strings.Lines(string(content)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			known[line] = true
		}
	}
	return known
}

// rendered 是平台自己写的参数名。
func rendered(t *testing.T, in Input) []string {
	t.Helper()
	in.Model.Spec.Engine.Args = nil
	var names []string
	for _, arg := range podOf(t, in).Containers[0].Args {
		if strings.HasPrefix(arg, "-") {
			names = append(names, arg)
		}
	}
	return names
}

// TestRenderedFlagsAreKnown 引擎不认得的参数会让每个副本起不来，而那要到成员上才看得到。
func TestRenderedFlagsAreKnown(t *testing.T) {
	each(t, func(t *testing.T, in Input) {
		if delivery(in.Model) == model.DeliveryKServe {
			t.Skip("KServe makes the command")
		}
		known := knownFlags(t, in.Model.Spec.Engine.Type)
		for _, flag := range rendered(t, in) {
			if !known[flag] {
				t.Errorf("%s does not know %s", in.Model.Spec.Engine.Type, flag)
			}
		}
	})
}

// TestRenderedFlagsAreRefusedFromUsers 平台写的用户就不能再写：后写的为准，探针与地址就对不上了。
func TestRenderedFlagsAreRefusedFromUsers(t *testing.T) {
	each(t, func(t *testing.T, in Input) {
		if delivery(in.Model) == model.DeliveryKServe {
			t.Skip("KServe makes the command")
		}
		for _, flag := range rendered(t, in) {
			_, refused := validation.ManagedFlag(hub.EngineType(in.Model.Spec.Engine.Type), flag)
			if !refused && flag != "--load-format" { // 只在从 S3 读时归平台，那里另有校验。
				t.Errorf("%s: %s is rendered, and users may give it too", in.Model.Spec.Engine.Type, flag)
			}
		}
	})
}

// TestRenderedVariablesAreRefusedFromUsers 同一个变量写两次，API 服务器会收下后一个而只给警告。
func TestRenderedVariablesAreRefusedFromUsers(t *testing.T) {
	each(t, func(t *testing.T, in Input) {
		if delivery(in.Model) == model.DeliveryKServe {
			t.Skip("KServe makes the pod")
		}
		in.Model.Spec.Engine.Env = nil
		pod := podOf(t, in)
		for _, c := range append([]corev1.Container{pod.Containers[0]}, pod.InitContainers...) {
			for _, v := range c.Env {
				if _, refused := validation.ManagedEnv(hub.EngineType(in.Model.Spec.Engine.Type), v.Name); !refused {
					t.Errorf("%s is rendered, and users may give it too", v.Name)
				}
			}
		}
	})
}
