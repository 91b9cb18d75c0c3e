package engine

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"

	hub "github.com/kubellm/kubellm/apis/model"
	"github.com/kubellm/kubellm/apis/model/install"
	model "github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/validation"
	list "github.com/kubellm/kubellm/internal/controller/engine/flags"
)

// mutations 是人会写的、和会绕过检查的写法。
var mutations = []func(r *rand.Rand, flag string) []string{
	func(_ *rand.Rand, flag string) []string { return []string{flag, "1"} },
	func(_ *rand.Rand, flag string) []string { return []string{flag} },
	func(_ *rand.Rand, flag string) []string { return []string{flag + "=1"} },
	func(_ *rand.Rand, flag string) []string { return []string{flag + "1"} },
	func(_ *rand.Rand, flag string) []string { return []string{flag + " 1"} },
	func(_ *rand.Rand, flag string) []string { return []string{flag + ".a=1"} },
	func(_ *rand.Rand, flag string) []string { return []string{flag + ".name", "1"} },
	func(_ *rand.Rand, flag string) []string { return []string{flag + "+", "1"} },
	func(_ *rand.Rand, flag string) []string { return []string{"-" + flag, "1"} },
	func(_ *rand.Rand, flag string) []string { return []string{strings.TrimPrefix(flag, "-"), "1"} },
	func(_ *rand.Rand, flag string) []string { return []string{strings.ToUpper(flag), "1"} },
	func(_ *rand.Rand, flag string) []string {
		return []string{"--" + strings.ReplaceAll(strings.TrimLeft(flag, "-"), "-", "_"), "1"}
	},
	func(_ *rand.Rand, flag string) []string {
		return []string{"--no-" + strings.TrimLeft(flag, "-")}
	},
	func(r *rand.Rand, flag string) []string { return []string{flag[:1+r.IntN(len(flag))], "1"} },
	func(r *rand.Rand, flag string) []string { return []string{flag[:1+r.IntN(len(flag))] + "=1"} },
	func(r *rand.Rand, flag string) []string { return []string{flag[:1+r.IntN(len(flag))] + ".name", "1"} },
}

// loose 是光杆的值与半截的写法。
var loose = []string{"evil=/path", "-1", "-", "--", "", " ", "-x evil=/path", "--=1", "-=1", "8000", `{"name":"evil","path":"/x"}`, "-O3", "-n4", "-t", "a b"}

// sequence 是一串随机的参数：归平台的、用户自己的、不成样子的混在一起。
func sequence(r *rand.Rand, e model.EngineType, names []string) []string {
	var args []string
	all := list.Options(hub.EngineType(e))
	for range 1 + r.IntN(3) {
		switch r.IntN(5) {
		case 0:
			args = append(args, loose[r.IntN(len(loose))])
		case 1, 2:
			option := all[r.IntN(len(all))]
			args = append(args, option.Names[r.IntN(len(option.Names))])
			args = append(args, slices.Repeat([]string{"1"}, strings.Count(string(option.Values), string(list.One)))...)
		default:
			args = append(args, mutations[r.IntN(len(mutations))](r, names[r.IntN(len(names))])...)
		}
	}
	return args
}

// TestNoAcceptedArgumentOverridesThePlatforms 校验放行的任何一串参数，要么引擎不启动，要么平台写的仍是平台写的，
// 它拒绝的也没有换个写法混进来。
func TestNoAcceptedArgumentOverridesThePlatforms(t *testing.T) {
	scheme := runtime.NewScheme()
	install.Install(scheme)
	// 参数长得不一样的几份就够；其余的只是别的卷、别的副本数。
	telling := []string{"vllm-huggingface", "vllm-s3", "adapters-vllm", "sglang-s3", "adapters-sglang", "llamacpp-huggingface", "processors-only"}
	each(t, func(t *testing.T, in Input) {
		if !slices.Contains(telling, t.Name()[strings.LastIndex(t.Name(), "/")+1:]) {
			t.Skip("its arguments are like another's")
		}
		e, platform := in.Model.Spec.Engine.Type, rendered(t, in)
		want, err := readers[e](platform)
		if err != nil {
			t.Fatalf("the engine does not read the platform's own arguments: %v", err)
		}
		protected := protect(e, want)
		names := namesToTry(e)
		refused, unread, read := 0, 0, 0
		for i := range 2000 {
			args := sequence(rand.New(rand.NewPCG(1, uint64(i))), e, names)
			if !accepted(t, scheme, in.Model, args) {
				refused++
				continue
			}
			got, err := readers[e](slices.Concat(platform, args))
			if err != nil {
				unread++
				continue
			}
			read++
			for option := range protected {
				if !slices.Equal(got[option], want[option]) {
					t.Errorf("%q is accepted, and %s becomes %q instead of %q", args, option, got[option], want[option])
				}
			}
		}
		if refused < 200 || unread < 200 || read < 100 {
			t.Errorf("%d sequences were refused, %d unreadable and %d read: too few of a kind to show anything", refused, unread, read)
		}
	})
}

// protect 是不许被用户改动的：平台写了的，和用户给了就被拒绝的。
func protect(e model.EngineType, written reading) map[string]bool {
	out := map[string]bool{}
	for name := range written {
		out[name] = true
	}
	for _, option := range list.Options(hub.EngineType(e)) {
		if _, managed := validation.ManagedFlag(hub.EngineType(e), option.Names[0]); managed {
			out[option.Names[0]] = true
		}
	}
	return out
}

// namesToTry 以归平台的为主，也有用户自己的，这样才有读得懂的一串。
func namesToTry(e model.EngineType) []string {
	var mine, theirs []string
	for _, option := range list.Options(hub.EngineType(e)) {
		for _, name := range option.Names {
			if _, managed := validation.ManagedFlag(hub.EngineType(e), name); managed {
				mine = append(mine, name)
			} else {
				theirs = append(theirs, name)
			}
		}
	}
	r := rand.New(rand.NewPCG(2, 3))
	r.Shuffle(len(theirs), func(i, j int) { theirs[i], theirs[j] = theirs[j], theirs[i] })
	return append(mine, theirs[:len(mine)]...)
}

// accepted 说服务端收不收带着这些参数的模型。
func accepted(t *testing.T, scheme *runtime.Scheme, m *model.Model, args []string) bool {
	t.Helper()
	external := m.DeepCopy()
	external.Spec.Engine.Args = args
	scheme.Default(external)
	var internal hub.Model
	if err := scheme.Convert(external, &internal, nil); err != nil {
		t.Fatal(err)
	}
	return len(validation.ValidateModel(&internal)) == 0
}
