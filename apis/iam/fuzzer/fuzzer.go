// Package fuzzer 造出往返测试用的随机对象：只补齐默认值必然会填的字段，其余全凭随机。
package fuzzer

import (
	runtimeserializer "k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/randfill"

	"github.com/kubellm/kubellm/apis/iam"
)

// Funcs 是 iam 组的填充函数。
func Funcs(runtimeserializer.CodecFactory) []any {
	return []any{
		func(spec *iam.UserSpec, fill randfill.Continue) {
			fill.FillNoCustom(spec)
			if spec.Suspended == nil {
				spec.Suspended = ptr.To(fill.Bool())
			}
		},
		func(spec *iam.RoleBindingSpec, fill randfill.Continue) {
			fill.FillNoCustom(spec)
			if spec.AllNamespaces == nil {
				spec.AllNamespaces = ptr.To(fill.Bool())
			}
		},
	}
}
