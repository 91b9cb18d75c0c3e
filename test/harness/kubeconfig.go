package harness

import (
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// WriteKubeconfig 写一份自足的 kubeconfig（0600）：服务器地址、CA 与客户端证书都在文件里。
func WriteKubeconfig(path, server string, caPEM []byte, client KeyPair) error {
	config := newKubeconfig(server, caPEM, clientcmdapi.AuthInfo{ClientCertificateData: client.Cert, ClientKeyData: client.Key})
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write kubeconfig: make its folder: %w", err)
	}
	if err := clientcmd.WriteToFile(config, path); err != nil {
		return fmt.Errorf("write kubeconfig %s: %w", path, err)
	}
	return nil
}

// EncodeKubeconfig 返回一份自足的 kubeconfig，凭证由 auth 给出（证书或令牌）；caPEM 换成别的 CA 就得到不受信任的服务器。
func EncodeKubeconfig(server string, caPEM []byte, auth clientcmdapi.AuthInfo) ([]byte, error) {
	raw, err := clientcmd.Write(newKubeconfig(server, caPEM, auth))
	if err != nil {
		return nil, fmt.Errorf("encode the kubeconfig of %s: %w", server, err)
	}
	return raw, nil
}

func newKubeconfig(server string, caPEM []byte, auth clientcmdapi.AuthInfo) clientcmdapi.Config {
	const name = "kubellm"
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: caPEM}
	config.AuthInfos[name] = &auth
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	config.CurrentContext = name
	return *config
}

// RESTConfig 读 kubeconfig 并去掉客户端限速：测试和演示要的是服务器的速度。
func RESTConfig(kubeconfig string) (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig %s: %w", kubeconfig, err)
	}
	config.QPS = -1
	return config, nil
}
