package server

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/apiserver/pkg/authentication/authenticator"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/dynamiccertificates"
	serverstorage "k8s.io/apiserver/pkg/server/storage"

	"github.com/kubellm/kubellm/cmd/kubellm-apiserver/app/options"
	"github.com/kubellm/kubellm/internal/apiserver"
	"github.com/kubellm/kubellm/internal/apiserver/pki"
	"github.com/kubellm/kubellm/internal/observability"
	"github.com/kubellm/kubellm/internal/service/auth"
)

// buildConfig 把选项变成通用服务器配置；认证与授权由 apiserver.New 装上。
func buildConfig(opts *options.Options, clients *clientCAs) (*genericapiserver.Config, error) {
	config := genericapiserver.NewConfig(apiserver.Codecs)
	if err := opts.Server.ApplyTo(config); err != nil {
		return nil, fmt.Errorf("apply the request options: %w", err)
	}
	config.EffectiveVersion = servedVersion{config.EffectiveVersion}
	url := opts.URL()
	if err := opts.Serving.ApplyTo(&config.SecureServing, &config.LoopbackClientConfig); err != nil {
		return nil, fmt.Errorf("serve on %s (--bind-address, --secure-port): %w", url, err)
	}
	// 环回客户端服务于授权索引与内置角色，限速会拖慢启动与权限生效。
	config.LoopbackClientConfig.QPS, config.LoopbackClientConfig.Burst = -1, -1
	if err := config.Authentication.ApplyClientCert(clients.all(), config.SecureServing); err != nil {
		return nil, fmt.Errorf("accept client certificates: %w", err)
	}
	if err := trace(opts, config); err != nil {
		return nil, err
	}
	if err := opts.Etcd.ApplyWithStorageFactoryTo(storageFactory(opts), config); err != nil {
		return nil, fmt.Errorf("use etcd at %v: %w", opts.Etcd.StorageConfig.Transport.ServerList, err)
	}
	config.RESTOptionsGetter = encryptedOnly{config.RESTOptionsGetter}
	if err := opts.Audit.ApplyTo(config); err != nil {
		return nil, fmt.Errorf("set up auditing: %w", err)
	}
	if err := opts.Features.ApplyTo(config, nil, nil); err != nil {
		return nil, fmt.Errorf("set up features: %w", err)
	}
	return config, nil
}

// trace 打开追踪，须在存储之前。TracingOptions 自己的装法不够用：它不把发往 etcd 的请求算进去，
// 又与成员的 kube-apiserver 用同一个服务名，同一条追踪里分不出谁是谁。
func trace(opts *options.Options, config *genericapiserver.Config) error {
	tracing, err := observability.Open(context.Background(), opts.Tracing.ConfigFile, "kubellm-apiserver")
	if err != nil {
		return fmt.Errorf("set up tracing (--%s): %w", observability.ConfigFileFlag, err)
	}
	config.TracerProvider = tracing.Provider()
	opts.Etcd.StorageConfig.Transport.TracerProvider = config.TracerProvider
	config.LoopbackClientConfig.Wrap(tracing.Wrapper())
	return nil
}

// storageFactory 让每个种类以自己组的首选版本存储，多个组才能共用一个服务器。
func storageFactory(opts *options.Options) *serverstorage.DefaultStorageFactory {
	return serverstorage.NewDefaultStorageFactory(
		opts.Etcd.StorageConfig,
		opts.Etcd.DefaultStorageMediaType,
		apiserver.Codecs,
		serverstorage.NewDefaultResourceEncodingConfig(apiserver.Scheme),
		serverstorage.NewResourceConfig(),
		nil,
	)
}

// clientCAs 是认可的客户端 CA：平台自己的，与使用者另给的（可以没有）。
type clientCAs struct {
	own   dynamiccertificates.CAContentProvider
	other dynamiccertificates.CAContentProvider
}

func loadClientCAs(opts *options.Options) (*clientCAs, error) {
	own, err := dynamiccertificates.NewDynamicCAContentFromFile("platform-ca", filepath.Join(opts.PKIDir(), "ca.crt"))
	if err != nil {
		return nil, fmt.Errorf("read the platform's certificate authority: %w", err)
	}
	if opts.ClientCAFile == "" {
		return &clientCAs{own: own}, nil
	}
	other, err := dynamiccertificates.NewDynamicCAContentFromFile("client-ca", opts.ClientCAFile)
	if err != nil {
		return nil, fmt.Errorf("read --client-ca-file %s: %w", opts.ClientCAFile, err)
	}
	return &clientCAs{own: own, other: other}, nil
}

// all 是握手时告诉客户端的 CA。
func (c *clientCAs) all() dynamiccertificates.CAContentProvider {
	if c.other == nil {
		return c.own
	}
	return dynamiccertificates.NewUnionCAContentProvider(c.own, c.other)
}

// authenticator 认这些 CA 签的证书。
func (c *clientCAs) authenticator() authenticator.Request {
	if c.other == nil {
		return auth.ClientCertificates(c.own.VerifyOptions)
	}
	return auth.ClientCertificates(c.own.VerifyOptions, c.other.VerifyOptions)
}

// servingTrust 是客户端核对服务证书所需的 CA；使用者自带证书时，就信任那个文件本身。
func servingTrust(opts *options.Options, authority *pki.Authority) ([]byte, error) {
	if opts.GeneratedServingCert() {
		return authority.CertPEM(), nil
	}
	trust, err := os.ReadFile(opts.Serving.ServerCert.CertKey.CertFile)
	if err != nil {
		return nil, fmt.Errorf("read --tls-cert-file: %w", err)
	}
	return trust, nil
}
