package observability_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/go-logr/logr/funcr"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/kubellm/kubellm/internal/observability"
	"github.com/kubellm/kubellm/test/harness"
)

// all 是记下每一条追踪。
const all = 1_000_000

func TestReadConfig(t *testing.T) {
	cases := map[string]struct {
		reason, content string
		refused         bool
	}{
		"current":         {reason: "the format of Kubernetes 1.34 and later", content: "apiVersion: apiserver.config.k8s.io/v1\nkind: TracingConfiguration\nendpoint: collector:4317\nsamplingRatePerMillion: 100\n"},
		"older":           {reason: "a file that is shared with an older kube-apiserver", content: "apiVersion: apiserver.config.k8s.io/v1beta1\nkind: TracingConfiguration\n"},
		"unknown field":   {reason: "a misspelt field would be a setting that does nothing", content: "apiVersion: apiserver.config.k8s.io/v1\nkind: TracingConfiguration\nsamplingRate: 1\n", refused: true},
		"another kind":    {reason: "another configuration is not one of tracing", content: "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\n", refused: true},
		"too many":        {reason: "more than all cannot be recorded", content: "apiVersion: apiserver.config.k8s.io/v1\nkind: TracingConfiguration\nsamplingRatePerMillion: 1000001\n", refused: true},
		"HTTP collectors": {reason: "traces are sent by gRPC", content: "apiVersion: apiserver.config.k8s.io/v1\nkind: TracingConfiguration\nendpoint: http://collector:4318\n", refused: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "tracing.yaml")
			if err := os.WriteFile(file, []byte(tc.content), 0o600); err != nil {
				t.Fatal(err)
			}
			config, err := observability.ReadConfig(file)
			if (err != nil) != tc.refused {
				t.Fatalf("%s: got %+v and error %v", tc.reason, config, err)
			}
			if err != nil && !strings.Contains(err.Error(), file) {
				t.Errorf("%s: the error does not name the file: %v", tc.reason, err)
			}
		})
	}
	if _, err := observability.ReadConfig("/no/such/file"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there gave %v", err)
	}
	if config, err := observability.ReadConfig(""); config != nil || err != nil {
		t.Errorf("no file gave %+v and error %v", config, err)
	}
}

// TestAbsentCollector 收集器连不上、或者连上了却不答：协调一次也不等它，停也停得下来，
// 装不下的追踪丢掉，日志里说一声，却不说追踪里有什么。
func TestAbsentCollector(t *testing.T) {
	refuses, err := harness.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct{ reason, address string }{
		"refuses": {"nothing listens there", fmt.Sprintf("127.0.0.1:%d", refuses)},
		"hangs":   {"what listens there never says anything", mute(t)},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tracing, err := observability.Open(t.Context(), harness.TracingConfig(t, tc.address, all), "test")
			if err != nil {
				t.Fatalf("%s: opening waits for the collector: %v", tc.reason, err)
			}
			// 队列只装得下两千个 span。
			const rounds = 10_000
			done := 0
			r := tracing.Reconciler("test", "Test", reconcile.Func(func(ctx context.Context, _ reconcile.Request) (reconcile.Result, error) {
				_, step := observability.Start(ctx, "step", "planted-cluster")
				step.End(nil)
				done++
				return reconcile.Result{}, nil
			}))
			for range rounds {
				if _, err := r.Reconcile(t.Context(), reconcile.Request{}); err != nil {
					t.Fatal(err)
				}
			}
			if done != rounds {
				t.Errorf("%s: %d of %d reconciles were done", tc.reason, done, rounds)
			}
			if err := tracing.Close(); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: the traces that were not sent are not told: %v", tc.reason, err)
			}
			if strings.Contains(said.String(), "planted-cluster") {
				t.Errorf("%s: the log says what is in a trace: %s", tc.reason, said.String())
			}
		})
	}
}

// mute 听着、收下连接，却从不作声。
func mute(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener.Addr().String()
}

// said 收下进程的日志。送追踪的协程比测试活得久，所以只在开头装上，不再换下。
var said recorder

func TestMain(m *testing.M) {
	klog.SetLogger(funcr.New(said.add, funcr.Options{}))
	os.Exit(m.Run())
}

type recorder struct {
	mu    sync.Mutex
	lines []string
}

func (r *recorder) add(prefix, args string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, prefix+args)
}

func (r *recorder) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.lines, "\n")
}
