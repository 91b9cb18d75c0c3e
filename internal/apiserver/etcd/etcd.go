// Package etcd 在进程内运行 etcd：平台不依赖 Kubernetes，也不需要另装数据库就能站起来，
// 存储语义与生产的外部 etcd 完全一致。
package etcd

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
)

const (
	// quotaBytes 是后端上限；etcd 自己的默认 2 GiB 对一个平台来说太容易写满。
	quotaBytes = 8 << 30
	// progressInterval 让空闲的 watch 也定期得到进度，监听缓存据此回答一致性读。
	progressInterval = 5 * time.Second
	// maxSocketPath 是 Linux 对 unix 套接字路径的长度限制（含结尾的零字节）。
	maxSocketPath = 107
)

// Server 是一个进程内的单成员 etcd，只在 0700 目录里的 unix 套接字上听，没有对等端口。
type Server struct {
	etcd      *embed.Etcd
	logLevel  zap.AtomicLevel
	endpoint  string
	socketDir string
}

// Start 在 dir 下启动 etcd 并等到它能服务；ctx 结束时放弃启动。
func Start(ctx context.Context, dir string) (*Server, error) {
	socketDir, err := socketDirectory(dir)
	if err != nil {
		return nil, err
	}
	endpoint := url.URL{Scheme: "unix", Path: filepath.Join(socketDir, "client.sock")}
	// 上次被 SIGKILL 的进程会留下套接字文件；目录锁保证此刻没有别人在用它。
	if err := os.Remove(endpoint.Path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("remove the stale etcd socket %s: %w", endpoint.Path, err)
	}
	cfg := config(dataDir(dir), endpoint)
	logging := zap.NewProductionConfig()
	logging.Level = zap.NewAtomicLevelAt(zap.ErrorLevel)
	logger, err := logging.Build()
	if err != nil {
		return nil, fmt.Errorf("set up the log of etcd: %w", err)
	}
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(logger)
	started, err := embed.StartEtcd(cfg)
	if err != nil {
		return nil, fmt.Errorf("start etcd on %s: %w", dir, err)
	}
	server := &Server{etcd: started, logLevel: logging.Level, endpoint: endpoint.String(), socketDir: socketDir}
	select {
	case <-started.Server.ReadyNotify():
		server.defragment()
		return server, nil
	case err := <-started.Err():
		server.Stop()
		return nil, fmt.Errorf("start etcd on %s: %w", dir, err)
	case <-ctx.Done():
		server.Stop()
		return nil, fmt.Errorf("wait for etcd on %s: %w", dir, ctx.Err())
	}
}

// HasData 说 dir 下是否已有数据。
func HasData(dir string) bool {
	_, err := os.Stat(filepath.Join(dataDir(dir), "member"))
	return err == nil
}

func dataDir(dir string) string { return filepath.Join(dir, "data") }

// Endpoint 是客户端要连的地址，形如 unix:///path。
func (s *Server) Endpoint() string { return s.endpoint }

// Err 在 etcd 自己停下时给出原因。
func (s *Server) Err() <-chan error { return s.etcd.Err() }

// Stop 停下 etcd 并等到数据落盘；必须在 API 服务器之后调用。
func (s *Server) Stop() {
	// etcd 把正常关闭监听也记成错误；那会让看日志的人以为出了事。
	s.logLevel.SetLevel(zap.FatalLevel)
	s.etcd.Close()
	_ = os.RemoveAll(s.socketDir)
}

func config(dir string, endpoint url.URL) *embed.Config {
	cfg := embed.NewConfig()
	cfg.Name = "kubellm"
	cfg.Dir = dir
	cfg.ListenClientUrls = []url.URL{endpoint}
	cfg.AdvertiseClientUrls = []url.URL{endpoint}
	// 单成员不需要对等端口；不听就没有可以绕过认证的入口。
	cfg.ListenPeerUrls = nil
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	cfg.EnableGRPCGateway = false
	cfg.QuotaBackendBytes = quotaBytes
	cfg.WatchProgressNotifyInterval = progressInterval
	return cfg
}

// socketDirectory 返回一个 0700 的目录；数据目录太深、放不下套接字路径时改用系统临时目录。
func socketDirectory(dir string) (string, error) {
	preferred := filepath.Join(dir, "run")
	if len(filepath.Join(preferred, "client.sock")) <= maxSocketPath {
		if err := os.MkdirAll(preferred, 0o700); err != nil {
			return "", fmt.Errorf("create the etcd socket directory: %w", err)
		}
		return preferred, nil
	}
	short, err := os.MkdirTemp("", "kubellm-etcd-")
	if err != nil {
		return "", fmt.Errorf("create the etcd socket directory (%s is too long for a socket): %w", preferred, err)
	}
	return short, nil
}
