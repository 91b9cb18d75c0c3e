// Package kubeconfig 是平台收别人的 kubeconfig 的唯一门槛：只收自足的文件。
// kubeconfig 里的文件与命令会在平台的进程里读取、执行，等于把平台的身份交给写文件的人，
// 所以在打开任何文件、连接任何地址之前就拒绝。
package kubeconfig

import (
	"net/url"
	"slices"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// MaxSize 是一份 kubeconfig 的上限，与 Secret 的上限一致。
const MaxSize = 1 << 20

// maxServer 是服务器地址的上限：它会进状态与错误，真的没有这么长。
const maxServer = 2048

// Access 是通过检查的 kubeconfig 给出的东西。
type Access struct {
	// Config 只含检查过的字段，不引用任何文件，也不执行任何命令。
	Config *rest.Config
	// Server 是服务器地址，可以给人看。
	Server string
	// ExpiresAt 是客户端证书与令牌中先到期者的时刻；都没说就是 nil。
	ExpiresAt *time.Time
}

// Parse 检查并读出一份 kubeconfig。只有当前上下文算数，但文件与命令出现在哪里都拒绝。
// allowInsecure 表示有人明说过可以不校验证书。错误总是 *Error。
func Parse(data []byte, allowInsecure bool) (*Access, error) {
	if len(data) > MaxSize {
		return nil, breaks(TooLarge)
	}
	loaded, err := clientcmd.Load(data)
	if err != nil || len(loaded.Contexts)+len(loaded.Clusters)+len(loaded.AuthInfos) == 0 {
		// 解析器的错误会引用文件的内容，不能往外传。
		return nil, breaks(Malformed)
	}
	if err := refuseOutside(loaded); err != nil {
		return nil, err
	}
	context := loaded.Contexts[loaded.CurrentContext]
	if context == nil {
		return nil, breaks(NoContext)
	}
	config := &rest.Config{}
	server, err := useCluster(config, loaded.Clusters[context.Cluster], allowInsecure)
	if err != nil {
		return nil, err
	}
	expiresAt, err := useUser(config, loaded.AuthInfos[context.AuthInfo])
	if err != nil {
		return nil, err
	}
	return &Access{Config: config, Server: server, ExpiresAt: expiresAt}, nil
}

// refuseOutside 拒绝指向文件之外的字段，一条规则的犯规字段一次说全。
func refuseOutside(c *clientcmdapi.Config) error {
	var exec, plugin, tokenFile bool
	var files []string
	for _, user := range c.AuthInfos {
		exec = exec || user.Exec != nil
		plugin = plugin || user.AuthProvider != nil
		tokenFile = tokenFile || user.TokenFile != ""
		files = append(files, named("client-certificate", user.ClientCertificate)...)
		files = append(files, named("client-key", user.ClientKey)...)
	}
	for _, cluster := range c.Clusters {
		files = append(files, named("certificate-authority", cluster.CertificateAuthority)...)
	}
	slices.Sort(files)
	switch {
	case exec:
		return breaks(Exec, "exec")
	case plugin:
		return breaks(AuthProvider, "auth-provider")
	case tokenFile:
		return breaks(TokenFile, "tokenFile")
	case len(files) > 0:
		return breaks(FilePath, slices.Compact(files)...)
	}
	return nil
}

func named(field, value string) []string {
	if value == "" {
		return nil
	}
	return []string{field}
}

// useCluster 取服务器一侧；返回可以给人看的地址。
func useCluster(config *rest.Config, cluster *clientcmdapi.Cluster, allowInsecure bool) (string, error) {
	if cluster == nil {
		return "", breaks(NoServer)
	}
	server, err := url.Parse(cluster.Server)
	switch {
	case len(cluster.Server) > maxServer:
		return "", breaks(NoServer, "server")
	case err != nil || server.Hostname() == "" || server.RawQuery != "" || server.Fragment != "":
		return "", breaks(NoServer, "server")
	case server.Scheme != "https" && server.Scheme != "http":
		return "", breaks(NoServer, "server")
	case server.User != nil:
		return "", breaks(BasicAuth, "server")
	case cluster.ProxyURL != "":
		return "", breaks(Proxy, "proxy-url")
	case server.Scheme == "http" && !allowInsecure:
		return "", breaks(PlainHTTP, "server")
	case cluster.InsecureSkipTLSVerify && !allowInsecure:
		return "", breaks(InsecureTLS, "insecure-skip-tls-verify")
	case cluster.InsecureSkipTLSVerify && len(cluster.CertificateAuthorityData) > 0:
		// 既要校验又不要校验：客户端库也不接受，替人挑一个就可能挑错。
		return "", breaks(Malformed, "certificate-authority-data", "insecure-skip-tls-verify")
	}
	if len(cluster.CertificateAuthorityData) > 0 {
		if _, err := certificates(cluster.CertificateAuthorityData); err != nil {
			return "", breaks(Malformed, "certificate-authority-data")
		}
	}
	config.Host = server.String()
	config.DisableCompression = cluster.DisableCompression
	config.ServerName = cluster.TLSServerName
	config.Insecure = cluster.InsecureSkipTLSVerify
	config.CAData = cluster.CertificateAuthorityData
	return config.Host, nil
}

// useUser 取身份一侧；返回其中先到期者的时刻。
func useUser(config *rest.Config, user *clientcmdapi.AuthInfo) (*time.Time, error) {
	switch {
	case user == nil:
		return nil, breaks(NoCredentials)
	case user.Impersonate != "" || user.ImpersonateUID != "" || len(user.ImpersonateGroups) > 0 || len(user.ImpersonateUserExtra) > 0:
		return nil, breaks(Impersonation, "as")
	case user.Username != "" || user.Password != "":
		return nil, breaks(BasicAuth, "password", "username")
	}
	token, err := bearerToken(user.Token)
	if err != nil {
		return nil, err
	}
	leaf, err := clientCertificate(user.ClientCertificateData, user.ClientKeyData)
	if err != nil {
		return nil, err
	}
	if token == "" && leaf == nil {
		return nil, breaks(NoCredentials)
	}
	config.BearerToken = token
	config.CertData, config.KeyData = user.ClientCertificateData, user.ClientKeyData
	expiresAt := tokenExpiry(token)
	if leaf != nil && (expiresAt == nil || leaf.NotAfter.Before(*expiresAt)) {
		expiresAt = &leaf.NotAfter
	}
	return expiresAt, nil
}
