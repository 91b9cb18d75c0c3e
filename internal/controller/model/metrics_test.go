package model

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/scheduler"
)

// TestMetricsOfTwoManagers 同一进程里的两个管理者数进同一个指标，后来的不崩溃、也不白数。
func TestMetricsOfTwoManagers(t *testing.T) {
	registry := prometheus.NewRegistry()
	for range 2 {
		NewMetrics(registry).decided(scheduler.Result{Placements: make([]v1alpha1.ModelPlacement, 1)})
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == "kubellm_model_placements_total" {
			if got := family.GetMetric()[0].GetCounter().GetValue(); got != 2 {
				t.Errorf("the counter is at %v, want 2: one from each manager", got)
			}
			return
		}
	}
	t.Error("the placements are not counted")
}
