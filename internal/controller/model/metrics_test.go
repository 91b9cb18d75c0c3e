package model

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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

// TestTimeToReady 暂停着的时间不算在内，同一秒里就绪的也数一次。
func TestTimeToReady(t *testing.T) {
	at := func(second int, reason string) *v1alpha1.Model {
		m := chat()
		status := metav1.ConditionFalse
		if reason == v1alpha1.ReasonReady {
			status = metav1.ConditionTrue
		}
		m.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: status, Reason: reason, LastTransitionTime: metav1.NewTime(now.Add(time.Duration(second) * time.Second))}}
		return m
	}
	for _, test := range []struct {
		why   string
		steps []*v1alpha1.Model
		// at 是各步的时刻，秒。
		at   []int
		want float64
	}{
		{"from when it was not ready any more", []*v1alpha1.Model{at(0, v1alpha1.ReasonLoading), at(7, v1alpha1.ReasonReady)}, []int{0, 7}, 7},
		{"from the resume, not from the suspension", []*v1alpha1.Model{at(0, v1alpha1.ReasonSuspended), at(0, v1alpha1.ReasonApplying), at(0, v1alpha1.ReasonLoading), at(50, v1alpha1.ReasonReady)}, []int{0, 45, 46, 50}, 5},
		{"from the last resume", []*v1alpha1.Model{at(0, v1alpha1.ReasonSuspended), at(0, v1alpha1.ReasonLoading), at(0, v1alpha1.ReasonSuspended), at(0, v1alpha1.ReasonLoading), at(90, v1alpha1.ReasonReady)}, []int{0, 10, 20, 80, 90}, 10},
		{"at once", []*v1alpha1.Model{at(0, v1alpha1.ReasonSuspended), at(9, v1alpha1.ReasonReady)}, []int{0, 10}, 0},
	} {
		registry := prometheus.NewRegistry()
		m := NewMetrics(registry)
		for i := 1; i < len(test.steps); i++ {
			c, _ := turned(test.steps[i-1], test.steps[i], v1alpha1.ConditionReady)
			m.turned(test.steps[i-1], test.steps[i], c, now.Add(time.Duration(test.at[i])*time.Second))
		}
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, family := range families {
			if family.GetName() != "kubellm_model_time_to_ready_seconds" {
				continue
			}
			if h := family.GetMetric()[0].GetHistogram(); h.GetSampleCount() != 1 || h.GetSampleSum() != test.want {
				t.Errorf("%s: %d samples of %v s, want one of %v s", test.why, h.GetSampleCount(), h.GetSampleSum(), test.want)
			}
		}
	}
}
