package kind

import (
	"context"
	"fmt"
	"net/http"
	"sync"

	"k8s.io/client-go/rest"

	"github.com/kubellm/kubellm/internal/external"
)

// FieldManager 是 Terraform 写字段时的名字；同一个名字让换了工作区的人也能去掉自己写过的字段。
const FieldManager = "kubellm-terraform"

// Connection 是提供者配置所指的平台；第一次用到才建立，因为计划时配置可能还不完整，
// kubeconfig 也可能要由同一次 apply 写出。整个进程共用一个 Platform，刷新才能共用一次 LIST。
type Connection struct {
	// Source 说明配置从哪里来，出错时给人看。
	Source    string
	UserAgent string
	// Load 给出连接所需的一切；每次失败都会重试，因为文件可能稍后才出现。
	Load func() (*rest.Config, error)

	mu       sync.Mutex
	platform *external.Platform

	sightings sightings
	// previews 是最近一次问到的平台的打算，按种类与对象；写入之后放进属性 plan。
	previews sync.Map
}

// open 返回共用的 Platform。
func (c *Connection) open(ctx context.Context) (*external.Platform, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.platform != nil {
		return c.platform, nil
	}
	cfg, err := c.Load()
	if err != nil {
		return nil, err
	}
	credentials := rest.CopyConfig(cfg)
	cfg.Wrap(func(next http.RoundTripper) http.RoundTripper { return logged{next: next, cfg: credentials} })
	platform, err := external.NewPlatform(cfg, external.Options{
		FieldManager: FieldManager,
		UserAgent:    c.UserAgent,
		Reads:        external.RefreshReads,
		Logger:       logger(mask(ctx, cfg)),
	})
	if err != nil {
		return nil, fmt.Errorf("set up the connection to the platform: %w", err)
	}
	c.platform = platform
	return platform, nil
}
