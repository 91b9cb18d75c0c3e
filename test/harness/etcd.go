package harness

import (
	"context"
	"fmt"
	"path/filepath"
)

// EtcdOptions 说明怎样启动一个独立的 etcd。
type EtcdOptions struct {
	// Name 出现在错误与日志文件名里，空则 etcd；多个一起跑时用来区分。
	Name string
	// Binary 为空时用 hack/tools 构建的那个。
	Binary string
	// Dir 存数据，LogDir 存日志（空则同 Dir）。
	Dir, LogDir string
	// Port 为零时找一个空闲的。
	Port     int
	Detached bool
}

// Etcd 是一个运行中的 etcd。
type Etcd struct {
	*Process
	// URL 是客户端地址，交给 --etcd-servers。
	URL string
}

// StartEtcd 启动 etcd；不落盘同步（fsync），因为这里只需扛得住进程被杀，不必扛断电。
func StartEtcd(ctx context.Context, o EtcdOptions) (*Etcd, error) {
	binary, err := orTool(ctx, o.Binary, "etcd")
	if err != nil {
		return nil, err
	}
	port, err := orFree(o.Port)
	if err != nil {
		return nil, err
	}
	peer, err := FreePort()
	if err != nil {
		return nil, err
	}
	name := orName(o.Name, "etcd")
	url, peerURL := "http://"+loopback(port), "http://"+loopback(peer)
	p, err := Start(ctx, Spec{
		Name: name, Path: binary, Detached: o.Detached,
		LogFile: logFile(o.LogDir, o.Dir, name),
		Args: []string{
			"--name=harness",
			"--data-dir=" + filepath.Join(o.Dir, "data"),
			"--listen-client-urls=" + url, "--advertise-client-urls=" + url,
			"--listen-peer-urls=" + peerURL, "--initial-advertise-peer-urls=" + peerURL,
			"--initial-cluster=harness=" + peerURL,
			"--unsafe-no-fsync", "--log-level=warn",
		},
		Ready: httpReady(url+"/readyz", nil),
	})
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return &Etcd{Process: p, URL: url}, nil
}

// orName 返回给定的部件名，未给定时用它本来的名字。
func orName(name, otherwise string) string {
	if name != "" {
		return name
	}
	return otherwise
}

// logFile 返回一个部件的日志路径。
func logFile(logDir, dir, name string) string {
	if logDir == "" {
		logDir = dir
	}
	return filepath.Join(logDir, name+".log")
}
