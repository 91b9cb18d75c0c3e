// Package fuzzer 造出往返测试用的随机对象：只补齐默认值必然会填的字段，其余全凭随机。
package fuzzer

import (
	runtimeserializer "k8s.io/apimachinery/pkg/runtime/serializer"
	"sigs.k8s.io/randfill"

	"github.com/kubellm/kubellm/apis/cluster"
)

// Funcs 是 cluster 组的填充函数。
func Funcs(runtimeserializer.CodecFactory) []any {
	return []any{
		func(spec *cluster.ClusterSpec, fill randfill.Continue) {
			fill.FillNoCustom(spec)
			spec.Heartbeat = filled(spec.Heartbeat, fill)
			spec.WorkloadNamespacePrefix = filled(spec.WorkloadNamespacePrefix, fill)
			spec.Suspended = filled(spec.Suspended, fill)
			spec.DeletionPolicy = filled(spec.DeletionPolicy, fill)
		},
		func(heartbeat *cluster.Heartbeat, fill randfill.Continue) {
			heartbeat.IntervalSeconds = filled(heartbeat.IntervalSeconds, fill)
			heartbeat.TimeoutSeconds = filled(heartbeat.TimeoutSeconds, fill)
			heartbeat.FailureThreshold = filled(heartbeat.FailureThreshold, fill)
		},
		func(source *cluster.CredentialsSource, fill randfill.Continue) {
			fill.FillNoCustom(source)
			source.InsecureSkipTLSVerify = filled(source.InsecureSkipTLSVerify, fill)
		},
		func(ref *cluster.SecretKeyReference, fill randfill.Continue) {
			fill.FillNoCustom(ref)
			ref.Key = filled(ref.Key, fill)
		},
	}
}

// filled 给必有默认值的字段填上随机值。
func filled[V any](value *V, fill randfill.Continue) *V {
	if value == nil {
		value = new(V)
		fill.Fill(value)
	}
	return value
}
