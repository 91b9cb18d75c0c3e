package crossplane

import (
	"context"
	"fmt"
	"testing"

	"github.com/kubellm/kubellm/test/harness"
)

// TestMetrics 看运维的人能从指标里看到资源的状况与发往平台的请求。
func TestMetrics(t *testing.T) {
	t.Parallel()
	mg := user(shared.namespace(t), "measured")
	if err := shared.kube.Create(t.Context(), mg); err != nil {
		t.Fatal(err)
	}
	awaitReady(t, shared, mg)
	for name, reason := range map[string]string{
		"crossplane_managed_resource_exists":                              "how many resources there are (counted every 30 s)",
		"crossplane_managed_resource_ready":                               "how many of them are ready",
		"crossplane_managed_resource_first_time_to_readiness_seconds_sum": "how long they took to become ready",
		"kubellm_external_requests_total":                                 "what was asked of the platform",
	} {
		harness.Eventually(t, name+" to tell "+reason, 2*promptly, func(context.Context) error {
			if got := metric(t, shared.provider.MetricsURL, name); got <= 0 {
				return fmt.Errorf("it is %v", got)
			}
			return nil
		})
	}
}
