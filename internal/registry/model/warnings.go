package model

import (
	"fmt"
	"regexp"
	"strings"

	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/model"
	"github.com/kubellm/kubellm/internal/controller/engine/flags"
)

// engineWarnings 说出多半会让引擎起不来的参数，和谁看得到 Model 谁就看得到的密文。
// 警告会进终端的记录，所以只说在哪里，不重复写了什么。
func engineWarnings(m *model.Model) []string {
	var warnings []string
	engine := &m.Spec.Engine
	// 别的镜像、KServe 的镜像是哪个版本，平台不知道。
	if ptr.Deref(engine.Image, "") == "" && ptr.Deref(engine.Delivery, model.DeliveryDeployment) == model.DeliveryDeployment {
		for _, i := range flags.Unknown(engine.Type, engine.Args) {
			warnings = append(warnings, fmt.Sprintf("spec.engine.args[%d]: %s %s, the default image's version, is not known to take this argument, "+
				"and an engine does not start with one that it does not know: check how it is spelt",
				i, engine.Type, flags.Version(engine.Type)))
		}
	}
	const exposed = "looks like a secret, and everybody who may read the Model can read it: hand what the sources need in through models/credentials, or name a Secret in spec.source"
	for i, arg := range engine.Args {
		if secretArg(engine.Args, i) || secretValue.MatchString(arg) {
			warnings = append(warnings, fmt.Sprintf("spec.engine.args[%d]: %s", i, exposed))
		}
	}
	for i, env := range engine.Env {
		if secretName(env.Name, "_") && len(env.Value) >= shortestSecret || secretValue.MatchString(env.Value) {
			warnings = append(warnings, fmt.Sprintf("spec.engine.env[%d].value: %s", i, exposed))
		}
	}
	return warnings
}

// shortestSecret 之下的是开关与数字，不是密文。
const shortestSecret = 8

// secretValue 是认得出样子的密文：几家的令牌、AWS 的密钥号、PEM 私钥。
var secretValue = regexp.MustCompile(`\b(hf_[A-Za-z0-9]{20,}|sk-[A-Za-z0-9_-]{20,}|gh[pousr]_[A-Za-z0-9]{20,}|AKIA[A-Z0-9]{16})\b|-----BEGIN [A-Z ]*PRIVATE KEY-----`)

// secretArg 说这个参数的名字是不是在要密文，而且真的给了：在等号后面，或是下一个参数。
func secretArg(args []string, i int) bool {
	name, value, given := strings.Cut(args[i], "=")
	if !strings.HasPrefix(name, "--") || !secretName(strings.ReplaceAll(name, "_", "-"), "-") {
		return false
	}
	if !given && i+1 < len(args) && !strings.HasPrefix(args[i+1], "-") {
		value = args[i+1]
	}
	return len(value) >= shortestSecret
}

// secretWords 是名字结尾处的词，前面还有别的词也算；只有 token 的不算，那多半是词元。
var secretWords = []string{"password", "passwd", "secret", "api-key", "apikey", "access-key", "secret-key", "private-key", "auth-token", "access-token", "api-token", "hub-token"}

func secretName(name, separator string) bool {
	name = "-" + strings.ToLower(strings.ReplaceAll(strings.TrimLeft(name, "-"), separator, "-"))
	for _, word := range secretWords {
		if strings.HasSuffix(name, "-"+word) {
			return true
		}
	}
	return false
}
