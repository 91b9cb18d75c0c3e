package model

import (
	"fmt"
	"strings"
	"time"

	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// preview 是平台在试运行的答复里说的打算，给人看；以那一刻的容量为准。平台没说的为空。
func preview(m *modelv1alpha1.Model) string {
	plan := m.Status.Plan
	if plan == nil {
		return ""
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
	}
	for _, rejected := range plan.RejectedClusters {
		fmt.Fprintf(&b, "\n- %s: does not fit (%s): %s", rejected.Cluster, rejected.Reason, rejected.Message)
	}
	return b.String()
}

func replicas(n int32) string {
	if n == 1 {
		return "1 replica"
	}
	return fmt.Sprintf("%d replicas", n)
}
