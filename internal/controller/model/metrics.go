package model

import (
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/scheduler"
	"github.com/kubellm/kubellm/internal/instruments"
)

// Metrics 是模型控制器的指标。
type Metrics struct {
	placements  prometheus.Counter
	rejections  *prometheus.CounterVec
	timeToReady prometheus.Histogram
	resumed     resumptions
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
			Name: "kubellm_model_time_to_ready_seconds", Help: "Time from when a Model was created, resumed, or last changed to not Ready, until it was Ready.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 15),
		}),
	}
	utilruntime.Must(errors.Join(
		instruments.Register(registerer, &m.placements), instruments.Register(registerer, &m.rejections), instruments.Register(registerer, &m.timeToReady)))
	return m
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

// turned 在 Ready 变为真时计所花的时间；暂停着的不算，从恢复的那一刻数起：恢复时 Ready 的状态没变，时间要自己记着。
// 恢复之后、就绪之前控制器重启过的，只能从变为不就绪数起。
func (m *Metrics) turned(before, after *v1alpha1.Model, c metav1.Condition, now time.Time) {
	since := after.CreationTimestamp.Time
	if was := meta.FindStatusCondition(before.Status.Conditions, v1alpha1.ConditionReady); was != nil {
		since = was.LastTransitionTime.Time
		if was.Reason == v1alpha1.ReasonSuspended && c.Reason != v1alpha1.ReasonSuspended {
			m.resumed.set(after.UID, now)
		}
	}
	if c.Status != metav1.ConditionTrue {
		return
	}
	if resumed, ok := m.resumed.take(after.UID); ok && resumed.After(since) {
		since = resumed
	}
	// 条件的时间只到秒，恢复的时刻更细：同一秒里的算零。
	m.timeToReady.Observe(max(c.LastTransitionTime.Sub(since), 0).Seconds())
}

// forget 放下为一个已经没有了的 Model 记着的。
func (m *Metrics) forget(uid types.UID) { m.resumed.take(uid) }

// resumptions 是还没有就绪的 Model 何时从暂停中恢复。
type resumptions struct {
	mu sync.Mutex
	at map[types.UID]time.Time
}

func (r *resumptions) set(uid types.UID, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.at == nil {
		r.at = map[types.UID]time.Time{}
	}
	r.at[uid] = at
}

// take 取走记着的。
func (r *resumptions) take(uid types.UID) (time.Time, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, ok := r.at[uid]
	delete(r.at, uid)
	return at, ok
}
