package model

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/scheduler"
)

// Metrics 是模型控制器的指标。
type Metrics struct {
	placements  prometheus.Counter
	rejections  *prometheus.CounterVec
	timeToReady prometheus.Histogram
}

// NewMetrics 造出指标并登记。
func NewMetrics(registerer prometheus.Registerer) *Metrics {
	m := &Metrics{
		placements: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "kubellm_model_placements_total", Help: "Number of Clusters chosen by scheduling decisions that changed a placement.",
		}),
		rejections: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kubellm_model_rejections_total", Help: "Number of Clusters that did not fit when the outcome of scheduling a Model changed, by reason.",
		}, []string{"reason"}),
		timeToReady: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "kubellm_model_time_to_ready_seconds", Help: "Time from when a Model was created, or last changed to not Ready, until it was Ready.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 15),
		}),
	}
	if registerer != nil {
		m.placements, m.rejections, m.timeToReady = registered(registerer, m.placements), registered(registerer, m.rejections), registered(registerer, m.timeToReady)
	}
	return m
}

// registered 登记一个指标；同一进程里先来的管理者登记过的，接着用它的，不为此崩溃。
func registered[T prometheus.Collector](registerer prometheus.Registerer, c T) T {
	err := registerer.Register(c)
	var known prometheus.AlreadyRegisteredError
	if !errors.As(err, &known) {
		utilruntime.Must(err)
		return c
	}
	return known.ExistingCollector.(T)
}

// decided 计一个改变了放置的决定。
func (m *Metrics) decided(result scheduler.Result) {
	m.placements.Add(float64(len(result.Placements)))
}

// rejected 计一次结论里放不下的集群；同样的结论再得一次不计。
func (m *Metrics) rejected(rejected []v1alpha1.RejectedCluster) {
	for _, c := range rejected {
		m.rejections.WithLabelValues(c.Reason).Inc()
	}
}

// turned 在 Ready 变为真时计所花的时间；其间暂停过的，暂停的那一段也在内。
func (m *Metrics) turned(before, after *v1alpha1.Model, c metav1.Condition) {
	if c.Status != metav1.ConditionTrue {
		return
	}
	since := after.CreationTimestamp.Time
	if was := meta.FindStatusCondition(before.Status.Conditions, v1alpha1.ConditionReady); was != nil {
		since = was.LastTransitionTime.Time
	}
	if elapsed := c.LastTransitionTime.Sub(since); elapsed >= 0 {
		m.timeToReady.Observe(elapsed.Seconds())
	}
}
