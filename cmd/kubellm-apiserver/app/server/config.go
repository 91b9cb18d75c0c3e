package server

import (
	"fmt"
	"os"
	"path/filepath"

	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/dynamiccertificates"
	serverstorage "k8s.io/apiserver/pkg/server/storage"

	"github.com/kubellm/kubellm/cmd/kubellm-apiserver/app/options"
	"github.com/kubellm/kubellm/internal/apiserver"
	"github.com/kubellm/kubellm/internal/apiserver/pki"
)

// buildConfig 把选项变成通用服务器配置；认证与授权由 apiserver.New 装上。
func buildConfig(opts *options.Options) (*genericapiserver.Config, error) {
	config := genericapiserver.NewConfig(apiserver.Codecs)
	if err := opts.Server.ApplyTo(config); err != nil {
		return nil, fmt.Errorf("apply the request options: %w", err)
	}
	url := opts.URL()
	if err := opts.Serving.ApplyTo(&config.SecureServing, &config.LoopbackClientConfig); err != nil {
		return nil, fmt.Errorf("serve on %s (--bind-address, --secure-port): %w", url, err)
	}
	// 环回客户端服务于授权索引与内置角色，限速会拖慢启动与权限生效。
	config.LoopbackClientConfig.QPS, config.LoopbackClientConfig.Burst = -1, -1
	clientCAs, err := clientCAs(opts)
	if err != nil {
		return nil, err
	}
	if err := config.Authentication.ApplyClientCert(clientCAs, config.SecureServing); err != nil {
		return nil, fmt.Errorf("accept client certificates: %w", err)
	}
	if err := opts.Etcd.ApplyWithStorageFactoryTo(storageFactory(opts), config); err != nil {
		return nil, fmt.Errorf("use etcd at %v: %w", opts.Etcd.StorageConfig.Transport.ServerList, err)
	}
	if err := opts.Audit.ApplyTo(config); err != nil {
		return nil, fmt.Errorf("set up auditing: %w", err)
	}
	if err := opts.Features.ApplyTo(config, nil, nil); err != nil {
		return nil, fmt.Errorf("set up features: %w", err)
	}
	if err := opts.Tracing.ApplyTo(nil, config); err != nil {
		return nil, fmt.Errorf("set up tracing: %w", err)
	}
	return config, nil
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

// clientCAs 认可平台自己的 CA 与使用者另给的 CA。
func clientCAs(opts *options.Options) (dynamiccertificates.CAContentProvider, error) {
	own, err := dynamiccertificates.NewDynamicCAContentFromFile("platform-ca", filepath.Join(opts.PKIDir(), "ca.crt"))
	if err != nil {
		return nil, fmt.Errorf("read the platform's certificate authority: %w", err)
	}
	if opts.ClientCAFile == "" {
		return own, nil
	}
	more, err := dynamiccertificates.NewDynamicCAContentFromFile("client-ca", opts.ClientCAFile)
	if err != nil {
		return nil, fmt.Errorf("read --client-ca-file %s: %w", opts.ClientCAFile, err)
	}
	return dynamiccertificates.NewUnionCAContentProvider(own, more), nil
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
