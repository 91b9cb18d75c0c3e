package v1alpha1

import "strings"

// renamed 是这里另有名字的字段：平台上的 Secret 与控制面里的要分得清。
var renamed = strings.NewReplacer(
	".tokenSecretRef", ".platformTokenSecretRef",
	".pullSecretRef", ".platformPullSecretRef",
	".credentialsSecretRef", ".platformCredentialsSecretRef",
)

// ParameterName 是平台的 spec 之下叫 field 的（以点开头），在参数里叫什么。
func ParameterName(field string) string { return renamed.Replace(field) }
