package model

import (
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"

	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// preview 是平台在试运行的答复里说的打算，给人看；以那一刻的容量为准。平台没说的为空：那是什么也不会变。
// 清单有几百行，这里只说有哪些对象；全文在数据源 kubellm_model_plan 里。
func preview(m *modelv1alpha1.Model) string {
	plan := m.Status.Plan
	if plan == nil {
		return ""
	}
	objects := map[string]string{}
	for _, of := range plan.Manifests {
		objects[of.Cluster] = named(of.YAML)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "As of %s: %s", plan.Time.UTC().Format(time.RFC3339), plan.Message)
	for _, placement := range plan.Placements {
		fmt.Fprintf(&b, "\n- %s: %s", placement.Cluster, replicas(placement.Replicas))
		if placement.Product != "" {
			fmt.Fprintf(&b, " on %s", placement.Product)
		}
		if placement.Namespace != "" {
			fmt.Fprintf(&b, ", in the namespace %s", placement.Namespace)
		}
		if of := objects[placement.Cluster]; of != "" {
			fmt.Fprintf(&b, ": %s", of)
		}
	}
	for _, rejected := range plan.RejectedClusters {
		fmt.Fprintf(&b, "\n- %s: does not fit (%s): %s", rejected.Cluster, rejected.Reason, rejected.Message)
	}
	if len(plan.Placements) == 0 {
		b.WriteString("\nClusters that the same apply makes or changes do not count yet: apply asks again right before it writes the model, " +
			"and the platform goes on trying after that.")
	}
	return b.String()
}

// named 列出清单里有哪些对象；读不懂的清单不列。
func named(manifests string) string {
	var out []string
	for decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(manifests), len(manifests)+1); ; {
		var object metav1.PartialObjectMetadata
		if decoder.Decode(&object) != nil {
			return strings.Join(out, ", ")
		}
		if object.Kind != "" {
			out = append(out, object.Kind+" "+object.Name)
		}
	}
}

func replicas(n int32) string {
	if n == 1 {
		return "1 replica"
	}
	return fmt.Sprintf("%d replicas", n)
}
