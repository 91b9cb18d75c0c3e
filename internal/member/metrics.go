package member

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"github.com/kubellm/kubellm/internal/instruments"
)

// metrics 是成员连接的指标；标签的取值有限：成员、动词、状态码。
type metrics struct {
	requests  *prometheus.HistogramVec
	connected *connectedGauge
}

// newMetrics 建立并登记指标；r 为 nil 时不登记，同一登记处上的几个 Members 共用一份。
func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		connected: &connectedGauge{},
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "kubellm_member_request_duration_seconds",
			Help:    "Time until a member cluster's answer began, by cluster, verb and HTTP code; code is error where no answer came.",
			Buckets: prometheus.ExponentialBuckets(0.005, 4, 6),
		}, []string{"cluster", "verb", "code"}),
	}
	utilruntime.Must(errors.Join(instruments.Register(r, &m.connected), instruments.Register(r, &m.requests)))
	return m
}

var connectedDesc = prometheus.NewDesc("kubellm_members_connected", "Member clusters whose last probe was answered.", nil, nil)

// connectedGauge 在抓取时数一遍每个 Members 的成员。
type connectedGauge struct{ instruments.Running[*Members] }

// Describe 实现 prometheus.Collector。
func (g *connectedGauge) Describe(ch chan<- *prometheus.Desc) { ch <- connectedDesc }

// Collect 实现 prometheus.Collector。
func (g *connectedGauge) Collect(ch chan<- prometheus.Metric) {
	var n float64
	for _, m := range g.All() {
		n += m.connected()
	}
	ch <- prometheus.MustNewConstMetric(connectedDesc, prometheus.GaugeValue, n)
}

// forget 删去一个成员的数，免得来来去去的名字越积越多。
func (m *metrics) forget(cluster string) {
	m.requests.DeletePartialMatch(prometheus.Labels{"cluster": cluster})
}

// measured 为一个成员的每个请求计时。
type measured struct {
	next    http.RoundTripper
	metrics *metrics
	cluster string
}

func (t *measured) RoundTrip(req *http.Request) (*http.Response, error) {
	start := time.Now()
	resp, err := t.next.RoundTrip(req)
	code := "error"
	if err == nil {
		code = strconv.Itoa(resp.StatusCode)
	}
	t.metrics.requests.WithLabelValues(t.cluster, verbOf(req), code).Observe(time.Since(start).Seconds())
	return resp, err
}

// WrappedRoundTripper 让客户端库能找到里层的传输。
func (t *measured) WrappedRoundTripper() http.RoundTripper { return t.next }

const verbWatch = "watch"

// verbOf 把监视与读取分开：前者要等到头一个字节，后者是一次往返。
func verbOf(req *http.Request) string {
	if req.URL.Query().Get("watch") != "" {
		return verbWatch
	}
	return strings.ToLower(req.Method)
}
