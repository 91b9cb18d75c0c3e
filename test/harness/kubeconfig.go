package harness

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/kubellm/kubellm/internal/apiserver/pki"
)

// WriteKubeconfig 写一份自足的 kubeconfig（0600）：服务器地址、CA 与客户端证书都在文件里。
func WriteKubeconfig(path, server string, caPEM []byte, client KeyPair) error {
	config := newKubeconfig(server, caPEM, clientcmdapi.AuthInfo{ClientCertificateData: client.Cert, ClientKeyData: client.Key})
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write kubeconfig: make its folder: %w", err)
	}
	raw, err := clientcmd.Write(config)
	if err != nil {
		return fmt.Errorf("encode kubeconfig %s: %w", path, err)
	}
	// 两个测试可能同时为同一个身份写：换上整个文件，正在读的人读不到半份。
	return pki.WritePrivate(path, raw)
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

// CutShort 把 kubeconfig 断在客户端证书中间：101 个字符凑不成 base64，所以一定读不出来；
// 随手断在别处，也可能读得出一份缺了证书的。
func CutShort(kubeconfig []byte) []byte {
	const key = "client-certificate-data: "
	return kubeconfig[:bytes.Index(kubeconfig, []byte(key))+len(key)+101]
}

// Repeats 报告 text 里有没有 kubeconfig 里成串的字节：证书、密钥与令牌都是没有空白的长串，哪怕只漏出一小段也算。
func Repeats(text string, kubeconfig []byte) bool {
	const long, piece = 64, 12
	for _, word := range bytes.Fields(kubeconfig) {
		if len(word) < long {
			continue
		}
		for at := range len(word) - piece {
			if strings.Contains(text, string(word[at:at+piece])) {
				return true
			}
		}
	}
	return false
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
