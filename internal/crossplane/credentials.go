package crossplane

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"

	"github.com/kubellm/kubellm/internal/kubeconfig"
)

// Secret 不含 kubeconfig 时的键，与 Kubernetes 自己的 Secret 类型（tls、service-account-token）一致，现成的可直接用。
const (
	keyToken             = corev1.ServiceAccountTokenKey
	keyClientCertificate = corev1.TLSCertKey
	keyClientKey         = corev1.TLSPrivateKeyKey
	keyCA                = corev1.ServiceAccountRootCAKey
)

// restConfigFrom 由 Secret 造出连接平台的配置；错误里绝不出现 Secret 的内容。
func restConfigFrom(c config, secret *corev1.Secret) (*rest.Config, error) {
	cfg, err := credentialsFrom(c, secret)
	if err != nil {
		return nil, fmt.Errorf("cannot use Secret %q in namespace %q: %w", secret.Name, secret.Namespace, err)
	}
	if c.server != nil {
		cfg.Host = *c.server
	}
	return cfg, nil
}

func credentialsFrom(c config, secret *corev1.Secret) (*rest.Config, error) {
	if c.secretKey == nil {
		return configFromKeys(secret.Data)
	}
	data := secret.Data[*c.secretKey]
	if len(data) == 0 {
		return nil, fmt.Errorf("key %q is missing or empty (the Secret has: %s): put a kubeconfig there, or correct secretRef.key", *c.secretKey, keysOf(secret.Data))
	}
	// 写 Secret 的人就是定下连哪里、凭什么连的人，不校验证书也由他说了算。
	access, err := kubeconfig.Parse(data, true)
	if err != nil {
		return nil, fmt.Errorf("key %q does not hold a usable kubeconfig: %w", *c.secretKey, err)
	}
	return access.Config, nil
}

func configFromKeys(data map[string][]byte) (*rest.Config, error) {
	certificate, key := data[keyClientCertificate], data[keyClientKey]
	if len(certificate) == 0 != (len(key) == 0) {
		return nil, fmt.Errorf("it has only one of the keys %q and %q: a client certificate needs both", keyClientCertificate, keyClientKey)
	}
	token := strings.TrimSpace(string(data[keyToken]))
	if token == "" && len(certificate) == 0 {
		return nil, fmt.Errorf("it has neither the key %q nor %q and %q (it has: %s): add them, or let secretRef.key name the key that holds a kubeconfig",
			keyToken, keyClientCertificate, keyClientKey, keysOf(data))
	}
	return &rest.Config{
		BearerToken:     token,
		TLSClientConfig: rest.TLSClientConfig{CertData: certificate, KeyData: key, CAData: data[keyCA]},
	}, nil
}

func keysOf(data map[string][]byte) string {
	if len(data) == 0 {
		return "no keys"
	}
	return strings.Join(slices.Sorted(maps.Keys(data)), ", ")
}
