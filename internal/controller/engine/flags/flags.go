// Package flags 是各引擎钉住的版本认得的参数，一个引擎一张表。渲染的每个参数都要在表里，
// 使用者写了表里没有的，创建时就有一句警告，不必等副本起不来。
package flags

import (
	"embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/kubellm/kubellm/apis/model"
	"github.com/kubellm/kubellm/apis/model/validation"
)

//go:embed *.txt
var lists embed.FS

// pinned 是表的名字；默认镜像换了版本而没有换表，测试就不过。
var pinned = map[model.EngineType]struct{ program, version string }{
	model.EngineVLLM:     {"vllm", "v0.30.0"},
	model.EngineSGLang:   {"sglang", "v0.5.18"},
	model.EngineLlamaCpp: {"llama.cpp", "b11243"},
}

// Values 说一个参数带几个值。
type Values string

// 表里的几种写法。
const (
	None     Values = ""
	One      Values = "value"
	Two      Values = "value value"
	Optional Values = "[value]"
	Several  Values = "value..."
)

// Option 是一个参数：它的每种写法，与它带的值。
type Option struct {
	Names  []string
	Values Values
}

// Version 是表所属的版本，写成镜像的标签里那样。
func Version(engine model.EngineType) string { return pinned[engine].version }

// Options 是一个引擎的全部参数。
func Options(engine model.EngineType) []Option { return parsed()[engine] }

// parsed 只读一遍；表是编译进来的，读不懂就是坏了的构建。
var parsed = sync.OnceValue(func() map[model.EngineType][]Option {
	all := map[model.EngineType][]Option{}
	for engine, of := range pinned {
		name := fmt.Sprintf("%s-%s.txt", of.program, of.version)
		content, err := lists.ReadFile(name)
		if err != nil {
			panic(fmt.Sprintf("read the arguments of %s %s: %v", of.program, of.version, err))
		}
		for line := range strings.Lines(string(content)) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				all[engine] = append(all[engine], option(line))
			}
		}
	}
	return all
})

// option 读一行：用逗号隔开的名字，空格之后是值。
func option(line string) Option {
	var o Option
	for {
		name, rest, more := strings.Cut(line, ", ")
		if !more {
			name, rest, _ = strings.Cut(line, " ")
			return Option{Names: append(o.Names, name), Values: Values(rest)}
		}
		o.Names, line = append(o.Names, name), rest
	}
}

// name 是参数名的样子；负数与光杆的连字符是值。
var name = regexp.MustCompile(`^--?[A-Za-z]`)

// Unknown 给出引擎不认得的那些参数的位置。引擎会把什么当值，这里也当值。
func Unknown(engine model.EngineType, args []string) []int {
	var unknown []int
	for i := 0; i < len(args); i++ {
		if !name.MatchString(args[i]) {
			continue
		}
		option, found := find(engine, args[i])
		if !found {
			unknown = append(unknown, i)
		}
		// argparse 认得出连字符开头的是名字；llama.cpp 不看，要几个就拿几个。
		if engine == model.EngineLlamaCpp {
			i += strings.Count(string(option.Values), string(One))
		}
	}
	return unknown
}

func find(engine model.EngineType, arg string) (Option, bool) {
	// llama.cpp 的值总是另一个参数，名字里不会有等号。
	if engine == model.EngineLlamaCpp && strings.Contains(arg, "=") {
		return Option{}, false
	}
	options := Options(engine)
	at := slices.IndexFunc(options, func(o Option) bool {
		return slices.ContainsFunc(o.Names, func(flag string) bool { return validation.MayMean(engine, arg, flag) })
	})
	if at < 0 {
		return Option{}, false
	}
	return options[at], true
}
