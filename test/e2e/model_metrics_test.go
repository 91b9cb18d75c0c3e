package e2e

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"testing"

	"github.com/prometheus/common/model"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

const (
	placementsTotal = "kubellm_model_placements_total"
	rejectionsTotal = "kubellm_model_rejections_total"
	timesToReady    = "kubellm_model_time_to_ready_seconds_count"
)

// TestModelMetrics 数得出放了几处、为什么放不下、几次就绪，不多不少：同样的结论再得几遍不再数。
func TestModelMetrics(t *testing.T) {
	register(t, "count-a", env.alpha, clusterv1alpha1.DeletionOrphan)
	register(t, "count-b", env.beta, clusterv1alpha1.DeletionOrphan)
	steady(t, "count-a")
	steady(t, "count-b")
	for _, test := range []struct {
		what, reason string
		act          func(t *testing.T)
		want         tally
	}{
		{"placing on one", "one Cluster is chosen, and it becomes ready once", func(t *testing.T) {
			deploy(t, wish{name: "counted", clusters: []string{"count-b"}, replicas: 1, gpus: 1})
			awaitModel(t, "counted", "serving", promptly, serves("count-b"))
		}, tally{placementsTotal: 1, timesToReady: 1}},
		{"placing on two", "two Clusters are chosen at once, the Model becomes ready once", func(t *testing.T) {
			deploy(t, wish{name: "counted-twice", clusters: []string{"count-a", "count-b"}, replicas: 1, gpus: 1, spread: 2})
			awaitModel(t, "counted-twice", "serving", promptly, serves("count-a", "count-b"))
		}, tally{placementsTotal: 2, timesToReady: 1}},
		{"rejecting", "both are too small, each for its free blocks, and nothing is placed", func(t *testing.T) {
			deploy(t, wish{name: "uncounted", clusters: []string{"count-a", "count-b"}, replicas: 1, gpus: 9})
			awaitModel(t, "uncounted", "placed nowhere", promptly, is(metav1.ConditionFalse, v1alpha1.ReasonNoClusterFits))
		}, tally{rejectionsTotal + " " + v1alpha1.RejectedFreeBlock: 2}},
		{"suspending and resuming", "its replicas change twice, and it becomes ready once more", func(t *testing.T) {
			change(t, "counted", `{"spec":{"suspended":true}}`)
			awaitModel(t, "counted", "suspended", promptly, func(m *v1alpha1.Model) error {
				// 成员上的还没走就恢复，是不是又就绪了一次说不准。
				if m.Status.Replicas != 0 {
					return fmt.Errorf("%d replicas are left", m.Status.Replicas)
				}
				return is(metav1.ConditionFalse, v1alpha1.ReasonSuspended)(m)
			})
			change(t, "counted", `{"spec":{"suspended":false}}`)
			awaitModel(t, "counted", "resumed", promptly, serves("count-b"))
		}, tally{placementsTotal: 2, timesToReady: 1}},
		{"doing nothing", "the same outcome is not counted again", func(t *testing.T) {
			awaitBeats(t, "count-a", beatsAtRest)
		}, tally{}},
	} {
		before := modelMetrics(t)
		test.act(t)
		// 控制器先写状态，再数：看见状态的人可能早一步。
		harness.Eventually(t, test.what+" to be counted: "+test.reason, promptly, func(context.Context) error {
			if got := modelMetrics(t).since(before); !maps.Equal(got, test.want) {
				return fmt.Errorf("grew by %v, want %v", got, test.want)
			}
			return nil
		})
	}
}

// modelMetrics 是控制器至今数的，按名字与理由。
func modelMetrics(t *testing.T) tally {
	t.Helper()
	counts, all := tally{}, scrape(t, http.DefaultClient, env.controller.MetricsURL)
	for _, name := range []string{placementsTotal, rejectionsTotal, timesToReady} {
		for _, s := range all[name] {
			key := name
			if reason := s.Metric[model.LabelName("reason")]; reason != "" {
				key += " " + string(reason)
			}
			counts[key] += float64(s.Value)
		}
	}
	return counts
}
