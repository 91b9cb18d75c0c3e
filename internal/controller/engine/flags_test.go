package engine

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	hub "github.com/kubellm/kubellm/apis/model"
	model "github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/validation"
	list "github.com/kubellm/kubellm/internal/controller/engine/flags"
)

// TestImagesAreOfTheListedVersions 换了镜像的版本就要换表，否则参数是对着别的版本核对的。
func TestImagesAreOfTheListedVersions(t *testing.T) {
	for e, backend := range backends {
		for _, accelerated := range []bool{true, false} {
			image := backend.image(accelerated)
			if version := list.Version(hub.EngineType(e)); version == "" || !strings.HasSuffix(image, ":"+version) && !strings.HasSuffix(image, "-"+version) {
				t.Errorf("the default image of %s is %s, and the list of its arguments is of version %q", e, image, version)
			}
		}
	}
}

// options 是一个引擎的参数表，按写法查。
func options(e model.EngineType) map[string]list.Option {
	out := map[string]list.Option{}
	for _, option := range list.Options(hub.EngineType(e)) {
		for _, name := range option.Names {
			out[name] = option
		}
	}
	return out
}

// rendered 是平台自己写的参数。
func rendered(t *testing.T, in Input) []string {
	t.Helper()
	in.Model.Spec.Engine.Args = nil
	return podOf(t, in).Containers[0].Args
}

// TestRenderedFlagsAreKnown 引擎不认得的参数、少了或多了的值会让每个副本起不来，而那要到成员上才看得到。
func TestRenderedFlagsAreKnown(t *testing.T) {
	each(t, func(t *testing.T, in Input) {
		if delivery(in.Model) == model.DeliveryKServe {
			t.Skip("KServe makes the command")
		}
		e, args := in.Model.Spec.Engine.Type, rendered(t, in)
		if e == model.EngineVLLM {
			args = args[1:] // 模型是第一个，没有名字。
		}
		known := options(e)
		for len(args) > 0 {
			option, found := known[args[0]]
			if !found {
				t.Fatalf("%s does not know %s", e, args[0])
			}
			values := len(args) - 1
			if next := slices.IndexFunc(args[1:], func(arg string) bool { return strings.HasPrefix(arg, "-") }); next >= 0 {
				values = next
			}
			if takes := option.Values; takes == list.None && values != 0 || takes == list.One && values != 1 || takes == list.Several && values == 0 {
				t.Errorf("%s takes %q, and %d values are given", args[0], takes, values)
			}
			args = args[1+values:]
		}
	})
}

// TestRenderedFlagsAreRefusedFromUsers 平台写的用户就不能再写，无论用哪种写法：后写的为准，探针与地址就对不上了。
func TestRenderedFlagsAreRefusedFromUsers(t *testing.T) {
	each(t, func(t *testing.T, in Input) {
		if delivery(in.Model) == model.DeliveryKServe {
			t.Skip("KServe makes the command")
		}
		known := options(in.Model.Spec.Engine.Type)
		for _, flag := range rendered(t, in) {
			if flag == "--load-format" { // 只在从 S3 读时归平台，那里另有校验。
				continue
			}
			for _, name := range known[flag].Names {
				if _, refused := validation.ManagedFlag(hub.EngineType(in.Model.Spec.Engine.Type), name); !refused {
					t.Errorf("%s: %s is rendered, and users may give it as %s", in.Model.Spec.Engine.Type, flag, name)
				}
			}
		}
	})
}

// TestOptionsAreRefusedByEveryNameOrByNone 拒绝了一种写法而放过另一种，等于没有拒绝；
// 只因为像归平台的参数就被拒绝的，用户就再也给不出了。
func TestOptionsAreRefusedByEveryNameOrByNone(t *testing.T) {
	for e := range backends {
		for _, option := range list.Options(hub.EngineType(e)) {
			var refused []string
			for _, name := range option.Names {
				if _, taken := validation.ManagedFlag(hub.EngineType(e), name); taken {
					refused = append(refused, name)
				}
			}
			if len(refused) > 0 && len(refused) < len(option.Names) {
				t.Errorf("%s: of %v only %v are refused", e, option.Names, refused)
			}
			if len(refused) == 0 {
				continue
			}
			why, _ := validation.ManagedFlag(hub.EngineType(e), refused[0])
			if !strings.HasPrefix(why, refused[0]+",") && !strings.Contains(why, "-default") {
				t.Errorf("%s: %s is refused as something else: %s", e, refused[0], why)
			}
		}
	}
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
