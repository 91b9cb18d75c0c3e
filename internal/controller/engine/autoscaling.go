package engine

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// kedaVersion 是 KEDA 2 的 ScaledObject 的版本。
const kedaVersion = "keda.sh/v1alpha1"

// scaledObject 让 KEDA 按请求数伸缩。数字直接从各副本的 /metrics 加总（metrics-api 读得懂 Prometheus 的文本，
// 2.19 起能逐个读 Service 后面的 Pod），所以成员上不必另有 Prometheus；只读 Service 会随机读到其中一个副本。
func scaledObject(in Input, e backend) client.Object {
	auto, m := in.Model.Spec.Scaling.Autoscaling, in.Model
	running, waiting := e.load()
	meta := map[string]any{"name": m.Name, "namespace": Namespace(in), "labels": stringMap(objectLabels(in))}
	if suspended(m) {
		// 只把 Deployment 缩到零不够：它会照着最少的副本数再拉起来。
		meta["annotations"] = map[string]any{"autoscaling.keda.sh/paused-replicas": "0"}
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": kedaVersion, "kind": "ScaledObject", "metadata": meta,
		"spec": map[string]any{
			"scaleTargetRef":  map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "name": m.Name},
			"minReplicaCount": int64(*auto.MinReplicas), "maxReplicaCount": int64(auto.MaxReplicas),
			"pollingInterval": int64(15),
			// 正在处理的与排队的要相加；分成两个触发器的话 KEDA 只取大的那个。
			"advanced": map[string]any{"scalingModifiers": map[string]any{
				"formula": "running + waiting", "target": fmt.Sprint(*auto.TargetRequestsPerReplica), "metricType": "AverageValue",
			}},
			"triggers": []any{trigger(in, "running", running), trigger(in, "waiting", waiting)},
		},
	}}
}

func trigger(in Input, name, metric string) map[string]any {
	return map[string]any{"type": "metrics-api", "name": name, "metadata": map[string]any{
		"url":    fmt.Sprintf("http://%s.%s.svc.cluster.local:%d/metrics", in.Model.Name, Namespace(in), port),
		"format": "prometheus", "valueLocation": metric,
		"targetValue":                       fmt.Sprint(*in.Model.Spec.Scaling.Autoscaling.TargetRequestsPerReplica),
		"aggregateFromKubeServiceEndpoints": "true", "aggregationType": "sum",
	}}
}

// stringMap 是清单里的写法。
func stringMap(m map[string]string) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}
