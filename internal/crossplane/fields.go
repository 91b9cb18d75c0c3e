package crossplane

import (
	"errors"
	"slices"
	"strings"

	"github.com/kubellm/kubellm/internal/external"
)

// renamed 是托管资源里另有名字的字段：指向平台上的 Secret 的，与指向控制面里的分得清。
var renamed = strings.NewReplacer(
	".credentials.kubeconfigSecretRef", ".platformKubeconfigSecretRef",
	".credentials.insecureSkipTLSVerify", ".insecureSkipTLSVerify",
	".tokenSecretRef", ".platformTokenSecretRef",
	".pullSecretRef", ".platformPullSecretRef",
	".credentialsSecretRef", ".platformCredentialsSecretRef",
)

// writtenAs 把平台对象的字段换成托管资源里写它的地方；名字与命名空间不由参数而来，照平台的说。
func writtenAs(field string) string {
	const parameters = "spec.forProvider."
	if rest, ok := strings.CutPrefix(field, "spec."); ok {
		return parameters + strings.TrimPrefix(renamed.Replace("."+rest), ".")
	}
	for _, declared := range []string{"labels", "annotations"} {
		if rest, ok := strings.CutPrefix(field, "metadata."+declared); ok {
			return parameters + declared + rest
		}
	}
	return field
}

// asWritten 让平台对字段的意见指到托管资源里的字段：人要改的是那里。
func asWritten(err error) error {
	var failure *external.Error
	if !errors.As(err, &failure) || len(failure.Fields) == 0 {
		return err
	}
	mine := *failure
	mine.Fields = slices.Clone(failure.Fields)
	for i := range mine.Fields {
		mine.Fields[i].Field = writtenAs(mine.Fields[i].Field)
	}
	return &mine
}
