package external_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"

	iamv1alpha1 "github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/internal/external"
	"github.com/kubellm/kubellm/internal/external/kinds"
	"github.com/kubellm/kubellm/test/harness"
)

// told 收集通知。
type told struct {
	mu    sync.Mutex
	count map[string]int
}

func (n *told) notify(key external.Key) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.count == nil {
		n.count = map[string]int{}
	}
	n.count[key.Name]++
}

func (n *told) of(name string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.count[name]
}

// watcher 是订阅了用户的一个 Platform。
type watcher struct {
	*userClient
	platform *external.Platform
	told     *told
}

func watchUsers(t *testing.T, cfg *rest.Config, o external.Options) *watcher {
	t.Helper()
	o.FieldManager = "kubellm-test"
	pool := external.NewPool(o)
	t.Cleanup(pool.Close)
	w := &watcher{told: &told{}}
	external.Subscribe(pool, kinds.User, w.told.notify)
	w.platform = must[*external.Platform](t)(pool.Get(cfg))
	w.userClient = external.NewClient(w.platform, kinds.User)
	return w
}

// until 等到对 name 的观察符合。
func (w *watcher) until(t *testing.T, what, name string, ok func(userSeen, error) bool) {
	t.Helper()
	harness.Eventually(t, what, patience, func(ctx context.Context) error {
		seen, err := w.Observe(ctx, userDesired{Object: newUser(name, iamv1alpha1.UserSpec{}), Owner: "o"})
		if !ok(seen, err) {
			return fmt.Errorf("observed exists=%t, error %w", seen.Exists, err)
		}
		return nil
	})
}

// untilTold 等到通知多于 before 次。
func (w *watcher) untilTold(t *testing.T, what, name string, before int) {
	t.Helper()
	harness.Eventually(t, what, patience, func(context.Context) error {
		if w.told.of(name) <= before {
			return errors.New("nothing was told")
		}
		return nil
	})
}

func TestIdleCostsNothing(t *testing.T) {
	s := newStage(t, "kubellm-test", iamv1alpha1.UserSpec{Email: ptr.To("a@x.io")})
	s.create()
	harness.Eventually(t, "the cache to answer", patience, func(context.Context) error {
		before := s.requests(t, "")
		if s.observe(); s.requests(t, "") != before {
			return errors.New("the observation sent a request")
		}
		return nil
	})
	before := s.requests(t, "")
	for range 200 {
		if seen := s.observe(); !seen.UpToDate {
			t.Fatalf("there is a difference: %q", seen.Diff)
		}
	}
	if sent := s.requests(t, "") - before; sent != 0 {
		t.Errorf("200 observations at rest sent %d requests", sent)
	}
	if watches := s.requests(t, "watch"); watches != 1 {
		t.Errorf("one kind needs one watch, there were %d", watches)
	}
}

func TestSubscribe(t *testing.T) {
	w := watchUsers(t, admin(t, sharedPlatform(t)), external.Options{})
	users := byHand(t, sharedPlatform(t)).IamV1alpha1().Users()
	const name = "subscribed"
	w.until(t, "the cache to fill", name, func(o userSeen, err error) bool { return err == nil && !o.Exists })
	steps := []struct {
		what string
		do   func() error
	}{
		{"the creation", func() error {
			_, err := users.Create(t.Context(), newUser(name, iamv1alpha1.UserSpec{}), metav1.CreateOptions{})
			return err
		}},
		{"the change", func() error {
			_, err := harness.Kubectl(t.Context(), sharedPlatform(t).Kubeconfig, "", "label", "user", name, "x=y")
			return err
		}},
		{"the deletion", func() error { return users.Delete(t.Context(), name, metav1.DeleteOptions{}) }},
	}
	for _, step := range steps {
		before := w.told.of(name)
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		w.untilTold(t, step.what+" to be told", name, before)
	}
}

// TestCacheNeverLies 杀掉平台再救活：头一会儿缓存照用，之后说不可达，恢复后一切如常，每次变化都通知。
func TestCacheNeverLies(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		reason      string
		fail, heal  func(*harness.Platform, context.Context) error
		inTheCause  string
		detectsLate bool
	}{
		"Killed": {
			reason: "a platform that is gone closes its connections",
			fail:   func(p *harness.Platform, _ context.Context) error { return p.Kill() },
			heal:   func(p *harness.Platform, ctx context.Context) error { return p.Restart(ctx) }, inTheCause: "refused",
		},
		"Hanging": {
			reason: "a platform that hangs keeps its connections open and answers nothing",
			fail:   func(p *harness.Platform, _ context.Context) error { return p.Halt() },
			heal:   func(p *harness.Platform, _ context.Context) error { return p.Resume() }, detectsLate: true,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			platform := harness.NewPlatform(t, harness.PlatformOptions{})
			w := watchUsers(t, admin(t, platform), external.Options{StaleAfter: 30 * time.Second})
			must[*iamv1alpha1.User](t)(byHand(t, platform).IamV1alpha1().Users().Create(t.Context(), newUser("alice", iamv1alpha1.UserSpec{}), metav1.CreateOptions{}))
			w.until(t, "the cache to fill", "alice", func(o userSeen, err error) bool { return err == nil && o.Exists })

			before := w.told.of("alice")
			if err := tc.fail(platform, t.Context()); err != nil {
				t.Fatal(err)
			}
			failed := time.Now()
			if _, err := w.Read(t.Context(), external.Key{Name: "alice"}); err != nil {
				t.Errorf("%s: a short outage must not be felt: %v", tc.reason, err)
			}
			w.untilTold(t, "the key to be told that the cache is stale", "alice", before)
			t.Logf("stale %s after the failure", time.Since(failed).Round(10*time.Millisecond))
			_, err := w.Read(t.Context(), external.Key{Name: "alice"})
			wantClass(t, tc.reason, err, external.ClassUnreachable)
			if !strings.Contains(err.Error(), platform.URL) || !strings.Contains(err.Error(), "watch broke at") || !strings.Contains(err.Error(), tc.inTheCause) {
				t.Errorf("%s: the error must name the server and the cause: %v", tc.reason, err)
			}

			before = w.told.of("alice")
			if err := tc.heal(platform, t.Context()); err != nil {
				t.Fatal(err)
			}
			healed := time.Now()
			w.untilTold(t, "the key to be told that the cache is back", "alice", before)
			t.Logf("back %s after the platform", time.Since(healed).Round(10*time.Millisecond))
			if _, err := w.Read(t.Context(), external.Key{Name: "alice"}); err != nil {
				t.Errorf("%s: it must heal by itself: %v", tc.reason, err)
			}
		})
	}
}

// TestRefusedCredentials 让平台换掉 CA：监视着的凭据突然不被承认，缓存立刻失效。
func TestRefusedCredentials(t *testing.T) {
	t.Parallel()
	platform := harness.NewPlatform(t, harness.PlatformOptions{})
	cfg := admin(t, platform)
	cfg.TLSClientConfig.CAData, cfg.TLSClientConfig.Insecure = nil, true
	// 重启得慢也不先说缓存旧了：那不是这里问的。
	w := watchUsers(t, cfg, external.Options{StaleAfter: time.Hour})
	w.until(t, "the cache to fill", "alice", func(o userSeen, err error) bool { return err == nil && !o.Exists })

	before := w.told.of("alice")
	if err := platform.Kill(); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"pki/ca.crt", "pki/ca.key", "pki/server.crt", "pki/server.key", "admin.kubeconfig", "controller.kubeconfig"} {
		if err := os.Remove(filepath.Join(platform.Dir, file)); err != nil {
			t.Fatal(err)
		}
	}
	if err := platform.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.untilTold(t, "the key to be told that the credentials are refused", "alice", before)
	_, err := w.Read(t.Context(), external.Key{Name: "alice"})
	wantClass(t, "401 invalidates the cache at once", err, external.ClassUnauthenticated)
}

// TestForbiddenWatchFallsBack 用只许 get 的身份：逐个取；后来准许监视了，就不再取。
func TestForbiddenWatchFallsBack(t *testing.T) {
	platform := sharedPlatform(t)
	cfg := harness.Config(t, harness.KubeconfigFor(t, platform, harness.Identity{User: "getter"}))
	grant(t, platform, "getter", "get")
	must[*iamv1alpha1.User](t)(byHand(t, platform).IamV1alpha1().Users().Create(t.Context(), newUser("polled", iamv1alpha1.UserSpec{}), metav1.CreateOptions{}))
	chain := connect(t, cfg, external.Options{})
	client := external.NewClient(chain.Platform, kinds.User)
	read := func() error {
		_, err := client.Read(t.Context(), external.Key{Name: "polled"})
		return err
	}
	harness.Eventually(t, "the permission to get", patience, func(context.Context) error { return read() })
	before := chain.requests(t, "get")
	if err := read(); err != nil || chain.requests(t, "get") != before+1 {
		t.Errorf("without the right to watch each read is one GET, there were %d: %v", chain.requests(t, "get")-before, err)
	}
	if err := client.WaitGone(t.Context(), external.Key{Name: "nobody"}, "uid"); err != nil {
		t.Errorf("waiting must do without a watch too: %v", err)
	}

	grant(t, platform, "getter", "get", "list", "watch")
	harness.Eventually(t, "the watch to be tried again", patience, func(context.Context) error {
		before := chain.requests(t, "get")
		if err := read(); err != nil {
			return err
		}
		if chain.requests(t, "get") != before {
			return errors.New("it still gets the object")
		}
		return nil
	})
	if stale := chain.staleCaches(t); stale != 0 {
		t.Errorf("%d caches count as stale", stale)
	}
}

// grant 准许一个用户对用户做这些事，取代以前准许的。
func grant(t *testing.T, p *harness.Platform, user string, verbs ...string) {
	t.Helper()
	harness.MustKubectl(t, p.Kubeconfig, fmt.Sprintf(`
apiVersion: iam.kubellm.io/v1alpha1
kind: Role
metadata: {name: %[1]s}
spec:
  rules: [{apiGroups: [iam.kubellm.io], resources: [users], verbs: [%[2]s]}]
---
apiVersion: iam.kubellm.io/v1alpha1
kind: RoleBinding
metadata: {name: %[1]s}
spec: {roleRef: {name: %[1]s}, subjects: [{kind: User, name: %[1]s}], allNamespaces: true}
`, user, strings.Join(verbs, ",")), "apply", "-f", "-")
}
