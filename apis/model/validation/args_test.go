package validation

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubellm/kubellm/apis/model"
)

// TestManagedFlagInDisguise 是各引擎真的会当成同一个参数的写法，和看着像其实不是的。
func TestManagedFlagInDisguise(t *testing.T) {
	for _, c := range []struct {
		engine model.EngineType
		arg    string
		want   bool
		reason string
	}{
		{model.EngineVLLM, "-t", true, "argparse completes short names too"},
		{model.EngineVLLM, "-n4", true, "a short name and its value in one"},
		{model.EngineVLLM, "-r1", true, "the same"},
		{model.EngineVLLM, "-dp", false, "the whole name of another argument, although -dpm begins like it"},
		{model.EngineVLLM, "--lora-modules.name", true, "a part of its JSON value"},
		{model.EngineVLLM, "--lora_mod.path=/x", true, "all at once"},
		{model.EngineVLLM, "--compilation-config.mode", false, "a part of another's JSON value"},
		{model.EngineVLLM, "--no-enable-lora", true, "the same argument, negated"},
		{model.EngineVLLM, "--no-enable-prefix-caching", false, "another argument, negated"},
		{model.EngineVLLM, "--PORT", false, "no engine ignores case"},
		{model.EngineVLLM, "-1", false, "a number is a value"},
		{model.EngineVLLM, "-", false, "a hyphen is a value"},
		{model.EngineSGLang, "--lora-paths.name", false, "SGLang knows no parts of values; it refuses this itself"},
		{model.EngineSGLang, "--smg-grpc", true, "an abbreviation of the argument that replaces the HTTP server"},
		{model.EngineSGLang, "--tp", true, "an abbreviation that everybody uses"},
		{model.EngineSGLang, "--dp", false, "an abbreviation of another argument"},
		{model.EngineLlamaCpp, "--gpt-oss-20b-default", true, "it chooses a model"},
		{model.EngineLlamaCpp, "--fim-qwen-7b-spec", true, "it chooses a model and a port"},
		{model.EngineLlamaCpp, "--spec-default", false, "it is about speculative decoding alone"},
		{model.EngineLlamaCpp, "-c4096", false, "llama.cpp wants the value apart; it refuses this itself"},
		{model.EngineLlamaCpp, "--version", true, "the engine would print it and end"},
	} {
		if _, got := ManagedFlag(c.engine, c.arg); got != c.want {
			t.Errorf("%s %s: managed %v, want %v, because %s", c.engine, c.arg, got, c.want, c.reason)
		}
	}
}

// TestManagedFlagNamesTheArgumentMeant 回答说的是归平台的那个，不是使用者写的：那里面可能有密文。
func TestManagedFlagNamesTheArgumentMeant(t *testing.T) {
	for arg, meant := range map[string]string{"--por=9": "--port", "--api_key=secret": "--api-key", "-n4": "-n", "--served-model-name.x": "--served-model-name"} {
		if why, _ := ManagedFlag(model.EngineVLLM, arg); !strings.HasPrefix(why, meant+",") {
			t.Errorf("%s is refused with %q, which does not begin with %s", arg, why, meant)
		}
	}
}

// TestTheFirstArgumentIsAName 光杆的值不属于哪个参数；与名字写在一起的值，引擎当作一个光杆的值。
func TestTheFirstArgumentIsAName(t *testing.T) {
	for arg, c := range map[string]struct {
		want   bool
		reason string
	}{
		"--max-num-seqs":    {true, "a name"},
		"--max-num-seqs=64": {true, "a name and its value"},
		"--override=a b":    {true, "values may hold spaces"},
		"-O3":               {true, "a short name and its value"},
		"64":                {false, "a value"},
		"-1":                {false, "a number"},
		"-":                 {false, "a hyphen alone is a value"},
		"--":                {false, "it ends the names"},
		"":                  {false, "nothing"},
		"--max-num-seqs 64": {false, "engines do not split at spaces"},
		"evil=/path":        {false, "an argument before it that takes several values would swallow it"},
	} {
		spec := served()
		spec.Engine.Args = []string{arg}
		if got := len(validateFirstArg(spec, field.NewPath("args"))) == 0; got != c.want {
			t.Errorf("%q: accepted %v, want %v, because it is %s", arg, got, c.want, c.reason)
		}
	}
}
