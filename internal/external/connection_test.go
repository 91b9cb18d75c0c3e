package external_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
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

// TestUnusableConnection 的每种坏凭据都要说清服务器、原因和该检查什么，两种读取方式一样。
func TestUnusableConnection(t *testing.T) {
	platform := sharedPlatform(t)
	cases := map[string]struct {
		reason string
		config func(t *testing.T) *rest.Config
		class  external.Class
		says   []string
	}{
		"WrongCA": {
			reason: "the CA is another platform's",
			config: func(t *testing.T) *rest.Config {
				cfg := admin(t, platform)
				cfg.CAData = must[*harness.CA](t)(harness.NewCA("stranger")).PEM
				return cfg
			},
			class: external.ClassUnreachable, says: []string{"certificate signed by unknown authority", "CA certificate of these credentials"},
		},
		"ExpiredClient": {
			reason: "the client certificate has expired",
			config: func(t *testing.T) *rest.Config {
				return harness.Config(t, harness.KubeconfigFor(t, platform, harness.Identity{User: "late", Expired: true}))
			},
			class: external.ClassUnauthenticated, says: []string{"client certificate of these credentials expired at"},
		},
		"Unreachable": {
			reason: "nothing listens there",
			config: func(t *testing.T) *rest.Config {
				cfg := admin(t, platform)
				cfg.Host = "https://127.0.0.1:1"
				return cfg
			},
			class: external.ClassUnreachable, says: []string{"https://127.0.0.1:1", "connection refused", "check the server address"},
		},
		"NotAllowed": {
			reason: "the user holds no rights",
			config: func(t *testing.T) *rest.Config {
				return harness.Config(t, harness.KubeconfigFor(t, platform, harness.Identity{User: "nobody"}))
			},
			class: external.ClassForbidden, says: []string{"nobody", "grant the permission"},
		},
	}
	for name, tc := range cases {
		cfg := tc.config(t)
		for mode, reads := range map[string]external.ReadMode{"Informer": external.InformerReads, "Refresh": external.RefreshReads} {
			t.Run(name+"/"+mode, func(t *testing.T) {
				t.Parallel()
				chain := connect(t, cfg, external.Options{Reads: reads})
				client := external.NewClient(chain.Platform, kinds.User)
				want := userDesired{Object: newUser("alice", iamv1alpha1.UserSpec{}), Owner: chain.owner}
				began := time.Now()
				_, observing := client.Observe(t.Context(), want)
				_, applying := client.Apply(t.Context(), want, nil)
				if took := time.Since(began); took > 20*time.Second {
					t.Errorf("%s: it took %s to say so", tc.reason, took)
				}
				for _, err := range []error{observing, applying} {
					wantClass(t, tc.reason, err, tc.class)
					for _, fact := range append(tc.says, chain.Server(), `User "alice"`) {
						if !strings.Contains(err.Error(), fact) {
							t.Errorf("%s: %q does not say %q", tc.reason, err, fact)
						}
					}
				}
			})
		}
	}
}

func TestMalformedCredentials(t *testing.T) {
	const secret = "s3cr3t-k3y-material"
	cases := map[string]struct {
		reason string
		config *rest.Config
		says   string
	}{
		"NoServer": {reason: "never a silent localhost", config: &rest.Config{BearerToken: secret}, says: "no server address"},
		"BadKey": {
			reason: "a key that is not a key",
			config: &rest.Config{Host: "https://h", TLSClientConfig: rest.TLSClientConfig{CertData: []byte("x"), KeyData: []byte(secret)}},
			says:   "https://h",
		},
		"TwoIdentities": {
			reason: "a password and a token at once; a password in the address is not repeated",
			config: &rest.Config{Host: "https://u:" + secret + "@h", Username: "u", Password: secret, BearerToken: secret},
			says:   "https://h",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := external.NewPlatform(tc.config, external.Options{})
			wantClass(t, tc.reason, err, external.ClassInvalid)
			if !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), secret) {
				t.Errorf("%s: %v", tc.reason, err)
			}
		})
	}
}

// TestStartsWithoutPlatform 让工具链先于平台启动：先说不可达，平台来了就好。
func TestStartsWithoutPlatform(t *testing.T) {
	t.Parallel()
	platform := harness.NewPlatform(t, harness.PlatformOptions{})
	cfg := admin(t, platform)
	if err := platform.Kill(); err != nil {
		t.Fatal(err)
	}
	w := watchUsers(t, cfg, external.Options{})
	_, err := w.Read(t.Context(), external.Key{Name: "alice"})
	wantClass(t, "the platform is not there yet", err, external.ClassUnreachable)
	if err := platform.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.untilTold(t, "the key that was asked for in vain to be told", "alice", 0)
	_, err = w.Read(t.Context(), external.Key{Name: "alice"})
	wantClass(t, "the platform is there and has no such user", err, external.ClassNotFound)
}

func TestRefusedContent(t *testing.T) {
	s := newStage(t, "kubellm-test", iamv1alpha1.UserSpec{Email: ptr.To("not an address")})
	_, err := s.Apply(t.Context(), s.want, nil)
	wantClass(t, "the platform validates", err, external.ClassInvalid)
	if !strings.Contains(err.Error(), "spec.email") || !strings.Contains(err.Error(), "cannot create User") {
		t.Errorf("the error must name the field: %v", err)
	}
	if seen := s.observe(); seen.Exists {
		t.Error("what was refused was stored")
	}
}

func TestOwnerMarkIsRequired(t *testing.T) {
	s := newStage(t, "kubellm-test", iamv1alpha1.UserSpec{})
	s.want.Owner = ""
	if _, err := s.Apply(t.Context(), s.want, nil); err == nil {
		t.Error("an apply without a mark would let anybody take the object")
	}
	if _, err := s.Delete(t.Context(), s.want); err == nil {
		t.Error("a delete without a mark would delete what is nobody's")
	}
	must[*iamv1alpha1.User](t)(byHand(t, sharedPlatform(t)).IamV1alpha1().Users().Create(t.Context(), newUser(s.want.Key().Name, iamv1alpha1.UserSpec{}), metav1.CreateOptions{}))
	if seen := s.eventually("the object", func(o userSeen) bool { return o.Exists }); seen.Owned {
		t.Error("without a mark, an object without a mark is not ours")
	}
}

func TestPool(t *testing.T) {
	platform := sharedPlatform(t)
	pool := external.NewPool(external.Options{})
	t.Cleanup(pool.Close)
	first := must[*external.Platform](t)(pool.Get(admin(t, platform)))
	if again := must[*external.Platform](t)(pool.Get(admin(t, platform))); again != first {
		t.Error("the same credentials must share a platform")
	}
	other := harness.Config(t, harness.KubeconfigFor(t, platform, harness.Identity{User: "other"}))
	if must[*external.Platform](t)(pool.Get(other)) == first {
		t.Error("other credentials must not share it")
	}
	if _, err := pool.Get(&rest.Config{}); err == nil {
		t.Error("credentials that cannot be used must be refused")
	}
	// 两次查看的间隔比期限长，所以期间没人取用。
	brief := external.NewPool(external.Options{UnusedAfter: 50 * time.Millisecond})
	t.Cleanup(brief.Close)
	first = must[*external.Platform](t)(brief.Get(admin(t, platform)))
	harness.Eventually(t, "a platform that nobody asks for to be closed", patience, func(context.Context) error {
		if must[*external.Platform](t)(brief.Get(admin(t, platform))) == first {
			return errors.New("old credentials would watch for ever")
		}
		return nil
	})
	client := external.NewClient(first, kinds.User)
	if _, err := client.List(t.Context(), "", nil, ""); err != nil {
		t.Errorf("whoever still holds a closed platform can finish what they do: %v", err)
	}
	_, err := client.Read(t.Context(), external.Key{Name: "nobody-here"})
	wantClass(t, "reads of a closed platform go to the server", err, external.ClassNotFound)
}

func TestConfigDigest(t *testing.T) {
	through := func(proxy string) func(*http.Request) (*url.URL, error) {
		return http.ProxyURL(&url.URL{Scheme: "http", Host: proxy})
	}
	base := func() *rest.Config {
		return &rest.Config{Host: "https://h", BearerToken: "a", Proxy: through("wrong:1"), TLSClientConfig: rest.TLSClientConfig{CAData: []byte("ca")}}
	}
	one, same := base(), base()
	if external.ConfigDigest(one) != external.ConfigDigest(same) {
		t.Error("equal credentials must have equal digests")
	}
	for name, change := range map[string]func(*rest.Config){
		"host":        func(c *rest.Config) { c.Host = "https://i" },
		"token":       func(c *rest.Config) { c.BearerToken = "b" },
		"CA":          func(c *rest.Config) { c.CAData = []byte("cb") },
		"certificate": func(c *rest.Config) { c.CertData = []byte("x") },
		"user":        func(c *rest.Config) { c.Username, c.BearerToken = "a", "" },
		"impersonate": func(c *rest.Config) { c.Impersonate.UserName = "x" },
		"insecure":    func(c *rest.Config) { c.Insecure = true },
		"proxy":       func(c *rest.Config) { c.Proxy = through("right:2") },
		"way":         func(c *rest.Config) { c.Proxy = nil },
	} {
		changed := base()
		change(changed)
		if external.ConfigDigest(changed) == external.ConfigDigest(base()) {
			t.Errorf("another %s must be another platform", name)
		}
	}
	if strings.Contains(external.ConfigDigest(&rest.Config{BearerToken: "visible"}), "visible") {
		t.Error("the digest shows a credential")
	}
}

// TestKnowsNoToolchain 保证这一层不认识任何一个工具链。
func TestKnowsNoToolchain(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".", "./kinds").Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := strings.Fields(string(out))
	if len(deps) < 100 {
		t.Fatalf("only %d dependencies were listed", len(deps))
	}
	for _, dep := range deps {
		for _, banned := range []string{"github.com/crossplane", "github.com/hashicorp", "sigs.k8s.io/controller-runtime"} {
			if strings.HasPrefix(dep, banned) {
				t.Errorf("the shared layer must not depend on %s", dep)
			}
		}
	}
}
