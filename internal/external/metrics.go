package external

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/kubellm/kubellm/internal/instruments"
)

// metrics 是本层的指标；没有登记处时一样计数，只是没人来取。
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	stale    *prometheus.GaugeVec
}

// newMetrics 建立并登记指标；同一登记处上的多个 Platform 共用一份。
func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kubellm_external_requests_total",
			Help: "Requests sent to the platform by kind, verb and HTTP code; code is error where no answer came.",
		}, []string{"kind", "verb", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "kubellm_external_request_duration_seconds",
			Help:    "Time until the platform's answer began, by kind and verb.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2.5, 10),
		}, []string{"kind", "verb"}),
		stale: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "kubellm_external_cache_stale",
			Help: "Number of caches of a kind that are not trusted now because their watch is broken or refused.",
		}, []string{"kind", "server"}),
	}
	return m, errors.Join(instruments.Register(r, &m.requests), instruments.Register(r, &m.seconds), instruments.Register(r, &m.stale))
}

// observe 记下一个请求。
func (m *metrics) observe(kind, verb, code string, took time.Duration) {
	m.requests.WithLabelValues(kind, verb, code).Inc()
	m.seconds.WithLabelValues(kind, verb).Observe(took.Seconds())
}
