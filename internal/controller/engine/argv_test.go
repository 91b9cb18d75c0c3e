package engine

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	model "github.com/kubellm/kubellm/apis/model/v1alpha1"
	list "github.com/kubellm/kubellm/internal/controller/engine/flags"
)

// reading 是引擎读完命令行之后知道的：每个参数（以表里的第一个写法为名）最后的值。
type reading map[string][]string

// readers 是各引擎怎样读命令行；不认得的、少了值的，引擎都不启动，这里是错误。
var readers = map[model.EngineType]func(args []string) (reading, error){
	model.EngineVLLM: func(args []string) (reading, error) {
		args, err := flexible(args)
		if err != nil {
			return nil, err
		}
		return argparse(options(model.EngineVLLM), "--model", args)
	},
	model.EngineSGLang:   func(args []string) (reading, error) { return argparse(options(model.EngineSGLang), "", args) },
	model.EngineLlamaCpp: exact,
}

// exact 是 llama.cpp 的读法：名字要一字不差，值是后面的参数，写几次以最后一次为准。
func exact(args []string) (reading, error) {
	known, got := options(model.EngineLlamaCpp), reading{}
	for len(args) > 0 {
		name := args[0]
		if strings.HasPrefix(name, "--") {
			name = strings.ReplaceAll(name, "_", "-")
		}
		option, found := known[name]
		count := strings.Count(string(option.Values), string(list.One))
		if !found || len(args) <= count {
			return nil, fmt.Errorf("%q is unknown or lacks a value", args[0])
		}
		got[option.Names[0]] = args[1 : 1+count]
		// 成套的参数换掉模型与端口。
		if strings.HasSuffix(name, "-default") && name != "--spec-default" || strings.HasSuffix(name, "-spec") {
			got[known["--hf-repo"].Names[0]], got[known["--port"].Names[0]] = []string{name}, []string{name}
		}
		args = args[1+count:]
	}
	return got, nil
}

// flexible 是 vLLM 在 argparse 之前做的：下划线换成连字符，-O3 写全，带点的并成 JSON 值放到最后。
func flexible(args []string) ([]string, error) {
	var out, parts []string
	for i := 0; i < len(args); i++ {
		arg := args[i]
		name, value, given := strings.Cut(arg, "=")
		if strings.HasPrefix(name, "--") {
			key, rest, dotted := strings.Cut(name, ".")
			name = strings.ReplaceAll(key, "_", "-")
			if dotted {
				name += "." + rest
			}
			arg = name
			if given {
				arg += "=" + value
			}
		}
		switch {
		case strings.HasPrefix(arg, "-O") && arg != "-O":
			out = append(out, "--optimization-level", strings.TrimPrefix(arg[2:], "="))
		case strings.HasPrefix(arg, "-") && strings.Contains(name, "."):
			if !given {
				if i++; i == len(args) {
					return nil, errors.New("a part of a value lacks it")
				}
				value = args[i]
			}
			key, rest, _ := strings.Cut(name, ".")
			parts = append(parts, key, fmt.Sprintf("{%q: %q}", rest, value))
		default:
			out = append(out, arg)
		}
	}
	return append(out, parts...), nil
}

var negative = regexp.MustCompile(`^-\d+$|^-\d*\.\d+$`)

// argparse 是 Python 的读法。first 是没有名字的那个参数。
func argparse(known map[string]list.Option, first string, args []string) (reading, error) {
	got, ended := reading{}, false
	value := func(arg string) bool { return ended || len(meant(known, arg)) == 0 && !isName(arg) }
	for i := 0; i < len(args); {
		arg := args[i]
		i++
		if arg == "--" && !ended {
			ended = true
			continue
		}
		if value(arg) {
			if first == "" || got[first] != nil || i > 1 {
				return nil, fmt.Errorf("%q belongs to no argument", arg)
			}
			got[first] = []string{arg}
			continue
		}
		may := meant(known, arg)
		if len(may) == 0 || slices.ContainsFunc(may, func(m meaning) bool { return m.option.Names[0] != may[0].option.Names[0] }) {
			return nil, fmt.Errorf("%q is unknown or could be several arguments", arg)
		}
		following := 0
		for i+following < len(args) && args[i+following] != "--" && value(args[i+following]) {
			following++
		}
		values, used, err := may[0].take(args[i : i+following])
		if err != nil {
			return nil, err
		}
		got[may[0].option.Names[0]] = append([]string{may[0].name}, values...)
		i += used
	}
	return got, nil
}

// meaning 是一个写法可能指的参数，连着等号或名字写的值在 explicit 里。
type meaning struct {
	name     string
	option   list.Option
	explicit *string
}

// take 给出它的值，以及用去了后面的几个。
func (m meaning) take(following []string) (values []string, used int, err error) {
	least, most := 0, 0
	switch m.option.Values {
	case list.One:
		least, most = 1, 1
	case list.Several:
		least, most = 1, max(1, len(following))
	case list.Optional:
		most = 1
	}
	if m.explicit != nil {
		if most == 0 {
			return nil, 0, fmt.Errorf("%s takes no value", m.name)
		}
		return []string{*m.explicit}, 0, nil
	}
	if len(following) < least {
		return nil, 0, fmt.Errorf("%s lacks its value", m.name)
	}
	used = min(most, len(following))
	return following[:used], used, nil
}

// isName 说不认得的写法是不是参数名：负数与带空格的是值。
func isName(arg string) bool {
	return len(arg) > 1 && arg[0] == '-' && !negative.MatchString(arg) && !strings.Contains(arg, " ")
}

// meant 依次试：整个的名字，等号之前的名字，缩写，一个字母连着值。
func meant(known map[string]list.Option, arg string) []meaning {
	if len(arg) < 2 || arg[0] != '-' || arg == "--" {
		return nil
	}
	if option, found := known[arg]; found {
		return []meaning{{arg, option, nil}}
	}
	name, value, given := strings.Cut(arg, "=")
	var explicit *string
	if given {
		explicit = &value
	}
	if option, found := known[name]; found && given {
		return []meaning{{name, option, explicit}}
	}
	var out []meaning
	for full, option := range known {
		long := strings.HasPrefix(name, "--")
		switch {
		case strings.HasPrefix(full, name) && long == strings.HasPrefix(full, "--"):
			out = append(out, meaning{full, option, explicit})
		case !long && len(full) == 2 && strings.HasPrefix(arg, full):
			rest := arg[2:]
			out = append(out, meaning{full, option, &rest})
		}
	}
	slices.SortFunc(out, func(a, b meaning) int { return strings.Compare(a.name, b.name) })
	return out
}
