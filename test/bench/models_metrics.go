package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/component-base/metrics/testutil"
)

// effort 是一段时间里控制器与服务器为模型花的，都是前后之差；liveHeap 是之后的。
type effort struct {
	controllerCPU, serverCPU, memberCPU time.Duration
	// platform 是平台收到的请求，按动词与资源；member 是控制器发往成员的，按动词。
	platform, member counts
	reconciles       float64
	liveHeap         float64
}

// counts 是按名字的数目。
type counts map[string]float64

// since 是从 before 以来多出来的；没有变的不留。
func (c counts) since(before counts) counts {
	more := counts{}
	for name, n := range c {
		if d := n - before[name]; d > 0 {
			more[name] = d
		}
	}
	return more
}

func (c counts) sum() float64 {
	var sum float64
	for n := range maps.Values(c) {
		sum += n
	}
	return sum
}

// scraper 取一个进程的指标。
type scraper struct {
	http *http.Client
	url  string
}

// newServerScraper 以管理员的身份取平台的指标。
func newServerScraper(config *rest.Config) (*scraper, error) {
	c, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("make a client of the platform's metrics: %w", err)
	}
	return &scraper{c, config.Host + "/metrics"}, nil
}

func (s *scraper) scrape(ctx context.Context) (testutil.Metrics, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("read the metrics of %s: %w", s.url, err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("read the metrics of %s: %s: %w", s.url, resp.Status, err)
	}
	all := testutil.NewMetrics()
	return all, testutil.ParseMetrics(string(body), &all)
}

// tally 把一种指标按 name 给出的名字加起来；空的不算。
func tally(samples testutil.Samples, name func(testutil.Metric) string) counts {
	sums := counts{}
	for _, s := range samples {
		if key := name(s.Metric); key != "" {
			sums[key] += float64(s.Value)
		}
	}
	return sums
}

// request 是平台收到的一种请求；监视只是开着，取指标的是我们自己。
func request(m testutil.Metric) string {
	if m["verb"] == "WATCH" || m["resource"] == "" {
		return ""
	}
	resource := string(m["resource"])
	if m["subresource"] != "" {
		resource += "/" + string(m["subresource"])
	}
	return string(m["verb"]) + " " + resource
}

func memberRequest(m testutil.Metric) string { return strings.ToUpper(string(m["verb"])) }

func ofModels(m testutil.Metric) string {
	if m["controller"] == "model" {
		return "model"
	}
	return ""
}

// reading 是某一刻的全部读数。
type reading struct {
	controllerCPU, serverCPU, memberCPU time.Duration
	platform, member, reconciles        counts
	liveHeap                            float64
}

// memberCPU 是成员的全部进程至今用的处理器时间。
func (b *modelBench) memberCPU() (time.Duration, error) {
	var sum time.Duration
	for _, p := range b.member.Processes() {
		used, err := cpuTime(p.PID())
		if err != nil {
			return 0, err
		}
		sum += used
	}
	return sum, nil
}

func (b *modelBench) read(ctx context.Context) (r reading, err error) {
	if r.controllerCPU, err = cpuTime(b.controller.PID()); err != nil {
		return r, err
	}
	if r.serverCPU, err = cpuTime(b.platform.PID()); err != nil {
		return r, err
	}
	if r.memberCPU, err = b.memberCPU(); err != nil {
		return r, err
	}
	server, err := b.server.scrape(ctx)
	if err != nil {
		return r, err
	}
	controller, err := (&scraper{http.DefaultClient, b.controller.MetricsURL}).scrape(ctx)
	if err != nil {
		return r, err
	}
	r.platform = tally(server["apiserver_request_total"], request)
	r.member = tally(controller["kubellm_member_request_duration_seconds_count"], memberRequest)
	r.reconciles = tally(controller["controller_runtime_reconcile_total"], ofModels)
	for _, s := range controller["go_gc_heap_live_bytes"] {
		r.liveHeap = float64(s.Value) / (1 << 20)
	}
	return r, nil
}

// effort 量一段工作的花费。
func (b *modelBench) effort(ctx context.Context, work func() error) (effort, error) {
	before, err := b.read(ctx)
	if err != nil {
		return effort{}, err
	}
	if err := work(); err != nil {
		return effort{}, err
	}
	after, err := b.read(ctx)
	if err != nil {
		return effort{}, err
	}
	return effort{
		controllerCPU: after.controllerCPU - before.controllerCPU, serverCPU: after.serverCPU - before.serverCPU,
		memberCPU: after.memberCPU - before.memberCPU,
		platform:  after.platform.since(before.platform), member: after.member.since(before.member),
		reconciles: after.reconciles.since(before.reconciles).sum(), liveHeap: after.liveHeap,
	}, nil
}
