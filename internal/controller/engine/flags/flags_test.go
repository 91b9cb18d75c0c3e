package flags

import (
	"slices"
	"strings"
	"testing"

	"github.com/kubellm/kubellm/apis/model"
)

var engines = []model.EngineType{model.EngineVLLM, model.EngineSGLang, model.EngineLlamaCpp}

// TestTheListsAreWellFormed 一个写法只属于一个参数，值只有那几种写法；否则别的测试都在对着错的表比。
func TestTheListsAreWellFormed(t *testing.T) {
	for _, engine := range engines {
		seen := map[string]bool{}
		for _, option := range Options(engine) {
			if !slices.Contains([]Values{None, One, Two, Optional, Several}, option.Values) {
				t.Errorf("%s: %v takes %q, which is no way to say it", engine, option.Names, option.Values)
			}
			for _, n := range option.Names {
				if !name.MatchString(n) || strings.ContainsAny(n, " ,=_") {
					t.Errorf("%s: %q is no name of an argument", engine, n)
				}
				if seen[n] {
					t.Errorf("%s: %s is there twice", engine, n)
				}
				seen[n] = true
			}
		}
		if !slices.IsSortedFunc(Options(engine), func(a, b Option) int { return strings.Compare(long(a), long(b)) }) {
			t.Errorf("%s: the list is not sorted by the first long name", engine)
		}
	}
}

// long 是第一个长名，表按它排序。
func long(o Option) string {
	at := slices.IndexFunc(o.Names, func(n string) bool { return strings.HasPrefix(n, "--") })
	return o.Names[max(at, 0)]
}

func TestUnknown(t *testing.T) {
	for _, c := range []struct {
		engine model.EngineType
		args   []string
		want   []int
		why    string
	}{
		{model.EngineVLLM, nil, nil, "nothing is given"},
		{model.EngineVLLM, []string{"--max-num-seqs", "64", "--seed=-1"}, nil, "both are known"},
		{model.EngineVLLM, []string{"--max_num_seqs", "64"}, nil, "underscores are hyphens"},
		{model.EngineVLLM, []string{"--compilation-config.mode", "3", "-O3", "-cc.x=1"}, nil, "parts of a JSON value, and a letter with its value"},
		{model.EngineVLLM, []string{"--max-num-sequences", "64"}, []int{0}, "it is misspelt"},
		{model.EngineVLLM, []string{"--seed", "-1", "--gpu-memory-utilisation=0.9"}, []int{2}, "a negative number is a value, the other spelling is unknown"},
		{model.EngineVLLM, []string{"--max-num-seqs 64"}, []int{0}, "the name and the value are one argument"},
		{model.EngineVLLM, []string{"--mem-fraction-static", "0.8"}, []int{0}, "it is SGLang's"},
		{model.EngineVLLM, []string{"--no-enable-prefix-caching"}, nil, "booleans can be negated"},
		{model.EngineSGLang, []string{"--mem-fraction-static", "0.8", "--dp", "2"}, nil, "abbreviations are understood"},
		{model.EngineSGLang, []string{"--no-enable-metrics"}, []int{0}, "SGLang's booleans cannot be negated"},
		{model.EngineLlamaCpp, []string{"-np", "4", "--no-mmap"}, []int{2}, "the last one is unknown"},
		{model.EngineLlamaCpp, []string{"-r", "--user", "--parallel", "4"}, nil, "what follows -r is its value, whatever it begins with"},
		{model.EngineLlamaCpp, []string{"--control-vector-layer-range", "--1", "--2", "--parallelism"}, []int{3}, "two values"},
		{model.EngineLlamaCpp, []string{"--paral", "4"}, []int{0}, "llama.cpp completes nothing"},
		{model.EngineLlamaCpp, []string{"--parallel=4"}, []int{0}, "llama.cpp takes values as arguments of their own only"},
	} {
		if got := Unknown(c.engine, c.args); !slices.Equal(got, c.want) {
			t.Errorf("%s %q: unknown are %v, want %v, because %s", c.engine, c.args, got, c.want, c.why)
		}
	}
}
