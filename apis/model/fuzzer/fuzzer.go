// Package fuzzer 造出往返测试用的随机对象：凡有默认值的字段都先按默认值补齐，其余全凭随机。
package fuzzer

import (
	runtimeserializer "k8s.io/apimachinery/pkg/runtime/serializer"
	"sigs.k8s.io/randfill"

	"github.com/kubellm/kubellm/apis/model"
)

// Funcs 是 model 组的填充函数。
func Funcs(runtimeserializer.CodecFactory) []any {
	return []any{
		func(spec *model.ModelSpec, fill randfill.Continue) {
			fill.FillNoCustom(spec)
			ensure(&spec.Resources, fill)
			ensure(&spec.Placement, fill)
			ensure(&spec.Scaling, fill)
			ensure(&spec.Rollout, fill)
			ensure(&spec.StartupTimeoutSeconds, fill)
			ensure(&spec.Suspended, fill)
			ensure(&spec.DeletionPolicy, fill)
		},
		func(engine *model.Engine, fill randfill.Continue) {
			fill.FillNoCustom(engine)
			ensure(&engine.Delivery, fill)
		},
		func(resources *model.Resources, fill randfill.Continue) {
			fill.FillNoCustom(resources)
			ensure(&resources.SharedMemory, fill)
		},
		func(request *model.AcceleratorRequest, fill randfill.Continue) {
			fill.FillNoCustom(request)
			ensure(&request.ResourceName, fill)
			ensure(&request.Count, fill)
		},
		func(placement *model.Placement, fill randfill.Continue) {
			fill.FillNoCustom(placement)
			ensure(&placement.Clusters, fill)
			ensure(&placement.Strategy, fill)
		},
		func(toleration *model.Toleration, fill randfill.Continue) {
			fill.FillNoCustom(toleration)
			ensure(&toleration.Operator, fill)
		},
		func(scaling *model.Scaling, fill randfill.Continue) {
			fill.FillNoCustom(scaling)
			ensure(&scaling.Replicas, fill)
		},
		func(autoscaling *model.Autoscaling, fill randfill.Continue) {
			fill.FillNoCustom(autoscaling)
			ensure(&autoscaling.MinReplicas, fill)
			ensure(&autoscaling.TargetRequestsPerReplica, fill)
		},
		func(cache *model.Cache, fill randfill.Continue) {
			fill.FillNoCustom(cache)
			ensure(&cache.AccessMode, fill)
		},
		func(rollout *model.Rollout, fill randfill.Continue) {
			fill.FillNoCustom(rollout)
			ensure(&rollout.Type, fill)
			ensure(&rollout.MaxSurge, fill)
			ensure(&rollout.MaxUnavailable, fill)
		},
	}
}

// ensure 给必有默认值的字段填上随机值。
func ensure[V any](field **V, fill randfill.Continue) {
	if *field == nil {
		*field = new(V)
		fill.Fill(*field)
	}
}
