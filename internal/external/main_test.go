package external_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/rest"

	"github.com/kubellm/kubellm/apis/generated/clientset/versioned"
	"github.com/kubellm/kubellm/internal/external"
	"github.com/kubellm/kubellm/test/harness"
)

// shared 是多数测试共用的平台；要杀它的测试自己另起一个。
var shared struct {
	sync.Once
	platform *harness.Platform
	dir      string
	err      error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.platform != nil {
		if err := shared.platform.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	if shared.dir != "" {
		_ = os.RemoveAll(shared.dir)
	}
	os.Exit(code)
}

// sharedPlatform 给出共用的平台，第一次用到时启动。
func sharedPlatform(t *testing.T) *harness.Platform {
	t.Helper()
	binary := harness.Binary(t, "kubellm-apiserver", "")
	shared.Do(func() {
		if shared.dir, shared.err = os.MkdirTemp("", "kubellm-"); shared.err == nil {
			shared.platform, shared.err = harness.StartPlatform(context.Background(), harness.PlatformOptions{Binary: binary, Dir: shared.dir})
		}
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.platform
}

// toolchain 是一个连着平台的工具链，以及它发出的请求的计数。
type toolchain struct {
	*external.Platform
	owner    string
	registry *prometheus.Registry
}

// connect 以给定的身份和读取方式连上平台。
func connect(t *testing.T, cfg *rest.Config, o external.Options) *toolchain {
	t.Helper()
	registry := prometheus.NewRegistry()
	if o.FieldManager == "" {
		o.FieldManager = "kubellm-test"
	}
	o.Registerer = registry
	p, err := external.NewPlatform(cfg, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return &toolchain{Platform: p, owner: o.FieldManager + "/" + t.Name(), registry: registry}
}

// admin 是管理员的凭据。
func admin(t *testing.T, p *harness.Platform) *rest.Config {
	t.Helper()
	return harness.Config(t, p.Kubeconfig)
}

// byHand 是不经本层的客户端，扮演在背后改东西的人。
func byHand(t *testing.T, p *harness.Platform) versioned.Interface {
	t.Helper()
	c, err := versioned.NewForConfig(admin(t, p))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// requests 是至今发出的某种请求的个数；verb 为空时是监视之外的全部。
func (c *toolchain) requests(t *testing.T, verb string) int {
	t.Helper()
	return int(c.sum(t, "kubellm_external_requests_total", func(labels map[string]string) bool {
		return labels["verb"] == verb || verb == "" && labels["verb"] != "watch"
	}))
}

// staleCaches 是失效的缓存个数。
func (c *toolchain) staleCaches(t *testing.T) int {
	t.Helper()
	return int(c.sum(t, "kubellm_external_cache_stale", func(map[string]string) bool { return true }))
}

func (c *toolchain) sum(t *testing.T, name string, match func(map[string]string) bool) float64 {
	t.Helper()
	families, err := c.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var total float64
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, metric := range family.GetMetric() {
			labels := map[string]string{}
			for _, pair := range metric.GetLabel() {
				labels[pair.GetName()] = pair.GetValue()
			}
			if match(labels) {
				total += metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
			}
		}
	}
	return total
}

// patience 是等待平台做完一件事的期限。
const patience = 2 * time.Minute

// wantClass 断言错误的分类。
func wantClass(t *testing.T, reason string, err error, class external.Class) {
	t.Helper()
	if external.ClassOf(err) != class {
		t.Fatalf("%s: got class %q, want %q: %v", reason, external.ClassOf(err), class, err)
	}
}

// must 断言没有错误并给出结果。
func must[R any](t *testing.T) func(R, error) R {
	return func(r R, err error) R {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
}

// wrote 断言写成了并给出对象。
func wrote[T external.Object](t *testing.T) func(external.Written[T], error) T {
	return func(written external.Written[T], err error) T {
		t.Helper()
		if err != nil || !written.Applied {
			t.Fatalf("the write must succeed and say so: applied %t, error %v", written.Applied, err)
		}
		return written.Object
	}
}

// runOut 等一件不会发生的事，直到期限，给出等到的错误；机器忙得期限之内什么也没看到，说不出 says，就再等久一点。
func runOut(t *testing.T, says string, wait func(context.Context) error) error {
	t.Helper()
	var err error
	for limit := 3 * time.Second; limit <= time.Minute; limit *= 4 {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		err = wait(ctx)
		cancel()
		if err == nil || strings.Contains(err.Error(), says) {
			break
		}
	}
	return err
}

// manifest 写一份用户清单给 kubectl 用。
func manifest(t *testing.T, name, email string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "user.yaml")
	text := fmt.Sprintf("apiVersion: iam.kubellm.io/v1alpha1\nkind: User\nmetadata: {name: %s}\nspec: {email: %s, displayName: D}\n", name, email)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
