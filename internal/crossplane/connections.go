package crossplane

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/crossplane/crossplane-runtime/v2/pkg/resource"

	namespaced "github.com/kubellm/kubellm/apis/managed/namespaced/v1alpha1"
	"github.com/kubellm/kubellm/internal/external"
)

// secretFresh 是一次读到的 Secret 用多久：上千个资源同时协调时只读一次。看得见 Secret 变化时变了就重读（reread），
// 看不见时轮换过的凭据也只晚这么久。不缓存 Secret 的内容：那既占内存，又多一处会泄露的地方。
const secretFresh = 5 * time.Second

// connections 由托管资源找到它的平台：读 provider 配置与 Secret，同一份配置的结果共用。
type connections struct {
	// kube 从缓存读 provider 配置，Secret 则直接向 API 服务器读。
	kube client.Reader
	// own 是 provider 自己的身份，用于 InjectedIdentity。
	own  *rest.Config
	pool *external.Pool
	now  func() time.Time

	mu      sync.Mutex
	entries map[configRef]*connection
}

// connection 是一个 provider 配置最近一次算出的结果；mu 让同一配置的并发读取只发一个请求。
type connection struct {
	mu sync.Mutex

	config        config
	secretVersion string
	readAt        time.Time
	rest          *rest.Config
}

func newConnections(kube client.Reader, own *rest.Config, pool *external.Pool) *connections {
	return &connections{kube: kube, own: own, pool: pool, now: time.Now, entries: map[configRef]*connection{}}
}

// Platform 给出托管资源所在的平台。
func (c *connections) Platform(ctx context.Context, mg resource.Managed) (*external.Platform, error) {
	ref, err := configOf(mg)
	if err != nil {
		return nil, err
	}
	current, err := readConfig(ctx, c.kube, ref)
	if err != nil {
		return nil, err
	}
	cfg, err := c.entry(ref).restConfig(ctx, c, current)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ref, err)
	}
	platform, err := c.pool.Acquire(ref.indexValue(), cfg)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ref, err)
	}
	return platform, nil
}

func (c *connections) entry(ref configRef) *connection {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries[ref] == nil {
		c.entries[ref] = &connection{}
	}
	return c.entries[ref]
}

// reread 丢弃配置的凭据：它的 Secret 变了，下一次连接要照新的来。
func (c *connections) reread(ref configRef) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.entries, ref)
}

// forget 丢弃已不存在的配置的凭据，并让它的连接不久即关闭。
func (c *connections) forget(ref configRef) {
	c.reread(ref)
	c.pool.Release(ref.indexValue())
}

func (e *connection) restConfig(ctx context.Context, c *connections, current config) (*rest.Config, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	sameConfig := e.rest != nil && e.config.uid == current.uid && e.config.generation == current.generation
	if sameConfig && (current.source == namespaced.CredentialsSourceInjectedIdentity || c.now().Sub(e.readAt) < secretFresh) {
		return e.rest, nil
	}
	if current.source == namespaced.CredentialsSourceInjectedIdentity {
		e.config, e.rest = current, rest.CopyConfig(c.own)
		return e.rest, nil
	}
	secret, err := readSecret(ctx, c.kube, current)
	if err != nil {
		return nil, err
	}
	readAt := c.now()
	version := string(secret.UID) + "/" + secret.ResourceVersion
	if sameConfig && e.secretVersion == version {
		e.readAt = readAt
		return e.rest, nil
	}
	cfg, err := restConfigFrom(current, secret)
	if err != nil {
		return nil, err
	}
	e.config, e.secretVersion, e.readAt, e.rest = current, version, readAt, cfg
	return cfg, nil
}

func readSecret(ctx context.Context, kube client.Reader, c config) (*corev1.Secret, error) {
	secret := &corev1.Secret{}
	err := kube.Get(ctx, c.secret, secret)
	if apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("the Secret %q in namespace %q does not exist: make it, or correct spec.credentials.secretRef", c.secret.Name, c.secret.Namespace)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read Secret %q in namespace %q: %w", c.secret.Name, c.secret.Namespace, err)
	}
	return secret, nil
}
