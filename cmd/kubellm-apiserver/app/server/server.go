// Package server 按配置把平台跑起来：数据目录、内嵌 etcd、证书、API 服务器，停的时候顺序相反。
package server

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/klog/v2"

	"github.com/kubellm/kubellm/cmd/kubellm-apiserver/app/options"
	"github.com/kubellm/kubellm/internal/apiserver"
	"github.com/kubellm/kubellm/internal/apiserver/etcd"
	"github.com/kubellm/kubellm/internal/apiserver/pki"
	"github.com/kubellm/kubellm/internal/service/auth/rbac"
	"github.com/kubellm/kubellm/internal/version"
)

// Run 运行到 ctx 结束；etcd 最后停，已应答的写入都已落盘。
func Run(ctx context.Context, opts *options.Options) error {
	lock, err := lockDataDir(opts.DataDir)
	if err != nil {
		return err
	}
	defer lock.release()

	authority, err := prepareCertificates(opts)
	if err != nil {
		return err
	}
	embedded := opts.EmbeddedEtcd()
	if embedded {
		if err := encryptAtRest(opts); err != nil {
			return err
		}
	}
	if err := checkEncryption(opts.Etcd.EncryptionProviderConfigFilepath); err != nil {
		return err
	}
	if embedded {
		storage, err := etcd.Start(ctx, etcdDir(opts))
		if ctx.Err() != nil {
			klog.InfoS("Stopped before the embedded etcd was ready")
			return nil
		}
		if err != nil {
			return err
		}
		defer storage.Stop()
		opts.Etcd.StorageConfig.Transport.ServerList = []string{storage.Endpoint()}
		var cancel context.CancelCauseFunc
		ctx, cancel = context.WithCancelCause(ctx)
		defer cancel(nil)
		go stopWithEtcd(ctx, storage, cancel)
	}

	clients, err := loadClientCAs(opts)
	if err != nil {
		return err
	}
	config, err := buildConfig(opts, clients)
	if err != nil {
		return fmt.Errorf("build the server configuration: %w", err)
	}
	server, err := apiserver.New(config, apiserver.Options{ClientCertificates: clients.authenticator(), EventTTL: opts.EventTTL})
	if err != nil {
		return fmt.Errorf("build the server on etcd at %s (--etcd-servers, --etcd-cafile, --etcd-certfile, --etcd-keyfile): %w",
			strings.Join(opts.Etcd.StorageConfig.Transport.ServerList, ", "), err)
	}
	if err := writeKubeconfigs(opts, authority); err != nil {
		return err
	}
	klog.InfoS("Serving the platform", "version", version.String(), "url", opts.URL(), "dataDir", opts.DataDir, "embeddedEtcd", embedded)
	if err := server.Run(ctx); err != nil {
		return fmt.Errorf("serve the platform: %w", err)
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	klog.InfoS("Stopped serving the platform")
	return nil
}

// stopWithEtcd 在 etcd 自己停下时结束服务器：没有存储的服务器只会答错。
func stopWithEtcd(ctx context.Context, embedded *etcd.Server, cancel context.CancelCauseFunc) {
	select {
	case err := <-embedded.Err():
		cancel(fmt.Errorf("the embedded etcd stopped: %w", err))
	case <-ctx.Done():
	}
}

func prepareCertificates(opts *options.Options) (*pki.Authority, error) {
	authority, err := pki.LoadOrCreateAuthority(opts.PKIDir())
	if err != nil {
		return nil, err
	}
	if opts.GeneratedServingCert() {
		files := opts.Serving.ServerCert.CertKey
		identity := pki.Identity{Name: "kubellm-apiserver", Hosts: opts.ServingHosts()}
		if err := authority.EnsureFiles(files.CertFile, files.KeyFile, identity); err != nil {
			return nil, fmt.Errorf("prepare the serving certificate: %w", err)
		}
	}
	return authority, nil
}

// writeKubeconfigs 写出管理员与控制器的 kubeconfig；每次启动重写，地址与证书因此总是当前的。
func writeKubeconfigs(opts *options.Options, authority *pki.Authority) error {
	trust, err := servingTrust(opts, authority)
	if err != nil {
		return err
	}
	identities := map[string]pki.Identity{
		"admin.kubeconfig": {Name: "system:kubellm-admin", Groups: []string{user.SystemPrivilegedGroup}},
		// 只有超级用户与监控的追踪，服务器才接着记；别人的另起一条。
		"controller.kubeconfig": {Name: rbac.ControllerUser, Groups: []string{user.MonitoringGroup}},
	}
	for name, identity := range identities {
		file := filepath.Join(opts.DataDir, name)
		if err := authority.WriteKubeconfig(file, opts.URL(), trust, identity); err != nil {
			return fmt.Errorf("write the kubeconfig of %s: %w", identity.Name, err)
		}
	}
	return nil
}
