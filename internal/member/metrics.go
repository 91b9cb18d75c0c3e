package member

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// metrics 是成员连接的指标；标签的取值有限：成员、动词、状态码。
type metrics struct {
	requests *prometheus.HistogramVec
}

// newMetrics 建立并登记指标；r 为 nil 时不登记。
func newMetrics(r prometheus.Registerer, connected func() float64) *metrics {
	factory := promauto.With(r)
	factory.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "kubellm_members_connected",
		Help: "Member clusters whose last probe was answered.",
	}, connected)
	return &metrics{requests: factory.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "kubellm_member_request_duration_seconds",
		Help:    "Time until a member cluster's answer began, by cluster, verb and HTTP code; code is error where no answer came.",
		Buckets: prometheus.ExponentialBuckets(0.005, 4, 6),
	}, []string{"cluster", "verb", "code"})}
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
