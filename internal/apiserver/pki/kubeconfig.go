package pki

import (
	"fmt"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// WriteKubeconfig 为 identity 签一张客户端证书，写出能直接使用的 kubeconfig（0600，凭据内嵌）。
// trust 是核对服务器所用的 CA。
func (a *Authority) WriteKubeconfig(file, server string, trust []byte, identity Identity) error {
	certPEM, keyPEM, err := a.Issue(identity)
	if err != nil {
		return err
	}
	const name = "kubellm"
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: trust}
	config.AuthInfos[identity.Name] = &clientcmdapi.AuthInfo{ClientCertificateData: certPEM, ClientKeyData: keyPEM}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: identity.Name}
	config.CurrentContext = name
	data, err := clientcmd.Write(*config)
	if err != nil {
		return fmt.Errorf("encode the kubeconfig of %s: %w", identity.Name, err)
	}
	return WritePrivate(file, data)
}
