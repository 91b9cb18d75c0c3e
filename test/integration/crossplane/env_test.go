package crossplane

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kubellm/kubellm/apis/generated/clientset/versioned"
	clusterscoped "github.com/kubellm/kubellm/apis/managed/clusterscoped/v1alpha1"
	namespaced "github.com/kubellm/kubellm/apis/managed/namespaced/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

const (
	// promptly 是"不等轮询"的上限：轮询间隔是一小时，所以这只取决于机器多忙。
	promptly = 2 * time.Minute

	systemNamespace = "kubellm-system"
	credentials     = "kubellm-credentials"
)

// platformServer 是一个平台和它的控制器。
type platformServer struct {
	*harness.Platform
	audit string
	iam   *versioned.Clientset
}

func startPlatform(ctx context.Context, s *stack, name string) (*platformServer, error) {
	dir := filepath.Join(s.dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	p := &platformServer{audit: filepath.Join(dir, "audit.log")}
	policy := filepath.Join(dir, "audit-policy.yaml")
	if err := os.WriteFile(policy, []byte("apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [ResponseStarted, ResponseComplete]\nrules: [{level: Metadata}]\n"), 0o600); err != nil {
		return nil, err
	}
	binary, err := harness.Build(ctx, "kubellm-apiserver")
	if err != nil {
		return nil, err
	}
	p.Platform, err = harness.StartPlatform(ctx, harness.PlatformOptions{
		Binary: binary, Dir: filepath.Join(dir, "data"), LogDir: dir,
		Args: []string{"--audit-log-path=" + p.audit, "--audit-policy-file=" + policy, "--audit-log-maxsize=0"},
	})
	if err != nil {
		return nil, err
	}
	s.add(p.Platform)
	if binary, err = harness.Build(ctx, "kubellm-controller"); err != nil {
		return nil, err
	}
	controller, err := harness.StartController(ctx, harness.ManagerOptions{
		Binary: binary, Kubeconfig: p.ControllerKubeconfig, LogDir: dir, Args: harness.PatientLease(),
	})
	if err != nil {
		return nil, err
	}
	s.add(controller)
	cfg, err := harness.RESTConfig(p.Kubeconfig)
	if err != nil {
		return nil, err
	}
	p.iam, err = versioned.NewForConfig(cfg)
	return p, err
}

// auditLog 是平台至今的审计日志；最后一行可能正写到一半，那一行不要。
func (p *platformServer) auditLog() ([]byte, error) {
	raw, err := os.ReadFile(p.audit)
	return raw[:bytes.LastIndexByte(raw, '\n')+1], err
}

// requests 数出一个用户自某一时刻以来向平台发过的请求，按动词。
func (p *platformServer) requests(user string, since time.Time) (map[string]int, error) {
	raw, err := p.auditLog()
	if err != nil {
		return nil, err
	}
	counts := map[string]int{}
	lines := bufio.NewScanner(bytes.NewReader(raw))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var event struct {
			Verb                     string
			User                     struct{ Username string }
			RequestReceivedTimestamp metav1.MicroTime
		}
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			return nil, fmt.Errorf("read %s: %w", p.audit, err)
		}
		if event.User.Username == user && event.RequestReceivedTimestamp.After(since) {
			counts[event.Verb]++
		}
	}
	return counts, lines.Err()
}

// controlPlane 是一个 kube-apiserver 和接在它上面的 provider。
type controlPlane struct {
	*harness.KubeAPIServer
	name     string
	stack    *stack
	dir      string
	kube     client.Client
	provider *harness.Manager
}

func startControlPlane(ctx context.Context, s *stack, name string) (*controlPlane, error) {
	c := &controlPlane{name: name, stack: s, dir: filepath.Join(s.dir, name)}
	etcd, err := harness.StartEtcd(ctx, harness.EtcdOptions{Dir: filepath.Join(c.dir, "etcd"), LogDir: c.dir})
	if err != nil {
		return nil, err
	}
	s.add(etcd)
	c.KubeAPIServer, err = harness.StartKubeAPIServer(ctx, harness.KubeAPIServerOptions{EtcdURL: etcd.URL, Dir: filepath.Join(c.dir, "kube"), LogDir: c.dir})
	if err != nil {
		return nil, err
	}
	s.add(c.KubeAPIServer)
	cfg, err := harness.RESTConfig(c.Kubeconfig)
	if err != nil {
		return nil, err
	}
	c.kube, err = client.New(cfg, client.Options{Scheme: scheme})
	return c, err
}

// user 是这个控制面的 provider 在平台上的身份。
func (c *controlPlane) user() string { return "crossplane-" + c.name }

// connect 装上 CRD 与默认的 provider 配置。
func (c *controlPlane) connect(ctx context.Context, p *platformServer) error {
	if err := c.installCRDs(ctx); err != nil {
		return err
	}
	if err := c.served(ctx); err != nil {
		return err
	}
	return c.configure(ctx, p)
}

// served 等到装上的种类真的有人答：说建立了的那一刻，答请求的人可能还没看到它。
func (c *controlPlane) served(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, promptly)
	defer cancel()
	return harness.Wait(ctx, "the kinds of the provider configurations to be served", func(ctx context.Context) error {
		return errors.Join(c.kube.List(ctx, &namespaced.ClusterProviderConfigList{}), c.kube.List(ctx, &clusterscoped.ProviderConfigList{}))
	})
}

func (c *controlPlane) installCRDs(ctx context.Context) error {
	root, err := harness.Root()
	if err != nil {
		return err
	}
	if _, err := harness.Kubectl(ctx, c.Kubeconfig, "", "apply", "--server-side", "-f", filepath.Join(root, "package", "crds")); err != nil {
		return err
	}
	_, err = harness.Kubectl(ctx, c.Kubeconfig, "", "wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
	return err
}

func (c *controlPlane) configure(ctx context.Context, p *platformServer) error {
	path, err := p.KubeconfigFor(harness.Identity{User: c.user(), Groups: []string{"system:masters"}})
	if err != nil {
		return err
	}
	kubeconfig, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	spec := secretConfig(credentials)
	for _, o := range []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: systemNamespace}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: systemNamespace, Name: credentials}, Data: map[string][]byte{"kubeconfig": kubeconfig}},
		&namespaced.ClusterProviderConfig{ObjectMeta: metav1.ObjectMeta{Name: "default"}, Spec: spec},
		&clusterscoped.ProviderConfig{ObjectMeta: metav1.ObjectMeta{Name: "default"}, Spec: spec},
	} {
		if err := c.kube.Create(ctx, o); err != nil {
			return fmt.Errorf("create %T: %w", o, err)
		}
	}
	return nil
}

// secretConfig 是从 systemNamespace 里的 Secret 取 kubeconfig 的配置。
func secretConfig(secret string) namespaced.ClusterProviderConfigSpec {
	ref := &namespaced.NamespacedSecretReference{Namespace: systemNamespace}
	ref.Name, ref.Key = secret, ptrTo("kubeconfig")
	return namespaced.ClusterProviderConfigSpec{Credentials: namespaced.ClusterCredentials{Source: namespaced.CredentialsSourceSecret, SecretRef: ref}}
}

func (c *controlPlane) startProvider(ctx context.Context, args ...string) error {
	binary, err := harness.Build(ctx, "provider")
	if err != nil {
		return err
	}
	c.provider, err = harness.StartProvider(ctx, harness.ManagerOptions{Binary: binary, Kubeconfig: c.Kubeconfig, LogDir: c.dir, Args: args})
	if err != nil {
		return err
	}
	c.stack.add(c.provider)
	return nil
}

// apply 像人一样用 kubectl 应用清单。
func (c *controlPlane) apply(t *testing.T, manifest string) {
	t.Helper()
	harness.MustKubectl(t, c.Kubeconfig, manifest, "apply", "-f", "-")
}

// refused 期望 kubectl 应用清单失败，返回它说的话。
func (c *controlPlane) refused(t *testing.T, manifest string, args ...string) string {
	t.Helper()
	_, err := harness.Kubectl(t.Context(), c.Kubeconfig, manifest, append([]string{"apply", "-f", "-"}, args...)...)
	if err == nil {
		t.Fatalf("kubectl apply was accepted, want it refused:\n%s", manifest)
	}
	return err.Error()
}

// namespace 给一个测试自己的命名空间；平台上的名字由它得来，测试之间互不相干。
func (c *controlPlane) namespace(t *testing.T) string {
	t.Helper()
	name := strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(t.Name()))
	if err := c.kube.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
		t.Fatal(err)
	}
	return name
}

// kubectl 以管理员的身份在平台上动手，绕过所有工具链。
func kubectl(t *testing.T, p *platformServer, args ...string) string {
	t.Helper()
	return harness.MustKubectl(t, p.Kubeconfig, "", args...)
}

var schemaNamespace = corev1.SchemeGroupVersion.WithKind("Namespace")

func ptrTo[T any](v T) *T { return &v }
