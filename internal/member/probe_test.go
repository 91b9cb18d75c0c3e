package member

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
)

// probing 是一条只用来探测的连接；对面按剧本回答，只用于真成员造不出来的回答。
func probing(t *testing.T, answer http.HandlerFunc) *connection {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	c := newConnection(Target{Name: "a", Config: &rest.Config{Host: server.URL}, Timeout: 10 * time.Second, FailureThreshold: 2},
		logr.Discard(), clock.RealClock{}, newMetrics(nil), func() {})
	if err := c.build(); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestProbeAnswers(t *testing.T) {
	status := func(code int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			_, _ = fmt.Fprint(w, body)
		}
	}
	cases := map[string]struct {
		reason string
		answer http.HandlerFunc
		want   Failure
		says   string
	}{
		"FailingChecks": {
			"the names of what fails, nothing of what passes", status(500, "[+]ping ok\n[-]etcd failed: reason withheld\n[-]informer-sync failed\nreadyz check failed\n"),
			NotReady, "etcd, informer-sync",
		},
		"Unexplained":  {"500 without a list", status(500, "boom"), NotReady, "not ready"},
		"Unauthorized": {"a proxy's 401 has no Status", status(401, "who?"), Unauthorized, "not accepted"},
		"Forbidden":    {"a proxy's 403 has no Status", status(403, "no"), Forbidden, "may not"},
		"Gateway":      {"a gateway answers for a member that is gone", status(502, "<html>"), Unreachable, "502"},
		"NoHealthPath": {"neither path is there: this is no API server", status(404, "404 page not found"), Unreachable, "404"},
		"Status": {
			"the member's own Status decides", status(503, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"ServiceUnavailable","code":503,"message":"shutting down"}`),
			NotReady, "shutting down",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			err := probing(t, tc.answer).ready(t.Context())
			if ReasonOf(err) != tc.want || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%s: got %q: %v", tc.reason, ReasonOf(err), err)
			}
		})
	}
}

func TestProbeFallsBackToHealthz(t *testing.T) {
	c := probing(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			http.NotFound(w, r)
		}
	})
	if err := c.ready(t.Context()); err != nil {
		t.Errorf("a member without /readyz says by /healthz that it is there: %v", err)
	}
}

// TestReconnectsOnceOn401 被拒的头一次换一条连接再问；一直被拒就不再换。
func TestReconnectsOnceOn401(t *testing.T) {
	var asked atomic.Int32
	var firstPeer atomic.Value
	c := probing(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		firstPeer.CompareAndSwap(nil, r.RemoteAddr)
		w.WriteHeader(http.StatusUnauthorized)
		if asked.Load() == 2 && firstPeer.Load() == r.RemoteAddr {
			t.Error("the second request must come on another connection")
		}
	})
	for _, want := range []int32{2, 3, 4} {
		c.probe(t.Context())
		if got := asked.Load(); got != want {
			t.Fatalf("%d requests, want %d", got, want)
		}
	}
	if probe := c.snapshot().Probe; probe.Failures != 3 || !probe.Failed || ReasonOf(probe.Err) != Unauthorized {
		t.Errorf("three probes were refused: %+v", probe)
	}
}

// TestConclusionIsSteady 已经算失败之后，门限那么多次都是另一种才改口；没到门限之前说的是最近一次。
func TestConclusionIsSteady(t *testing.T) {
	gone, starting := error(syscall.ECONNREFUSED), error(&notReadyError{})
	denied := apierrors.NewUnauthorized("no")
	cases := map[string]struct {
		reason string
		probes []error
		want   Failure
	}{
		"BeforeThreshold": {"the latest failure is told until it counts", []error{gone}, Unreachable},
		"AtThreshold":     {"the failure that reaches the threshold is the conclusion", []error{gone, denied}, Unauthorized},
		"Starting":        {"a member that comes back is not ready for a moment", []error{gone, gone, starting}, Unreachable},
		"OtherNow":        {"as often as the threshold in a row it is the new conclusion", []error{gone, gone, starting, starting}, NotReady},
		"Interrupted":     {"not in a row", []error{gone, gone, starting, gone, starting}, Unreachable},
		"Mixed":           {"different ones do not add up", []error{gone, gone, starting, denied, starting}, Unreachable},
		"Recovered":       {"a success clears it all", []error{gone, gone, starting, nil, starting}, NotReady},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := probing(t, http.NotFound)
			for _, err := range tc.probes {
				if err == nil {
					c.succeeded(identity{id: "id-1"}, 0)
				} else {
					c.missed(err)
				}
			}
			if got := ReasonOf(c.snapshot().Probe.Err); got != tc.want {
				t.Errorf("%s: concluded %s, want %s", tc.reason, got, tc.want)
			}
		})
	}
}

// TestInheritedNumbers 上一份凭据看到的数字，只有成员还是同一个时才留。
func TestInheritedNumbers(t *testing.T) {
	seen := time.Now().Add(-time.Minute)
	old := Evidence{ID: "id-1", Capacity: Capacity{Known: true, LastSeen: seen, Nodes: v1alpha1.NodeSummary{Total: 7}}}
	for name, tc := range map[string]struct {
		reason, id string
		nodes      int32
	}{
		"Same":  {"the numbers of the same member were true when they were seen", "id-1", 7},
		"Other": {"the numbers of another member were never true of this one", "id-2", 0},
	} {
		t.Run(name, func(t *testing.T) {
			c := probing(t, http.NotFound)
			c.inherit(old)
			if got := c.snapshot().Capacity; got.Known || got.Nodes.Total != 7 || !got.LastSeen.Equal(seen) {
				t.Errorf("before the member is known the numbers stay: %+v", got)
			}
			c.succeeded(identity{id: tc.id}, 0)
			if got := c.snapshot().Capacity; got.Known || got.Nodes.Total != tc.nodes || got.LastSeen.IsZero() != (tc.nodes == 0) {
				t.Errorf("%s: %+v", tc.reason, got)
			}
		})
	}
}

// TestDiscoveryIsConditional 能力隔多次心跳才问一次，文档没有变时不再读它；旧成员的清单也读得懂。
func TestDiscoveryIsConditional(t *testing.T) {
	var documents, unchanged atomic.Int32
	c := probing(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Path {
		case "/readyz":
		case "/version":
			_, _ = fmt.Fprint(w, `{"gitVersion":"v1.36.0"}`)
		case "/api/v1/namespaces/kube-system":
			_, _ = fmt.Fprint(w, `{"metadata":{"uid":"id-1"}}`)
		case "/apis":
			if r.Header.Get("If-None-Match") == `"e"` {
				unchanged.Add(1)
				w.WriteHeader(http.StatusNotModified)
				return
			}
			documents.Add(1)
			w.Header().Set("ETag", `"e"`)
			_, _ = fmt.Fprint(w, `{"kind":"APIGroupList","groups":[{"name":"keda.sh"},{"name":"serving.kserve.io","preferredVersion":{"groupVersion":"serving.kserve.io/v1alpha1"}}]}`)
		case "/apis/serving.kserve.io/v1alpha1":
			_, _ = fmt.Fprint(w, `{"kind":"APIResourceList","resources":[{"name":"llminferenceservices"}]}`)
		default:
			http.NotFound(w, r)
		}
	})
	for range 2*capabilitiesEvery + 1 {
		c.probe(t.Context())
	}
	evidence := c.snapshot()
	if got := fmt.Sprint(evidence.Capabilities); got != "[ImageVolumes KEDA KServe]" || evidence.ID != "id-1" || evidence.Version != "v1.36.0" {
		t.Errorf("the capabilities of an old discovery document: %s; %+v", got, evidence)
	}
	if documents.Load() != 1 || unchanged.Load() != 2 {
		t.Errorf("%d documents and %d not modified in %d heartbeats, want 1 and 2", documents.Load(), unchanged.Load(), 2*capabilitiesEvery+1)
	}
}

func TestFailures(t *testing.T) {
	wrap := func(err error) error {
		return &url.Error{Op: "Get", URL: "https://h/readyz", Err: &net.OpError{Op: "read", Net: "tcp",
			Source: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 43210}, Err: os.NewSyscallError("read", err)}}
	}
	cases := map[string]struct {
		reason string
		err    error
		want   Failure
	}{
		"Nil":       {"no failure has no reason", nil, ""},
		"Refused":   {"nothing listens", wrap(syscall.ECONNREFUSED), Unreachable},
		"Reset":     {"it was killed while it answered", wrap(syscall.ECONNRESET), Unreachable},
		"NoRoute":   {"the network is gone", wrap(syscall.EHOSTUNREACH), Unreachable},
		"Strange":   {"what is not foreseen is not an answer either", wrap(syscall.EPIPE), Unreachable},
		"Timeout":   {"no answer in time", &url.Error{Op: "Get", URL: "https://h", Err: context.DeadlineExceeded}, Unreachable},
		"Forbidden": {"inside a joined error too", errors.Join(errors.New("x"), apierrors.NewForbidden(schemaless, "", nil)), Forbidden},
		"Busy":      {"it answers that it is too busy", apierrors.NewTooManyRequests("later", 1), NotReady},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := ReasonOf(tc.err); got != tc.want {
				t.Errorf("%s: %q, want %q", tc.reason, got, tc.want)
			}
			if tc.err == nil {
				return
			}
			said := failed("look", tc.err)
			if ReasonOf(said) != tc.want || strings.Contains(said.Error(), "43210") {
				t.Errorf("%s: what is said must keep the reason and leave out the port: %v", tc.reason, said)
			}
		})
	}
}
