package harness

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"k8s.io/client-go/rest"
)

// PlatformOptions 说明怎样启动平台服务器。
type PlatformOptions struct {
	// Binary 为空时用 bin/kubellm-apiserver。
	Binary string
	// Dir 是它的 --data-dir，LogDir 存日志（空则同 Dir）。
	Dir, LogDir string
	// Port 为零时找一个空闲的。
	Port int
	// EtcdURLs 非空时用外部 etcd，不启动内嵌的。
	EtcdURLs []string
	// EncryptionConfig 是外部 etcd 的静态加密配置，空则在 Dir 里写一份；共用一个 etcd 的服务器要给同一份。
	EncryptionConfig string
	// Args 追加在后面，例如打开审计日志。
	Args     []string
	Detached bool
}

// Platform 是一个运行中的平台服务器。
type Platform struct {
	*Process
	// URL 是 https 地址；Dir 是数据目录。
	URL, Dir string
	// Kubeconfig 属于 system:masters 里的管理员；ControllerKubeconfig 只有控制器所需的权限。
	Kubeconfig, ControllerKubeconfig string
}

// StartPlatform 启动平台服务器并等 /readyz 通过。
func StartPlatform(ctx context.Context, o PlatformOptions) (*Platform, error) {
	binary, err := orBuilt(o.Binary, "kubellm-apiserver")
	if err != nil {
		return nil, err
	}
	port, err := orFree(o.Port)
	if err != nil {
		return nil, err
	}
	s := &Platform{
		URL: "https://" + loopback(port), Dir: o.Dir,
		Kubeconfig:           filepath.Join(o.Dir, "admin.kubeconfig"),
		ControllerKubeconfig: filepath.Join(o.Dir, "controller.kubeconfig"),
	}
	args := []string{"--data-dir=" + o.Dir, "--bind-address=127.0.0.1", "--secure-port=" + strconv.Itoa(port)}
	if len(o.EtcdURLs) > 0 {
		if o.EncryptionConfig == "" {
			if o.EncryptionConfig, err = WriteEncryption(o.Dir); err != nil {
				return nil, err
			}
		}
		args = append(args, "--etcd-servers="+strings.Join(o.EtcdURLs, ","), "--encryption-provider-config="+o.EncryptionConfig)
	}
	s.Process, err = Start(ctx, Spec{
		Name: "kubellm-apiserver", Path: binary, Detached: o.Detached, Ready: s.ready,
		LogFile: logFile(o.LogDir, o.Dir, "kubellm-apiserver"),
		Args:    append(args, o.Args...),
	})
	if err != nil {
		return nil, fmt.Errorf("start the platform server: %w", err)
	}
	return s, nil
}

// ready 在服务器写出 kubeconfig 之后才能验证它的证书，所以每次都重新读。
func (s *Platform) ready(ctx context.Context) error {
	for _, file := range []string{s.Kubeconfig, s.ControllerKubeconfig} {
		if _, err := os.Stat(file); err != nil {
			return fmt.Errorf("the server has not written its kubeconfig yet: %w", err)
		}
	}
	config, err := RESTConfig(s.Kubeconfig)
	if err != nil {
		return err
	}
	// 换了端口重启时，磁盘上可能还是旧的 kubeconfig。
	config.Host = s.URL
	ready, err := restReady(config)
	if err != nil {
		return err
	}
	return ready(ctx)
}

// CA 返回平台自己的 CA，测试用它签发任意身份的证书。
func (s *Platform) CA() (*CA, error) {
	pki := filepath.Join(s.Dir, "pki")
	return LoadCA(filepath.Join(pki, "ca.crt"), filepath.Join(pki, "ca.key"))
}

// KubeconfigFor 用平台的 CA 签发代表 id 的客户端证书并写成 kubeconfig，返回其路径。
func (s *Platform) KubeconfigFor(id Identity) (string, error) {
	ca, err := s.CA()
	if err != nil {
		return "", err
	}
	client, err := ca.IssueClient(id)
	if err != nil {
		return "", err
	}
	path := identityFile(s.Dir, id)
	return path, WriteKubeconfig(path, s.URL, ca.PEM, client)
}

// identityFile 给每个身份一个文件名；用户名里的分隔符不能出现在路径里。
func identityFile(dir string, id Identity) string {
	name := strings.NewReplacer(":", "_", "/", "_").Replace(id.User)
	if id.Expired {
		name += "-expired"
	}
	return filepath.Join(dir, "identities", name+".kubeconfig")
}

// restReady 返回用 config 的凭证检查 /readyz 的就绪条件。
func restReady(config *rest.Config) (func(context.Context) error, error) {
	tlsConfig, err := rest.TLSConfigFor(config)
	if err != nil {
		return nil, fmt.Errorf("prepare TLS for %s: %w", config.Host, err)
	}
	return httpReady(config.Host+"/readyz?verbose", tlsConfig), nil
}
