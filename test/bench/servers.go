package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"github.com/kubellm/kubellm/test/harness"
)

//go:embed testdata/user-crd.yaml
var userCRD string

// establishTimeout 给 CRD 的安装：从接受到能列出对象。
const establishTimeout = time.Minute

// server 是一个运行中的被测服务器，用户这一种类在它上面的路径都相同。
type server struct {
	*harness.Process
	kubeconfig string
	// parts 按启动的顺序排，停止时倒过来。
	parts []*harness.Process
}

// stop 停掉服务器，然后是它的存储。
func (s *server) stop() error {
	var errs []error
	for _, part := range slices.Backward(s.parts) {
		errs = append(errs, part.Stop())
	}
	return errors.Join(errs...)
}

// variant 是被比较的一种；start 在空目录 dir 下启动它，失败时不留下进程。
type variant struct {
	name  string
	start func(ctx context.Context, dir string) (*server, error)
}

// allVariants 备好要启动的程序，使编译不落进测量里。第一个是各个比值的分母。
func allVariants(ctx context.Context) ([]variant, error) {
	progress("building the servers, where they are not built yet")
	for _, tool := range []string{"etcd", "kube-apiserver", "kubectl"} {
		if _, err := harness.Tool(ctx, tool); err != nil {
			return nil, err
		}
	}
	if _, err := harness.Build(ctx, platformBinary); err != nil {
		return nil, err
	}
	return []variant{
		{"CRD", withEtcd(startCRD)},
		{"platform", withEtcd(startPlatform)},
		{"platform, embedded etcd", func(ctx context.Context, dir string) (*server, error) { return startPlatform(ctx, dir) }},
	}, nil
}

const platformBinary = "kubellm-apiserver"

// withEtcd 先启动一个全新的外部 etcd；两种服务器用的是同样设置的。
func withEtcd(start func(ctx context.Context, dir string, etcdURLs ...string) (*server, error)) func(context.Context, string) (*server, error) {
	return func(ctx context.Context, dir string) (*server, error) {
		etcd, err := harness.StartEtcd(ctx, harness.EtcdOptions{Dir: filepath.Join(dir, "etcd")})
		if err != nil {
			return nil, err
		}
		s, err := start(ctx, filepath.Join(dir, "server"), etcd.URL)
		if err != nil {
			return nil, errors.Join(err, etcd.Stop())
		}
		s.parts = append([]*harness.Process{etcd.Process}, s.parts...)
		return s, nil
	}
}

// startPlatform 启动平台服务器；不给 etcd 的地址就内嵌。
func startPlatform(ctx context.Context, dir string, etcdURLs ...string) (*server, error) {
	p, err := harness.StartPlatform(ctx, harness.PlatformOptions{Dir: dir, EtcdURLs: etcdURLs})
	if err != nil {
		return nil, err
	}
	return &server{Process: p.Process, kubeconfig: p.Kubeconfig, parts: []*harness.Process{p.Process}}, nil
}

// startCRD 启动 kube-apiserver 并装上用户的 CRD。
func startCRD(ctx context.Context, dir string, etcdURLs ...string) (*server, error) {
	k, err := harness.StartKubeAPIServer(ctx, harness.KubeAPIServerOptions{Dir: dir, EtcdURL: etcdURLs[0]})
	if err != nil {
		return nil, err
	}
	s := &server{Process: k.Process, kubeconfig: k.Kubeconfig, parts: []*harness.Process{k.Process}}
	if err := installCRD(ctx, s); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

// installCRD 等到能列出用户为止：CRD 被接受之后，路径要过一会儿才有人应答。
func installCRD(ctx context.Context, s *server) error {
	if _, err := harness.Kubectl(ctx, s.kubeconfig, userCRD, "apply", "--validate=false", "-f", "-"); err != nil {
		return fmt.Errorf("install the CRD of users: %w", err)
	}
	clients, err := connect(ctx, s.kubeconfig, 1)
	if err != nil {
		return err
	}
	defer disconnect(clients)
	ctx, cancel := context.WithTimeout(ctx, establishTimeout)
	defer cancel()
	return harness.Wait(ctx, "the CRD of users to be served", func(ctx context.Context) error {
		_, err := clients[0].do(ctx, http.MethodGet, usersPath, "", nil)
		return err
	})
}
