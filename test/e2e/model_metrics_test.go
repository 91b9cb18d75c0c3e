package e2e

import (
	"net/http"
	"testing"

	"github.com/prometheus/common/model"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
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
			awaitModel(t, "counted", "suspended", promptly, is(metav1.ConditionFalse, v1alpha1.ReasonSuspended))
			change(t, "counted", `{"spec":{"suspended":false}}`)
			awaitModel(t, "counted", "resumed", promptly, serves("count-b"))
		}, tally{placementsTotal: 2, timesToReady: 1}},
		{"doing nothing", "the same outcome is not counted again", func(t *testing.T) {
			awaitBeats(t, "count-a", beatsAtRest)
		}, tally{}},
	} {
		before := modelMetrics(t)
		test.act(t)
		got := modelMetrics(t).since(before)
		for name := range merged(got, test.want) {
			if got[name] != test.want[name] {
				t.Errorf("%s: %s grew by %v, want %v (%s)", test.what, name, got[name], test.want[name], test.reason)
			}
		}
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

func merged(a, b tally) tally {
	all := tally{}
	for _, c := range []tally{a, b} {
		for name := range c {
			all[name] = 0
		}
	}
	return all
}
