package member

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/kubellm/kubellm/test/harness"
)

// pretending 是看起来像成员的回答；其余的路径由 rest 回答。
func pretending(rest http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Path {
		case "/readyz":
		case "/version":
			_, _ = fmt.Fprint(w, `{"gitVersion":"v1.36.0"}`)
		case "/api/v1/namespaces/kube-system":
			_, _ = fmt.Fprint(w, `{"metadata":{"uid":"id-1"}}`)
		default:
			rest(w, r)
		}
	}
}

// connected 是完整的一条连接，监视与客户端都在。
func connected(t *testing.T, answer http.HandlerFunc) *connection {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	c := newConnection(Target{Name: "a", Config: &rest.Config{Host: server.URL}, Interval: time.Second, Timeout: 10 * time.Second, FailureThreshold: 1},
		logr.Discard(), clock.RealClock{}, newMetrics(nil), func() {})
	c.start(t.Context())
	t.Cleanup(c.stop)
	return c
}

// TestRedirectsAreNotFollowed 成员不能把平台支到别处去，再从错误里读出那里说了什么。
func TestRedirectsAreNotFollowed(t *testing.T) {
	var reached atomic.Int32
	inside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reached.Add(1)
		http.Error(w, "inside-only", http.StatusForbidden)
	}))
	defer inside.Close()
	away := func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, inside.URL+"/latest", http.StatusFound)
	}

	if err := probing(t, away).ready(t.Context()); ReasonOf(err) != Unreachable || strings.Contains(err.Error(), "inside-only") {
		t.Errorf("a probe that is sent elsewhere fails here: %v", err)
	}
	c := connected(t, pretending(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/apis") {
			_, _ = fmt.Fprint(w, `{"kind":"APIGroupList"}`)
			return
		}
		away(w, r)
	}))
	harness.Eventually(t, "the list of nodes to fail", 2*time.Minute, func(context.Context) error {
		err := c.snapshot().Capacity.Err
		if err == nil || errors.Is(err, errNotListedYet) || errors.Is(err, errNotProbed) {
			return fmt.Errorf("not yet: %w", err)
		}
		return nil
	})
	if err := c.snapshot().Capacity.Err; strings.Contains(err.Error(), "inside-only") {
		t.Errorf("what another server says must not be shown: %v", err)
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("%d requests went to where the member pointed", n)
	}
}

// TestForeignProtocolsAreNotQuoted 指向别的服务时，那个服务的话不会经条件让人读到。
func TestForeignProtocolsAreNotQuoted(t *testing.T) {
	cases := map[string]struct{ reason, answer string }{
		"Banner": {"SSH and mail servers begin to speak first", "SSH-2.0-inside-only\r\n"},
		"Status": {"not HTTP, but nearly", "HTTP/1.1 inside-only\r\n\r\n"},
		"Header": {"a header that is none", "HTTP/1.1 200 OK\r\ninside-only\r\n\r\n"},
		"Length": {"a length that is none", "HTTP/1.1 200 OK\r\nContent-Length: inside-only\r\n\r\n"},
		"Coding": {"an encoding that there is not", "HTTP/1.1 200 OK\r\nTransfer-Encoding: inside-only\r\n\r\n"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = listener.Close() }()
			go func() {
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					_, _ = conn.Read(make([]byte, 4096))
					_, _ = fmt.Fprint(conn, tc.answer)
					_ = conn.Close()
				}
			}()
			c := newConnection(Target{Name: "a", Config: &rest.Config{Host: "http://" + listener.Addr().String()}},
				logr.Discard(), clock.RealClock{}, newMetrics(nil), func() {})
			if err := c.build(); err != nil {
				t.Fatal(err)
			}
			if err := c.ready(t.Context()); ReasonOf(err) != Unreachable || strings.Contains(err.Error(), "inside-only") {
				t.Errorf("%s: %v", tc.reason, err)
			}
		})
	}
}

// TestMemberCannotOverwhelm 成员说的话再长，也不会全进状态与日志。
func TestMemberCannotOverwhelm(t *testing.T) {
	const most = 4 << 10
	long := strings.Repeat("x", 1<<20)
	answer := func(path, body string, code int) http.HandlerFunc {
		honest := pretending(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, `{"kind":"APIGroupList"}`) })
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != path {
				honest(w, r)
				return
			}
			w.WriteHeader(code)
			_, _ = fmt.Fprint(w, body)
		}
	}
	cases := map[string]struct {
		reason string
		answer http.HandlerFunc
		want   Failure
	}{
		"Status":  {"an error message", answer("/readyz", `{"kind":"Status","code":403,"reason":"Forbidden","message":"`+long+`"}`, 403), Forbidden},
		"Checks":  {"failing checks", answer("/readyz", strings.Repeat("[-]"+long[:100]+" failed\n", 1000), 500), NotReady},
		"Version": {"a version", answer("/version", `{"gitVersion":"`+long+`"}`, 200), Unreachable},
		"Escapes": {"a version that takes over the terminal", answer("/version", `{"gitVersion":"v1\u001b[2J"}`, 200), Unreachable},
		"ID":      {"an identity", answer("/api/v1/namespaces/kube-system", `{"metadata":{"uid":"`+long+`"}}`, 200), Unreachable},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := probing(t, tc.answer)
			c.probe(t.Context())
			probe := c.snapshot().Probe
			if probe.Err == nil || ReasonOf(probe.Err) != tc.want || len(probe.Err.Error()) > most {
				t.Errorf("%s: got %q in %d bytes", tc.reason, ReasonOf(probe.Err), len(fmt.Sprint(probe.Err)))
			}
		})
	}
}

// TestAnswersAreBounded 一页列表再大也只占这么多内存，超过就是失败，而不是把整个控制器撑爆。
func TestAnswersAreBounded(t *testing.T) {
	c := probing(t, func(w http.ResponseWriter, _ *http.Request) {
		chunk := []byte(strings.Repeat(" ", 1<<20))
		for range maxBody>>20 + 8 {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	for path, bounded := range map[string]bool{"/api/v1/pods": true, "/api/v1/pods?watch=true": false} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.target.Config.Host+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var read int64
		buffer := make([]byte, 1<<20)
		for err == nil {
			var n int
			n, err = resp.Body.Read(buffer)
			read += int64(n)
		}
		_ = resp.Body.Close()
		if errors.Is(err, errTooLarge) != bounded || bounded && read > maxBody {
			t.Errorf("%s: %d bytes were read, then %v", path, read, err)
		}
	}
}

// TestDrainGivesUpOnHangingDiscovery 一个不说有哪些种类的成员，不会把工作者留住。
func TestDrainGivesUpOnHangingDiscovery(t *testing.T) {
	released := make(chan struct{})
	defer close(released)
	var asked atomic.Int32
	c := connected(t, pretending(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/api":
			asked.Add(1)
			select {
			case <-released:
			case <-r.Context().Done():
			}
		case strings.HasPrefix(r.URL.Path, "/apis"):
			_, _ = fmt.Fprint(w, `{"kind":"APIGroupList"}`)
		default:
			http.NotFound(w, r)
		}
	}))
	harness.Eventually(t, "the member to answer", 2*time.Minute, func(context.Context) error {
		if !c.answers() {
			return errors.New("not yet")
		}
		return nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	client, err := c.usable()
	if err != nil {
		t.Fatal(err)
	}
	if left, err := Drain(ctx, client, "1", time.Minute); err != nil || left.None() {
		t.Errorf("a member that does not say what it serves is not drained, it is merely slow: %s; %v", left, err)
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("it was asked %d times, want once: the time was up after that", n)
	}
}

// TestHostileNodes 节点报来的再多、再怪，状态里也只有认得、放得下的。
func TestHostileNodes(t *testing.T) {
	node := func(name string, resources int, labels map[string]string) *corev1.Node {
		n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
		n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
		n.Status.Capacity, n.Status.Allocatable = corev1.ResourceList{}, corev1.ResourceList{}
		for i := range resources {
			key := corev1.ResourceName(fmt.Sprintf("%s%dg.1gb", migPrefix, i))
			if resources == 1 {
				key = "nvidia.com/gpu"
			}
			n.Status.Capacity[key], n.Status.Allocatable[key] = resource.MustParse("9E"), resource.MustParse("9E")
		}
		return n
	}
	var blocks []*corev1.Node
	for i := range 10 * maxBlocks {
		n := node(fmt.Sprintf("n%d", i), 1, nil)
		n.Status.Allocatable["nvidia.com/gpu"] = *resource.NewQuantity(int64(i+1), resource.DecimalSI)
		blocks = append(blocks, n)
	}
	odd := node("odd", 0, nil)
	odd.Status.Capacity[corev1.ResourceName(migPrefix+strings.Repeat("x", 1000))] = resource.MustParse("1")
	odd.Status.Capacity[migPrefix+"a\nb"] = resource.MustParse("1")
	cases := map[string]struct {
		reason       string
		nodes        []*corev1.Node
		rows, blocks int
		product      string
	}{
		"Rows":     {"endless kinds of accelerators", []*corev1.Node{node("a", 10*maxRows, nil)}, maxRows, 1, unknownProduct},
		"Blocks":   {"endless sizes of free blocks", blocks, 1, maxBlocks, unknownProduct},
		"Names":    {"names that no resource can have", []*corev1.Node{odd}, 0, 0, ""},
		"Products": {"a product that no label can hold", []*corev1.Node{node("a", 1, map[string]string{"nvidia.com/gpu.product": strings.Repeat("x", 64)})}, 1, 1, unknownProduct},
		"Escapes":  {"a product that takes over the terminal", []*corev1.Node{node("a", 1, map[string]string{"nvidia.com/gpu.product": "H100\x1b[2J"})}, 1, 1, unknownProduct},
		"Overflow": {"sums beyond what a number holds", []*corev1.Node{node("a", 1, nil), node("b", 1, nil), node("c", 1, nil)}, 1, 1, unknownProduct},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, rows := Facts(tc.nodes, nil)
			if len(rows) != tc.rows {
				t.Fatalf("%s: %d rows, want %d", tc.reason, len(rows), tc.rows)
			}
			for _, row := range rows {
				if row.Product != tc.product || len(row.FreeBlocks) > tc.blocks || row.Free <= 0 || row.Capacity <= 0 || row.Allocatable <= 0 {
					t.Fatalf("%s: %+v", tc.reason, row)
				}
			}
		})
	}
}
