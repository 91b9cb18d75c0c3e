package app

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubellm/kubellm/apis/generated/clientset/versioned"
	"github.com/kubellm/kubellm/apis/iam/v1alpha1"
	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

const (
	// everyTrace 记下自己起的每一条追踪，onlyOthers 只接着记别人起的。
	everyTrace, onlyOthers = 1_000_000, -1
	// 各进程在追踪里的名字。
	controllerService, platformService, memberService = "kubellm-controller", "kubellm-apiserver", "apiserver"
	// huggingFaceToken 不许出现在任何追踪里。
	huggingFaceToken = "hf_plantedTokenThatNobodyMaySee"
)

// monitored 是平台在成员上的身份：组是成员接着记它的追踪的条件，权限由文档里的角色给。
var monitored = harness.Identity{User: "kubellm", Groups: []string{"system:monitoring"}}

// traced 是都在送追踪的平台、控制器与一个成员。
type traced struct {
	fleet
	collector  *harness.Collector
	platform   *harness.Platform
	controller *harness.Manager
	// kubeconfig 是交给平台的。
	kubeconfig []byte
}

// TestTracing 看一个放到成员上的模型的来龙去脉：平台、控制器与成员送来的是同一条追踪，秘密不在其中。
func TestTracing(t *testing.T) {
	// 各进程攒满这么久（毫秒）就送，默认的五秒让测试白等。
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "200")
	s := startTraced(t)
	s.placeModel(t)

	t.Run("OneTrace", s.oneTrace)
	t.Run("Quiet", s.quiet)
	t.Run("RequestsAreTracesOfTheirOwn", s.requests)
	t.Run("CallersOfTheServer", s.callers)
	t.Run("Removing", s.removing)
	t.Run("Metrics", s.metrics)
	t.Run("NoSecrets", s.noSecrets)
}

func startTraced(t *testing.T) *traced {
	t.Helper()
	s := &traced{collector: harness.NewCollector(t)}
	config := func(perMillion int) string {
		return "--tracing-config-file=" + harness.TracingConfig(t, s.collector.Address, perMillion)
	}
	s.platform = harness.NewPlatform(t, harness.PlatformOptions{Args: []string{config(everyTrace)}})
	s.fleet = newFleet(t, s.platform)
	s.one = harness.NewMember(t, harness.MemberOptions{Name: "one", ControlPlaneOnly: true, APIServerArgs: []string{config(onlyOthers)}})
	gpus := harness.GPUNodes{Prefix: "h100", Count: 1, Product: "NVIDIA-H100-80GB-HBM3", MemoryMiB: 81559, GPUs: 8}
	if err := s.one.AddGPUNodes(t.Context(), gpus); err != nil {
		t.Fatal(err)
	}
	s.controller = harness.NewController(t, harness.ManagerOptions{Kubeconfig: s.platform.ControllerKubeconfig, Args: []string{config(everyTrace)}})
	return s
}

// placeModel 登记成员，放一个要令牌的模型；另一个模型哪里也放不下。
func (s *traced) placeModel(t *testing.T) {
	t.Helper()
	role := firstYAML(t, "../../../docs/clusters.md")
	harness.MustKubectl(t, s.one.APIServer.Kubeconfig, role, "apply", "-f", "-")
	harness.MustKubectl(t, s.one.APIServer.Kubeconfig, "", "create", "clusterrolebinding", "kubellm", "--clusterrole=kubellm", "--user="+monitored.User)
	s.kubeconfig = harness.MemberKubeconfig(t, s.one, monitored, time.Hour)
	s.create(t, "gpu-a", nil)
	s.handIn(t, "gpu-a", s.kubeconfig)
	s.wait(t, "gpu-a", isReady)

	token := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "hf"}, StringData: map[string]string{"token": huggingFaceToken}}
	if _, err := s.core.CoreV1().Secrets("default").Create(t.Context(), token, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	for name, gpus := range map[string]int{"chat": 1, "too-big": 64} {
		harness.MustKubectl(t, s.platform.Kubeconfig, fmt.Sprintf(`{"apiVersion":"model.kubellm.io/v1alpha1","kind":"Model",
"metadata":{"name":%q,"namespace":"default"},"spec":{"engine":{"type":"VLLM","image":"example.org/vllm:1"},
"source":{"huggingFace":{"repo":"Qwen/Qwen3-8B","tokenSecretRef":{"name":"hf","key":"token"}}},
"resources":{"accelerator":{"count":%d}}}}`, name, gpus), "create", "-f", "-")
	}
	s.awaitCondition(t, "chat", modelv1alpha1.ConditionScheduled, metav1.ConditionTrue)
	s.awaitCondition(t, "too-big", modelv1alpha1.ConditionScheduled, metav1.ConditionFalse)
}

func (s *traced) awaitCondition(t *testing.T, name, kind string, status metav1.ConditionStatus) {
	t.Helper()
	clients, err := versioned.NewForConfig(harness.Config(t, s.platform.Kubeconfig))
	if err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, "model "+name, patience, func(ctx context.Context) error {
		m, err := clients.ModelV1alpha1().Models("default").Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, c := range m.Status.Conditions {
			if c.Type == kind && c.Status == status {
				return nil
			}
		}
		return fmt.Errorf("the conditions are %+v", m.Status.Conditions)
	})
}

// firstYAML 是一页文档里的第一段 YAML。
func firstYAML(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(text), "```yaml\n")
	yaml, _, _ := strings.Cut(block, "```")
	return yaml
}

// traces 把收到的 span 按追踪分开。
func (s *traced) traces() map[string][]harness.Span {
	all := map[string][]harness.Span{}
	for _, span := range s.collector.Spans() {
		all[span.Trace] = append(all[span.Trace], span)
	}
	return all
}

// lineage 是一个 span 从根数起的来历；缺了哪个上级，第二个值为假。
func lineage(span harness.Span, trace []harness.Span) ([]string, bool) {
	line := []string{span.Service + " " + span.Name}
	for span.Parent != "" {
		i := slices.IndexFunc(trace, func(s harness.Span) bool { return s.ID == span.Parent })
		if i < 0 {
			return line, false
		}
		span = trace[i]
		line = append(line, span.Service+" "+span.Name)
	}
	slices.Reverse(line)
	return line, true
}

// statusOfModel 是写 Model 的状态的请求在平台那边的 span，从根数起的上级在它前面。
func statusOfModel(steps ...string) []string {
	line := []string{controllerService + " reconcile Model"}
	for _, step := range steps {
		line = append(line, controllerService+" "+step)
	}
	return append(line, controllerService+" HTTP PATCH",
		platformService+" PATCH /apis/model.kubellm.io/v1alpha1/namespaces/{:namespace}/models/{:name}/status")
}

// onMember 是放上一个对象的请求在成员那边的 span。
func onMember(resource string) []string {
	return []string{controllerService + " reconcile Model", controllerService + " apply", controllerService + " HTTP PATCH", memberService + " PATCH " + resource}
}

// placing 是放下模型的那条追踪里该有的来历。
var placing = [][]string{
	{controllerService + " reconcile Model", controllerService + " decide"},
	{controllerService + " reconcile Model", controllerService + " observe"},
	onMember("/apis/apps/v1/namespaces/{:namespace}/deployments/{:name}"),
	onMember("/api/v1/namespaces/{:namespace}/secrets/{:name}"),
	statusOfModel("write status"),
}

// oneTrace 放下模型的那次协调是一条追踪，三个服务的 span 都在其中，上下级都对。
func (s *traced) oneTrace(t *testing.T) {
	harness.Eventually(t, "the trace of placing the model", patience, func(context.Context) error {
		why := fmt.Errorf("no reconcile of it went on to the member")
		for _, trace := range s.traces() {
			if !slices.ContainsFunc(trace, reconcileOf("chat")) || !slices.ContainsFunc(trace, from(memberService)) {
				continue
			}
			if why = whole(trace); why == nil {
				return nil
			}
		}
		return why
	})
	// 预留先写下，也许在更早的一次协调里。
	harness.Eventually(t, "the trace of reserving a place", patience, func(context.Context) error {
		for _, trace := range s.traces() {
			if slices.ContainsFunc(trace, reconcileOf("chat")) && holds(trace, statusOfModel("decide", "write status")) {
				return nil
			}
		}
		return fmt.Errorf("no decision was written by any reconcile")
	})
}

// whole 说一条追踪还缺什么。
func whole(trace []harness.Span) error {
	for _, span := range trace {
		if line, found := lineage(span, trace); !found {
			return fmt.Errorf("the parent of %v was not exported", line)
		}
	}
	for _, want := range placing {
		if !holds(trace, want) {
			return fmt.Errorf("none of %d spans is %q", len(trace), want)
		}
	}
	// 两台服务器都说得出自己的请求在 etcd 里做了什么。
	for _, service := range []string{platformService, memberService} {
		if !slices.ContainsFunc(trace, func(s harness.Span) bool {
			return s.Service == service && strings.HasPrefix(s.Name, "etcdserverpb.KV/")
		}) {
			return fmt.Errorf("%s says nothing of etcd", service)
		}
	}
	root := trace[slices.IndexFunc(trace, reconcileOf("chat"))]
	if root.Parent != "" || root.Attributes["kubellm.object.uid"] == "" || root.Attributes["kubellm.object.generation"] != "1" ||
		root.Attributes["kubellm.reconcile.id"] == "" || root.Attributes["kubellm.object.namespace"] != "default" {
		return fmt.Errorf("the reconcile is %+v", root)
	}
	for _, span := range trace {
		if on := span.Attributes["kubellm.cluster"]; span.Service == controllerService && span.Name == "apply" && on != "gpu-a" {
			return fmt.Errorf("it is applied on %q", on)
		}
	}
	return nil
}

// holds 报告一条追踪里有没有这样来的 span。
func holds(trace []harness.Span, want []string) bool {
	return slices.ContainsFunc(trace, func(s harness.Span) bool {
		line, _ := lineage(s, trace)
		return slices.Equal(line, want)
	})
}

func reconcileOf(name string) func(harness.Span) bool {
	return func(s harness.Span) bool {
		return s.Name == "reconcile Model" && s.Attributes["kubellm.object.name"] == name
	}
}

func from(service string) func(harness.Span) bool {
	return func(s harness.Span) bool { return s.Service == service }
}

// removing 删除模型时收走的，也在删除它的协调里。
func (s *traced) removing(t *testing.T) {
	harness.MustKubectl(t, s.platform.Kubeconfig, "", "delete", "model", "chat", "-n", "default", "--timeout=3m")
	want := []string{controllerService + " reconcile Model", controllerService + " remove", controllerService + " HTTP DELETE",
		memberService + " DELETE /apis/apps/v1/namespaces/{:namespace}/deployments/{:name}"}
	harness.Eventually(t, "the trace of removing the model", patience, func(context.Context) error {
		for _, trace := range s.traces() {
			if slices.ContainsFunc(trace, reconcileOf("chat")) && holds(trace, want) {
				return nil
			}
		}
		return fmt.Errorf("there is no %q", want)
	})
}

// quiet 控制器起的追踪都是协调：监视、心跳与选主不在其中；地址里没有查询串。
func (s *traced) quiet(t *testing.T) {
	kinds := map[string]bool{}
	for _, span := range s.collector.Spans() {
		if span.Service != controllerService {
			continue
		}
		if span.Parent == "" {
			kinds[span.Name] = true
			if !strings.HasPrefix(span.Name, "reconcile ") {
				t.Errorf("the controller started a trace that is no reconcile: %+v", span)
			}
		}
		if address := span.Attributes["url.full"]; strings.ContainsAny(address, "?") || strings.HasSuffix(address, "/readyz") {
			t.Errorf("the controller recorded a request for %s", address)
		}
	}
	for _, kind := range []string{"reconcile Model", "reconcile Cluster"} {
		if !kinds[kind] {
			t.Errorf("there is no %q among %v", kind, kinds)
		}
	}
}

// requests 建 Model 的请求自成一条，协调不接在它后面；两者由名字与 generation 对上。
func (s *traced) requests(t *testing.T) {
	const created = "POST /apis/model.kubellm.io/v1alpha1/namespaces/{:namespace}/models"
	harness.Eventually(t, "the trace of the request that made the model", patience, func(context.Context) error {
		for _, trace := range s.traces() {
			if !slices.ContainsFunc(trace, func(s harness.Span) bool { return s.Service == platformService && s.Name == created }) {
				continue
			}
			if slices.ContainsFunc(trace, from(controllerService)) {
				return harness.Permanent(fmt.Errorf("a reconcile continues the trace of a request: %+v", trace))
			}
			return nil
		}
		return fmt.Errorf("there is none among %d spans", len(s.collector.Spans()))
	})
}

// callers 服务器接着记超级用户与监控带来的追踪；别人带来的只留一个指向它的链接，免得谁都能左右服务器记多少。
func (s *traced) callers(t *testing.T) {
	cases := map[string]struct {
		reason    string
		identity  harness.Identity
		continued bool
	}{
		"superuser":  {"an administrator's tool can follow its request", harness.Identity{User: "root", Groups: []string{"system:masters"}}, true},
		"monitoring": {"so can who watches the platform, the controller among them", harness.Identity{User: "watcher", Groups: []string{"system:monitoring"}}, true},
		"anybody":    {"nobody else decides what the server records", harness.Identity{User: "ann"}, false},
	}
	next := 0
	for name, tc := range cases {
		next++
		trace, parent := fmt.Sprintf("%032x", 0xabc0+next), fmt.Sprintf("%016x", 0xdef0+next)
		t.Run(name, func(t *testing.T) {
			config := harness.Config(t, harness.KubeconfigFor(t, s.platform, tc.identity))
			s.call(t, config, "00-"+trace+"-"+parent+"-01")
			harness.Eventually(t, "the span of the request", patience, func(context.Context) error {
				for _, span := range s.collector.Spans() {
					continues := span.Trace == trace && span.Parent == parent && len(span.Links) == 0
					links := span.Trace != trace && span.Parent == "" && slices.Equal(span.Links, []string{trace + "/" + parent})
					if span.Service == platformService && span.Kind == tracev1.Span_SPAN_KIND_SERVER && (tc.continued && continues || !tc.continued && links) {
						return nil
					}
				}
				return fmt.Errorf("%s: continued must be %v", tc.reason, tc.continued)
			})
		})
	}
}

// call 以 config 的身份发一个带着 traceparent 的请求。
func (s *traced) call(t *testing.T, config *rest.Config, traceparent string) {
	t.Helper()
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return bearing{next, traceparent} })
	clients, err := versioned.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := clients.Discovery().ServerVersion(); err != nil {
		t.Fatal(err)
	}
}

// bearing 给请求带上 traceparent。
type bearing struct {
	next        http.RoundTripper
	traceparent string
}

// RoundTrip 实现 http.RoundTripper。
func (b bearing) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("traceparent", b.traceparent)
	return b.next.RoundTrip(req)
}

// metrics 文档里列的指标都在：控制器的在它自己的 /metrics，服务器的在服务器的。
func (s *traced) metrics(t *testing.T) {
	page, err := os.ReadFile("../../../docs/observability.md")
	if err != nil {
		t.Fatal(err)
	}
	_, documented, _ := strings.Cut(string(page), "\n## Metrics\n")
	documented, _, _ = strings.Cut(documented, "\n## ")
	ofController, ofServer := body(t, s.controller.MetricsURL), harness.MustKubectl(t, s.platform.Kubeconfig, "", "get", "--raw", "/metrics")
	names := regexp.MustCompile("`([a-z]+(?:_[a-z]+)+)`").FindAllStringSubmatch(documented, -1)
	if len(names) < 10 {
		t.Fatalf("docs/observability.md lists only %v", names)
	}
	for _, name := range names {
		served := ofController
		if strings.HasPrefix(name[1], "apiserver_") || strings.HasPrefix(name[1], "etcd_") {
			served = ofServer
		}
		if !strings.Contains(served, "\n# TYPE "+name[1]+" ") {
			t.Errorf("the metric %s is documented but not served", name[1])
		}
	}
}

func body(t *testing.T, url string) string {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// noSecrets 令牌与交来的 kubeconfig 里的私钥，以哪种写法都不在收到的字节里；它们的名字在，说明真的在看。
func (s *traced) noSecrets(t *testing.T) {
	config, err := clientcmd.RESTConfigFromKubeConfig(s.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	planted := map[string]string{
		"the token": huggingFaceToken, "the token in base64": base64.StdEncoding.EncodeToString([]byte(huggingFaceToken)),
		"the kubeconfig in base64":  base64.StdEncoding.EncodeToString(s.kubeconfig)[:60],
		"the private key in base64": base64.StdEncoding.EncodeToString(config.KeyData)[:60],
	}
	lines := bytes.Split(bytes.TrimSpace(config.KeyData), []byte("\n"))
	for i, line := range lines[1 : len(lines)-1] {
		planted[fmt.Sprintf("line %d of the private key", i+1)] = string(line)
	}
	for what, text := range planted {
		if s.collector.Holds(text) {
			t.Errorf("the traces hold %s", what)
		}
	}
	if !s.collector.Holds("/api/v1/namespaces/default/secrets/hf") {
		t.Error("the request for the Secret is not in the traces, so nothing was looked at")
	}
}

// TestTracingWithoutCollector 收集器收下连接却从不作声：控制器照样干活、照样停，日志仍是一行一个 JSON。
func TestTracingWithoutCollector(t *testing.T) {
	// 送不到要半分钟才算；这里一秒，停之前就已说出来。
	t.Setenv("OTEL_BSP_EXPORT_TIMEOUT", "1000")
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "200")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	file := "--tracing-config-file=" + harness.TracingConfig(t, listener.Addr().String(), everyTrace)
	platform := harness.NewPlatform(t, harness.PlatformOptions{Args: []string{file}})
	controller := harness.NewController(t, harness.ManagerOptions{Kubeconfig: platform.ControllerKubeconfig, Args: []string{file}})
	p := world{client(t, platform)}
	p.createUser(t, "ann", v1alpha1.UserSpec{})
	p.waitUser(t, "ann", hasRoles("kubellm-user"))
	for _, process := range []*harness.Process{controller.Process, platform.Process} {
		if err := process.Stop(); err != nil {
			t.Error(err)
		}
		log, err := os.ReadFile(process.LogFile())
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(log)) {
			// 带竞态检测编出来的平台，apiserver 的库在日志装好之前自己说一句；用户拿到的没有它。
			if !json.Valid([]byte(line)) && !strings.Contains(line, "Data race detection enabled") {
				t.Errorf("%s logs a line that is not JSON: %s", process.Name(), line)
			}
		}
	}
}
