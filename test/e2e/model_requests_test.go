package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/component-base/metrics/testutil"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// beatsAtRest 是安稳的时候要看过的心跳：到那时还没有别的动静，就是没有。
const beatsAtRest = 5

// tally 是按名字的请求数。
type tally map[string]float64

// since 只留 before 以来多出来的。
func (c tally) since(before tally) tally {
	more := tally{}
	for name, n := range c {
		if n > before[name] {
			more[name] = n - before[name]
		}
	}
	return more
}

// requests 是至今的请求：平台收到的按动词与资源，控制器发往 member 的按方法，连同模型的协调次数。
// 心跳不在其中：它不经过发请求的客户端库。
func requests(t *testing.T, member *harness.Member) tally {
	t.Helper()
	config := harness.Config(t, env.platform.Kubeconfig)
	admin, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	counts := tally{}
	for _, s := range scrape(t, admin, env.platform.URL+"/metrics")["apiserver_request_total"] {
		if s.Metric["resource"] != "" && s.Metric["verb"] != "WATCH" {
			counts[fmt.Sprintf("platform %s %s/%s", s.Metric["verb"], s.Metric["resource"], s.Metric["subresource"])] += float64(s.Value)
		}
	}
	controller := scrape(t, http.DefaultClient, env.controller.MetricsURL)
	for _, s := range controller["rest_client_requests_total"] {
		// 轮不到的请求没有发出去，客户端库也照样数。
		if strings.HasSuffix(member.APIServer.URL, "//"+string(s.Metric["host"])) && s.Metric["code"] != "<error>" {
			counts["member "+string(s.Metric["method"])] += float64(s.Value)
		}
	}
	for _, s := range controller["controller_runtime_reconcile_total"] {
		if s.Metric["controller"] == "model" {
			counts["reconciles"] += float64(s.Value)
		}
	}
	return counts
}

func scrape(t *testing.T, c *http.Client, url string) testutil.Metrics {
	t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("read the metrics of %s: %s: %v", url, resp.Status, err)
	}
	all := testutil.NewMetrics()
	if err := testutil.ParseMetrics(string(body), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// awaitBeats 等 Cluster 的状态又记下几次心跳。
func awaitBeats(t *testing.T, name string, beats int) {
	t.Helper()
	var last *metav1.Time
	harness.Eventually(t, "heartbeats of cluster "+name, promptly, func(ctx context.Context) error {
		c, err := env.clusters.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if now := c.Status.LastHeartbeatTime; !now.Equal(last) {
			last, beats = now, beats-1
		}
		if beats >= 0 {
			return fmt.Errorf("%d more are wanted", beats+1)
		}
		return nil
	})
}

// awaitRest 等到几次心跳之间控制器再没有为模型做什么，返回那几次心跳里的请求。
func awaitRest(t *testing.T, name string, member *harness.Member) tally {
	t.Helper()
	var during tally
	harness.Eventually(t, "the controller to have nothing to do for models", 2*promptly, func(context.Context) error {
		// 两边的计数不是同一刻读的：一次协调发出的请求与它自己可能落在边界的两侧。
		// 所以协调在更宽的一段里数，请求在它里面的一段里数。
		around := requests(t, member)
		before := requests(t, member)
		awaitBeats(t, name, beatsAtRest)
		during = requests(t, member).since(before)
		awaitBeats(t, name, 1)
		if requests(t, member).since(around)["reconciles"] > 0 {
			return errors.New("models are still reconciled")
		}
		return nil
	})
	return during
}

// TestModelRequests 数一个模型的来去要多少请求：每个对象只放一次，状态只写有了新话的几次；
// 都好了之后，除了心跳与租约什么也不发。
func TestModelRequests(t *testing.T) {
	register(t, "frugal", env.alpha, clusterv1alpha1.DeletionOrphan)
	const models = 6
	name := func(i int) string { return fmt.Sprintf("frugal-%d", i) }
	// 头一个打开监视、认得种类、造好命名空间：那不是一个模型的花费。
	deploy(t, wish{name: "frugal", clusters: []string{"frugal"}, replicas: 1, gpus: 1})
	awaitModel(t, "frugal", "serving", promptly, serves("frugal"))
	awaitRest(t, "frugal", env.alpha)

	before := requests(t, env.alpha)
	for i := range models {
		deploy(t, wish{name: name(i), clusters: []string{"frugal"}, replicas: 1, gpus: 1})
	}
	for i := range models {
		awaitModel(t, name(i), "serving", promptly, serves("frugal"))
	}
	rest := awaitRest(t, "frugal", env.alpha)
	check(t, "creating", requests(t, env.alpha).since(before), []budget{
		{"member PATCH", 2, 3, "a Deployment and a Service, each applied once, and once more where the watch has not shown it yet"},
		{"member GET", 2, 3, "whether something of that name is there already"},
		{"member DELETE", 0, 0, "there is nothing to remove"},
		{"platform PATCH models/", 1, 1, "the finalizer"},
		{"platform PATCH models/status", 2, 8, "the reservation, then what the member says"},
		{"platform POST events/", 2, 4, "placed, on its way, ready"},
		{"reconciles", 2, 16, "no more than the member and the Cluster have news"},
	}, models)
	for what, n := range rest {
		if !strings.HasSuffix(what, " leases/") && what != "platform PATCH clusters/status" && !strings.HasPrefix(what, "platform GET clusters/") {
			t.Errorf("%v requests at rest: %s", n, what)
		}
	}

	before = requests(t, env.alpha)
	for i := range models {
		harness.MustKubectl(t, env.platform.Kubeconfig, "", "delete", "model", name(i), "-n", team, "--wait=false")
	}
	for i := range models {
		awaitModelGone(t, name(i))
	}
	check(t, "deleting", requests(t, env.alpha).since(before), []budget{
		{"member DELETE", 2, 4, "the Deployment and the Service; once more where the watch has not shown that they are gone"},
		{"member GET", 4, 16, "each kind that was placed is listed at the end, and again whenever pods came late"},
		{"member PATCH", 0, 0, "nothing is applied any more"},
		{"platform PATCH models/", 1, 3, "the finalizer; again where the cache was behind the status"},
		{"platform PATCH models/status", 0, 3, "what the deletion waits for"},
		{"reconciles", 2, 8, "no more than the member has news"},
	}, models)
}

// budget 是每个模型至少与至多的请求数，与为什么。
type budget struct {
	what        string
	least, most float64
	reason      string
}

func check(t *testing.T, doing string, got tally, budgets []budget, models int) {
	t.Helper()
	t.Logf("%s %d models: %v", doing, models, got)
	for _, b := range budgets {
		if each := got[b.what] / float64(models); each < b.least || each > b.most {
			t.Errorf("%s: %s: %.2f a model, want %v to %v (%s)", doing, b.what, each, b.least, b.most, b.reason)
		}
	}
}
