package crossplane

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
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
	kubeconfig := secret.Data[*c.secretKey]
	if len(kubeconfig) == 0 {
		return nil, fmt.Errorf("key %q is missing or empty (the Secret has: %s): put a kubeconfig there, or correct secretRef.key", *c.secretKey, keysOf(secret.Data))
	}
	cfg, err := configFromKubeconfig(kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("key %q does not hold a usable kubeconfig: %w", *c.secretKey, err)
	}
	return cfg, nil
}

// configFromKubeconfig 只接受自足的 kubeconfig：文件与命令会在 provider 进程里读取、执行，等于把它的身份交给写 Secret 的人。
// 所以要在任何一个文件被打开之前拒绝。
func configFromKubeconfig(kubeconfig []byte) (*rest.Config, error) {
	loaded, err := clientcmd.Load(kubeconfig)
	if err == nil {
		err = clientcmdapi.MinifyConfig(loaded)
	}
	if err != nil {
		return nil, fmt.Errorf("it is cut short or malformed: %w", err)
	}
	if outside := outsideReferences(loaded); len(outside) > 0 {
		return nil, fmt.Errorf("it refers to files or commands (%s), which the provider does not have: write them out, as kubectl config view --raw --flatten --minify does", strings.Join(outside, ", "))
	}
	cfg, err := clientcmd.NewDefaultClientConfig(*loaded, &clientcmd.ConfigOverrides{}).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("it is incomplete: %w", err)
	}
	return cfg, nil
}

// outsideReferences 列出 kubeconfig 里指向自身之外的字段。
func outsideReferences(c *clientcmdapi.Config) []string {
	found := map[string]bool{}
	for _, user := range c.AuthInfos {
		found["exec"] = found["exec"] || user.Exec != nil
		found["auth-provider"] = found["auth-provider"] || user.AuthProvider != nil
		found["tokenFile"] = found["tokenFile"] || user.TokenFile != ""
		found["client-certificate"] = found["client-certificate"] || user.ClientCertificate != ""
		found["client-key"] = found["client-key"] || user.ClientKey != ""
	}
	for _, cluster := range c.Clusters {
		found["certificate-authority"] = found["certificate-authority"] || cluster.CertificateAuthority != ""
	}
	maps.DeleteFunc(found, func(_ string, is bool) bool { return !is })
	return slices.Sorted(maps.Keys(found))
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
