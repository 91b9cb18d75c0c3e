package external

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	iamv1alpha1 "github.com/kubellm/kubellm/apis/iam/v1alpha1"
)

// scripted 是按剧本回答的服务器，只用于真平台造不出来的回答：限流、续页过期、卡在半路的列表。
type scripted struct {
	gets, lists atomic.Int32
	// list 与 get 可为空，分别取代默认的回答。
	list, get http.HandlerFunc
}

func (s *scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/apis/iam.kubellm.io/v1alpha1/users"), "/")
	counter, script := &s.gets, s.get
	if name == "" {
		counter, script = &s.lists, s.list
	}
	counter.Add(1)
	switch {
	case script != nil:
		script(w, r)
	case name == "":
		answer(w, http.StatusOK, page(""))
	default:
		answer(w, http.StatusOK, user(func(u *iamv1alpha1.User) { u.Name = name }))
	}
}

// page 是一页列表，接着的令牌可为空。
func page(next string, names ...string) *iamv1alpha1.UserList {
	list := &iamv1alpha1.UserList{ListMeta: metav1.ListMeta{ResourceVersion: "1", Continue: next}}
	for _, name := range names {
		list.Items = append(list.Items, *user(func(u *iamv1alpha1.User) { u.Name = name }))
	}
	return list
}

func answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}

func deny(w http.ResponseWriter, code int, reason metav1.StatusReason) {
	answer(w, code, metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusFailure, Code: int32(code), Reason: reason, Message: string(reason)})
}

// client 连上剧本服务器。
func (s *scripted) client(t *testing.T, mode ReadMode) *Client[*iamv1alpha1.User, *iamv1alpha1.UserList] {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	p, err := NewPlatform(&rest.Config{Host: server.URL}, Options{Reads: mode, FieldManager: testManager})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return NewClient(p, testKind)
}

// readMany 并发十路读取 n 个不同的对象。
func readMany(t *testing.T, c *Client[*iamv1alpha1.User, *iamv1alpha1.UserList], n int) {
	t.Helper()
	var wg sync.WaitGroup
	slots := make(chan struct{}, 10)
	for i := range n {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if _, err := c.Read(t.Context(), Key{Name: fmt.Sprintf("u%d", i)}); err != nil {
				t.Errorf("read u%d: %v", i, err)
			}
		})
	}
	wg.Wait()
}

func TestListForbiddenFallsBackForGood(t *testing.T) {
	s := &scripted{list: func(w http.ResponseWriter, _ *http.Request) { deny(w, 403, metav1.StatusReasonForbidden) }}
	c := s.client(t, RefreshReads)
	readMany(t, c, 60)
	if s.gets.Load() != 60 || s.lists.Load() != 1 {
		t.Errorf("who may not list reads one by one and does not try again: %d GETs, %d LISTs", s.gets.Load(), s.lists.Load())
	}
}

func TestTooManyToListFallsBack(t *testing.T) {
	s := &scripted{list: func(w http.ResponseWriter, _ *http.Request) {
		list := page("more", "u0")
		remaining := int64(maxSnapshot)
		list.RemainingItemCount = &remaining
		answer(w, http.StatusOK, list)
	}}
	c := s.client(t, RefreshReads)
	readMany(t, c, 30)
	if s.gets.Load() != 30 || s.lists.Load() != 1 {
		t.Errorf("a platform with far more objects than are needed is not pulled down whole: %d GETs, %d LISTs", s.gets.Load(), s.lists.Load())
	}
}

// TestWriteDropsListInFlight 在列表卡在半路时写入：那份列表可能没有看到写入，谁也不能用它。
func TestWriteDropsListInFlight(t *testing.T) {
	listing, release := make(chan struct{}), make(chan struct{})
	s := &scripted{}
	s.list = func(w http.ResponseWriter, _ *http.Request) {
		close(listing)
		<-release
		answer(w, http.StatusOK, page("", "old"))
	}
	c := s.client(t, RefreshReads)
	readMany(t, c, freeReads)
	done := make(chan error, 1)
	go func() {
		_, err := c.Read(t.Context(), Key{Name: "old"})
		done <- err
	}()
	<-listing
	c.reader.writing(Key{Name: "other"})
	close(release)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if s.gets.Load() != freeReads+1 {
		t.Errorf("the read was answered from a list that began before a write: %d GETs", s.gets.Load())
	}
}

func TestListRestartsOnceWhenExpired(t *testing.T) {
	cases := map[string]struct {
		reason  string
		expires int32
		class   Class
		lists   int32
	}{
		"Once":  {reason: "an expired continue token: begin anew", expires: 1, lists: 4},
		"Twice": {reason: "again expired: the caller decides", expires: 2, class: ClassGone, lists: 4},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var expired atomic.Int32
			s := &scripted{list: func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.URL.Query().Get("continue") == "":
					answer(w, http.StatusOK, page("token", "a"))
				case expired.Add(1) <= tc.expires:
					deny(w, http.StatusGone, metav1.StatusReasonExpired)
				default:
					answer(w, http.StatusOK, page("", "b"))
				}
			}}
			all, err := s.client(t, RefreshReads).List(t.Context(), "", nil, "")
			if ClassOf(err) != tc.class || err == nil && len(all) != 2 || s.lists.Load() != tc.lists {
				t.Errorf("%s: %d objects after %d pages: %v", tc.reason, len(all), s.lists.Load(), err)
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	cases := map[string]struct {
		reason   string
		code     int
		refusals int32
		timeout  time.Duration
		// retryAfter 是服务器要人等的时间；零则一秒。
		retryAfter time.Duration
		class      Class
		gets       int32
	}{
		"Honoured":    {reason: "asked to come back in a second, then answered", code: 429, refusals: 1, timeout: time.Minute, gets: 2},
		"Unavailable": {reason: "503 with Retry-After too", code: 503, refusals: 1, timeout: time.Minute, gets: 2},
		"NoTime":      {reason: "the caller's deadline does not allow the wait: say so at once", code: 429, refusals: 9, timeout: time.Minute, retryAfter: 3 * time.Minute, class: ClassRateLimited, gets: 1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wait := cmp.Or(tc.retryAfter, time.Second)
			s := &scripted{}
			s.get = func(w http.ResponseWriter, _ *http.Request) {
				if s.gets.Load() > tc.refusals {
					answer(w, http.StatusOK, user())
					return
				}
				w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)))
				http.Error(w, "Too many requests", tc.code)
			}
			c := s.client(t, RefreshReads)
			ctx, cancel := context.WithTimeout(t.Context(), tc.timeout)
			defer cancel()
			began := time.Now()
			_, err := c.Read(ctx, Key{Name: "alice"})
			if ClassOf(err) != tc.class || s.gets.Load() != tc.gets {
				t.Fatalf("%s: %d requests: %v", tc.reason, s.gets.Load(), err)
			}
			if took := time.Since(began); tc.class == "" && took < wait || tc.class != "" && took > tc.timeout/2 {
				t.Errorf("%s: took %s", tc.reason, took)
			}
			if e := classify(err); tc.class != "" && e.RetryAfter != wait {
				t.Errorf("%s: the error asks to wait %s", tc.reason, e.RetryAfter)
			}
		})
	}
}
