package member

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kubellm/kubellm/test/harness"
)

// workers 是这里的控制器的工作者数，crowd 比它多得多。
const workers, crowd = 4, 12

// stalling 是一个读得快、删 Deployment 却不答的成员；asked 数着有几个删除在等，discovered 数着问有哪些种类的。
type stalling struct {
	client.Client
	asked, discovered atomic.Int32
	release           func()
}

func newStalling(t *testing.T, hangs func(*http.Request) bool) *stalling {
	t.Helper()
	s := &stalling{}
	released := make(chan struct{})
	s.Client = clientAt(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/api" || r.URL.Path == "/apis" {
			s.discovered.Add(1)
		}
		if hangs(r) {
			s.asked.Add(1)
			select {
			case <-released:
			case <-r.Context().Done():
			}
		}
		_, _ = fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Success"}`)
	})
	s.release = sync.OnceFunc(func() { close(released) })
	t.Cleanup(s.release)
	return s
}

// clientAt 是工作者用来问一个成员的客户端，没有心跳与监视。
func clientAt(t *testing.T, answer http.HandlerFunc) client.Client {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	c := newConnection(Target{Name: "a", Config: &rest.Config{Host: server.URL}}, logr.Discard(), clock.RealClock{}, newMetrics(nil), func() {})
	c.workers = workers
	if err := c.build(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.newCache(); err != nil {
		t.Fatal(err)
	}
	return c.client
}

func deleting(r *http.Request) bool { return r.Method == http.MethodDelete }

// remove 删一个 Deployment，成员不会答。
func (s *stalling) remove(ctx context.Context) error {
	d := &appsv1.Deployment{}
	d.Namespace, d.Name = "team", "chat"
	return s.Delete(ctx, d)
}

// read 读一个，成员当场就答。
func (s *stalling) read(ctx context.Context) error {
	return s.Get(ctx, client.ObjectKey{Namespace: "team", Name: "chat"}, &corev1.Service{})
}

// arrive 等到成员那里有 n 个在等，一个也不多。
func (s *stalling) arrive(t *testing.T, n int32) {
	t.Helper()
	harness.Eventually(t, "the requests that got in to reach the member", time.Minute, func(context.Context) error {
		if got := s.asked.Load(); got < n {
			return fmt.Errorf("%d wait there", got)
		}
		return nil
	})
	if got := s.asked.Load(); got != n {
		t.Errorf("%d requests wait at the member, want %d", got, n)
	}
}

// rush 让 n 个一起做同一件事，逐个交出结果。
func rush(n int, do func() error) <-chan error {
	results := make(chan error, n)
	for range n {
		go func() { results <- do() }()
	}
	return results
}

// refused 等到 n 个被拒绝；别的结果来得更早就是错。
func refused(t *testing.T, results <-chan error, n int) {
	t.Helper()
	for range n {
		if err := <-results; !errors.Is(err, ErrSlow) {
			t.Fatalf("it was to be turned away: %v", err)
		}
	}
}

// TestOneWorkerIsSpared 一个不答的成员占不住全部工作者；慢过之后，它答得快的也不能让一群又进去等，但那些快的都过得去。
func TestOneWorkerIsSpared(t *testing.T) {
	t.Parallel()
	s := newStalling(t, deleting)
	waiting := rush(crowd, func() error { return s.remove(t.Context()) })
	refused(t, waiting, crowd-(workers-1))
	// 其余的都被拒绝了，进去的也不会再多：到不到得了成员只差路上的时间。
	s.arrive(t, workers-1)
	for range workers - 1 {
		if err := <-waiting; !Slow(err) || errors.Is(err, ErrSlow) {
			t.Errorf("what got in is to wait until its time is up: %v", err)
		}
	}
	reads := rush(workers, func() error { return s.read(t.Context()) })
	for range workers {
		if err := <-reads; err != nil {
			t.Errorf("quick requests take turns, and none is turned away: %v", err)
		}
	}
	s.asked.Store(0)
	waiting = rush(crowd, func() error { return s.remove(t.Context()) })
	refused(t, waiting, crowd-1)
	s.arrive(t, 1)
	if err := s.read(t.Context()); !errors.Is(err, ErrSlow) {
		t.Errorf("while one waits too long nothing gets in: %v", err)
	}
	s.release()
	if err := <-waiting; err != nil {
		t.Errorf("the one that waited gets its answer: %v", err)
	}
}

// TestDiscoveryIsAskedByOne 问成员有哪些种类时库拿着锁：别的不等在锁上；每个成员都有的种类根本不问。
func TestDiscoveryIsAskedByOne(t *testing.T) {
	t.Parallel()
	s := newStalling(t, func(r *http.Request) bool { return r.URL.Path == "/api" || r.URL.Path == "/apis" })
	for _, kind := range Placed {
		if kind.Group != kedaGroup && kind.Group != kserveGroup {
			if _, err := s.RESTMapper().RESTMapping(kind); err != nil {
				t.Errorf("%s needs no asking: %v", kind, err)
			}
		}
	}
	if n := s.discovered.Load(); n != 0 {
		t.Errorf("the member was asked %d times for kinds that every member has", n)
	}
	results := rush(crowd, func() error {
		_, err := s.RESTMapper().RESTMapping(schema.GroupKind{Group: kedaGroup, Kind: "ScaledObject"})
		return err
	})
	refused(t, results, crowd-1)
	s.arrive(t, 1)
	s.release()
	if err := <-results; errors.Is(err, ErrSlow) {
		t.Errorf("the one that asks is answered: %v", err)
	}
}

// TestWorkersDoNotSleep 叫人稍后再来的成员只被问一次：等多久由平台定，不在工作者里等。
func TestWorkersDoNotSleep(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	c := clientAt(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header().Set("Retry-After", "1")
		http.Error(w, "later", http.StatusTooManyRequests)
	})
	for what, ask := range map[string]func() error{
		"an object": func() error {
			return c.Get(t.Context(), client.ObjectKey{Namespace: "team", Name: "chat"}, &corev1.Service{})
		},
		"the kinds that it serves": func() error {
			_, err := c.RESTMapper().RESTMapping(schema.GroupKind{Group: kedaGroup, Kind: "ScaledObject"})
			return err
		},
	} {
		asked.Store(0)
		if err := ask(); !Slow(err) {
			t.Errorf("a member that is asked for %s and has too much to do is slow: %v", what, err)
		}
		if n := asked.Load(); n != 1 {
			t.Errorf("it was asked for %s %d times, want once", what, n)
		}
	}
}

// TestEverySlownessIsKnown 等到时限的与没有去试的都只是慢；被拒绝的不是。
func TestEverySlownessIsKnown(t *testing.T) {
	t.Parallel()
	s := newStalling(t, deleting)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	for _, tc := range []struct {
		reason string
		err    error
		slow   bool
	}{
		{"the caller's time was up", s.remove(ctx), true},
		{"it was not sent", fmt.Errorf("delete it: %w", ErrSlow), true},
		{"two failures, one of them for want of time", errors.Join(errAnotherMember, context.DeadlineExceeded), true},
		{"a refusal", errAnotherMember, false},
		{"success", nil, false},
	} {
		if got := Slow(tc.err); got != tc.slow {
			t.Errorf("%s: slow is %t: %v", tc.reason, got, tc.err)
		}
	}
}
