package observability_test

import (
	"context"
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/kubellm/kubellm/internal/observability"
	"github.com/kubellm/kubellm/test/harness"
)

const secret = "planted-secret"

// told 是对方收到的一个请求。
type told struct{ traceparent, query string }

// peer 是被请求的一方，记下收到的。
type peer struct {
	*httptest.Server
	requests []told
}

func newPeer(t *testing.T) *peer {
	t.Helper()
	p := &peer{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		p.requests = append(p.requests, told{r.Header.Get("traceparent"), r.URL.RawQuery})
	}))
	t.Cleanup(p.Close)
	return p
}

// get 请求 p 一次；地址带着查询串。
func (p *peer) get(ctx context.Context, t *testing.T, through http.RoundTripper) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL+"/path?fieldManager="+secret, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: through}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, perMillion int) (*observability.Tracing, *harness.Collector) {
	t.Helper()
	collector := harness.NewCollector(t)
	tracing, err := observability.Open(t.Context(), harness.TracingConfig(t, collector.Address, perMillion), "test-service")
	if err != nil {
		t.Fatal(err)
	}
	return tracing, collector
}

// TestReconcileIsOneTrace 看一次协调是一条追踪：谁、哪一代、哪一步、请求了谁、成没成；内容与错误的文字不在其中。
func TestReconcileIsOneTrace(t *testing.T) {
	tracing, collector := open(t, all)
	p := newPeer(t)
	// 一份配置被抄去再包一次，请求也只记一次。
	through := tracing.Wrapper()(tracing.Wrapper()(http.DefaultTransport))
	refused := apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "x", errors.New(secret))
	object := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{UID: "the-uid", Generation: 7}, Data: map[string][]byte{"token": []byte(secret)}}
	r := tracing.Reconciler("model", "Model", reconcile.Func(func(ctx context.Context, _ reconcile.Request) (reconcile.Result, error) {
		observability.Object(ctx, object)
		ctx, step := observability.Start(ctx, "apply", "gpu-a")
		p.get(ctx, t, through)
		step.End(refused)
		return reconcile.Result{RequeueAfter: 3 * time.Second}, nil
	}))
	if _, err := r.Reconcile(t.Context(), reconcile.Request{NamespacedName: types.NamespacedName{Namespace: "team", Name: "chat"}}); err != nil {
		t.Fatal(err)
	}
	// 监视与心跳不在协调里。
	p.get(t.Context(), t, through)
	if err := tracing.Close(); err != nil {
		t.Fatal(err)
	}

	spans := collector.Spans()
	root, step, request := named(t, spans, "reconcile Model"), named(t, spans, "apply"), named(t, spans, "HTTP GET")
	if len(spans) != 3 || root.Parent != "" || step.Parent != root.ID || request.Parent != step.ID || step.Trace != root.Trace || request.Trace != root.Trace {
		t.Errorf("the spans do not hang together: %+v", spans)
	}
	for key, want := range map[string]string{
		"kubellm.controller": "model", "kubellm.object.kind": "Model", "kubellm.object.namespace": "team", "kubellm.object.name": "chat",
		"kubellm.object.uid": "the-uid", "kubellm.object.generation": "7", "kubellm.reconcile.requeue_after_seconds": "3",
	} {
		if root.Attributes[key] != want {
			t.Errorf("%s of the reconcile is %q, want %q", key, root.Attributes[key], want)
		}
	}
	if step.Attributes["kubellm.cluster"] != "gpu-a" || step.Attributes["error.type"] != "Forbidden" || !step.Failed || root.Failed {
		t.Errorf("the step is %+v", step)
	}
	if request.Attributes["url.full"] != p.URL+"/path" || root.Service != "test-service" || root.Instance == "" {
		t.Errorf("the request is %+v", request)
	}
	if collector.Holds(secret) {
		t.Error("the traces hold what must stay secret")
	}
	want := []told{{"00-" + root.Trace + "-" + request.ID + "-01", "fieldManager=" + secret}, {"", "fieldManager=" + secret}}
	if !slices.Equal(p.requests, want) {
		t.Errorf("the peer was sent %+v, want %+v", p.requests, want)
	}
}

// TestUnansweredRequest 对方答的不是 HTTP 时，标准库的错误会引它的话；追踪里没有，调用者照样得到原来的错误。
func TestUnansweredRequest(t *testing.T) {
	tracing, collector := open(t, all)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = conn.Write([]byte(secret + "\r\n"))
		_ = conn.Close()
	}))
	t.Cleanup(server.Close)
	through := tracing.Wrapper()(http.DefaultTransport)
	r := tracing.Reconciler("model", "Model", reconcile.Func(func(ctx context.Context, _ reconcile.Request) (reconcile.Result, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
		if err != nil {
			return reconcile.Result{}, err
		}
		resp, err := through.RoundTrip(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		return reconcile.Result{}, err
	}))
	_, err := r.Reconcile(t.Context(), reconcile.Request{})
	if err == nil || !strings.Contains(err.Error(), secret) {
		t.Errorf("the caller is not given the transport's own error: %v", err)
	}
	if err := tracing.Close(); err != nil {
		t.Fatal(err)
	}
	spans := collector.Spans()
	if root, request := named(t, spans, "reconcile Model"), named(t, spans, "HTTP GET"); !root.Failed || !request.Failed {
		t.Errorf("the failure is not recorded: %+v", spans)
	}
	if collector.Holds(secret) {
		t.Error("the traces hold what the peer said")
	}
}

// TestUnsampled 没抽中的协调什么也不送，但告诉对方没抽中：对方不该为它另起一条。
func TestUnsampled(t *testing.T) {
	tracing, collector := open(t, 0)
	p := newPeer(t)
	through := tracing.Wrapper()(http.DefaultTransport)
	r := tracing.Reconciler("model", "Model", reconcile.Func(func(ctx context.Context, _ reconcile.Request) (reconcile.Result, error) {
		observability.Object(ctx, &corev1.Secret{})
		ctx, step := observability.Start(ctx, "apply", "gpu-a")
		defer step.End(nil)
		p.get(ctx, t, through)
		return reconcile.Result{}, nil
	}))
	if _, err := r.Reconcile(t.Context(), reconcile.Request{}); err != nil {
		t.Fatal(err)
	}
	if err := tracing.Close(); err != nil {
		t.Fatal(err)
	}
	if len(collector.Spans()) != 0 {
		t.Errorf("spans were sent: %+v", collector.Spans())
	}
	if len(p.requests) != 1 || !strings.HasSuffix(p.requests[0].traceparent, "-00") {
		t.Errorf("the peer was sent %+v, want a trace that is not sampled", p.requests)
	}
}

// TestOff 没有打开时，控制器与传输都是原来的，协调里的记号一次也不分配。
func TestOff(t *testing.T) {
	tracing, err := observability.Open(t.Context(), "", "test")
	if err != nil {
		t.Fatal(err)
	}
	next := &idle{}
	if r := tracing.Reconciler("model", "Model", next); r != reconcile.Reconciler(next) {
		t.Errorf("the reconciler was wrapped: %T", r)
	}
	if tracing.Wrapper() != nil {
		t.Error("requests are wrapped")
	}
	if _, span := tracing.Provider().Tracer("test").Start(t.Context(), "test"); span.IsRecording() {
		t.Error("spans are recorded")
	}
	if err := tracing.Close(); err != nil {
		t.Error(err)
	}
	object := &corev1.Secret{}
	// 数的是整个进程的分配：前面的测试留下的协程偶尔也在分配，所以取几次里最少的。
	least := math.Inf(1)
	for range 3 {
		least = min(least, testing.AllocsPerRun(100, func() { marks(t.Context(), object) }))
	}
	if least != 0 {
		t.Errorf("a reconcile allocates %v times", least)
	}
}

// BenchmarkReconcile 是一次协调里的记号所花的：关着、没抽中、抽中。
func BenchmarkReconcile(b *testing.B) {
	object := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{UID: "the-uid", Generation: 7}}
	for name, perMillion := range map[string]int{"off": -1, "not sampled": 0, "sampled": all} {
		b.Run(name, func(b *testing.B) {
			file := ""
			if perMillion >= 0 {
				file = harness.TracingConfig(b, harness.NewCollector(b).Address, perMillion)
			}
			tracing, err := observability.Open(b.Context(), file, "bench")
			if err != nil {
				b.Fatal(err)
			}
			r := tracing.Reconciler("model", "Model", &idle{object})
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Reconcile(b.Context(), reconcile.Request{}); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			if err := tracing.Close(); err != nil {
				b.Log(err)
			}
		})
	}
}

// idle 只留下记号，像一次什么也不用做的协调。
type idle struct{ object metav1.Object }

// Reconcile 实现 reconcile.Reconciler。
func (i *idle) Reconcile(ctx context.Context, _ reconcile.Request) (reconcile.Result, error) {
	marks(ctx, i.object)
	return reconcile.Result{}, nil
}

func marks(ctx context.Context, object metav1.Object) {
	observability.Object(ctx, object)
	for _, step := range []string{"decide", "observe", "apply", "write status"} {
		_, span := observability.Start(ctx, step, "gpu-a")
		span.End(nil)
	}
}

// named 是叫这个名字的唯一的 span。
func named(t *testing.T, spans []harness.Span, name string) harness.Span {
	t.Helper()
	var found []harness.Span
	for _, s := range spans {
		if s.Name == name {
			found = append(found, s)
		}
	}
	if len(found) != 1 {
		t.Fatalf("there are %d spans %q, want one; all are %+v", len(found), name, spans)
	}
	return found[0]
}
