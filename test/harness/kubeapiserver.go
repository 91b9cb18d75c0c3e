package harness

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// KubeAPIServerOptions 说明怎样启动一个真实的 kube-apiserver。
type KubeAPIServerOptions struct {
	// Name 出现在错误与日志文件名里，空则 kube-apiserver；多个一起跑时用来区分。
	Name string
	// Binary 为空时用 hack/tools 构建的那个。
	Binary string
	// EtcdURL 是它的存储，见 StartEtcd；EtcdPrefix 让几个服务器共用一个 etcd，空则用 kube-apiserver 的默认值。
	EtcdURL, EtcdPrefix string
	// Workloads 说明旁边有控制器管理器和调度器：准入与限流因此全用默认值，与普通集群一样。
	Workloads bool
	// Dir 存证书与 kubeconfig，LogDir 存日志（空则同 Dir）。
	Dir, LogDir string
	// Port 为零时找一个空闲的。
	Port int
	// Args 追加在后面，可覆盖前面的同名参数。
	Args     []string
	Detached bool
}

// KubeAPIServer 是一个运行中的 kube-apiserver。
type KubeAPIServer struct {
	*Process
	// URL 是 https 地址；Kubeconfig 属于 system:masters 里的 admin。
	URL, Kubeconfig string

	ca  *CA
	dir string
}

// StartKubeAPIServer 启动 kube-apiserver；只有它自己时承载 CRD 与 RBAC，要跑负载的集群见 StartMember。
func StartKubeAPIServer(ctx context.Context, o KubeAPIServerOptions) (*KubeAPIServer, error) {
	binary, err := orTool(ctx, o.Binary, "kube-apiserver")
	if err != nil {
		return nil, err
	}
	port, err := orFree(o.Port)
	if err != nil {
		return nil, err
	}
	s := &KubeAPIServer{URL: "https://" + loopback(port), dir: o.Dir, Kubeconfig: filepath.Join(o.Dir, "admin.kubeconfig")}
	if err := s.writePKI(); err != nil {
		return nil, fmt.Errorf("prepare kube-apiserver: %w", err)
	}
	config, err := RESTConfig(s.Kubeconfig)
	if err != nil {
		return nil, err
	}
	ready, err := restReady(config)
	if err != nil {
		return nil, err
	}
	name := orName(o.Name, "kube-apiserver")
	s.Process, err = Start(ctx, Spec{
		Name: name, Path: binary, Detached: o.Detached, Ready: ready,
		LogFile: logFile(o.LogDir, o.Dir, name),
		Args:    slices.Concat(s.args(o.EtcdURL, port), o.args(), o.Args),
	})
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return s, nil
}

func (s *KubeAPIServer) args(etcdURL string, port int) []string {
	return []string{
		"--etcd-servers=" + etcdURL,
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--secure-port=" + strconv.Itoa(port),
		"--tls-cert-file=" + s.pki("server.crt"), "--tls-private-key-file=" + s.pki("server.key"),
		"--client-ca-file=" + s.pki("ca.crt"),
		"--cert-dir=" + s.pki(""),
		"--authorization-mode=RBAC",
		"--service-cluster-ip-range=10.0.0.0/24",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + s.pki("service-accounts.crt"),
		"--service-account-signing-key-file=" + s.pki("service-accounts.key"),
		// kubernetes 服务的端点不许是回环地址，也没有人在集群里用它。
		"--endpoint-reconciler-type=none",
		"--shutdown-delay-duration=0s",
		// 连着的控制器开着 watch，不叫它们结束的话要白等一分钟。
		"--shutdown-watch-termination-grace-period=1s",
	}
}

// args 返回随用途而不同的参数。
func (o KubeAPIServerOptions) args() []string {
	var args []string
	if o.EtcdPrefix != "" {
		args = append(args, "--etcd-prefix="+o.EtcdPrefix)
	}
	if o.Workloads {
		return args
	}
	return append(args,
		// 没有控制器去建 ServiceAccount、去掉新节点的 not-ready 污点，也没有负载要分级；少了它们启动更快。
		"--disable-admission-plugins=ServiceAccount,TaintNodesByCondition",
		"--enable-priority-and-fairness=false",
	)
}

func (s *KubeAPIServer) pki(name string) string { return filepath.Join(s.dir, "pki", name) }

// writePKI 生成 CA、服务器证书、ServiceAccount 密钥和管理员的 kubeconfig；已有的 CA 沿用，好让旧的 kubeconfig 继续可用。
func (s *KubeAPIServer) writePKI() error {
	if err := os.MkdirAll(s.pki(""), 0o755); err != nil {
		return err
	}
	ca, err := s.loadOrCreateCA()
	if err != nil {
		return err
	}
	s.ca = ca
	server, err := ca.IssueServer("kubernetes", "localhost", "127.0.0.1", "10.0.0.1")
	if err != nil {
		return err
	}
	if err := server.Write(s.pki("server.crt"), s.pki("server.key")); err != nil {
		return err
	}
	return s.writeKubeconfig(s.Kubeconfig, Identity{User: "admin", Groups: []string{"system:masters"}})
}

func (s *KubeAPIServer) loadOrCreateCA() (*CA, error) {
	if _, err := os.Stat(s.pki("ca.key")); err == nil {
		return LoadCA(s.pki("ca.crt"), s.pki("ca.key"))
	}
	ca, err := NewCA("kube-apiserver")
	if err != nil {
		return nil, err
	}
	tokens, err := ca.IssueClient(Identity{User: "service-accounts"})
	if err != nil {
		return nil, err
	}
	if err := tokens.Write(s.pki("service-accounts.crt"), s.pki("service-accounts.key")); err != nil {
		return nil, err
	}
	pair, err := ca.keyPair()
	if err != nil {
		return nil, err
	}
	return ca, pair.Write(s.pki("ca.crt"), s.pki("ca.key"))
}

// KubeconfigFor 签发代表 id 的客户端证书并写成 kubeconfig，返回其路径。
func (s *KubeAPIServer) KubeconfigFor(id Identity) (string, error) {
	path := identityFile(s.dir, id)
	return path, s.writeKubeconfig(path, id)
}

// issueKubeconfig 签发一份内嵌证书、到 notAfter 为止的 kubeconfig，交给别的程序保管。
func (s *KubeAPIServer) issueKubeconfig(id Identity, notAfter time.Time) ([]byte, error) {
	client, err := s.ca.IssueClientUntil(id, notAfter)
	if err != nil {
		return nil, err
	}
	return EncodeKubeconfig(s.URL, s.ca.PEM, clientcmdapi.AuthInfo{ClientCertificateData: client.Cert, ClientKeyData: client.Key})
}

func (s *KubeAPIServer) writeKubeconfig(path string, id Identity) error {
	client, err := s.ca.IssueClient(id)
	if err != nil {
		return err
	}
	return WriteKubeconfig(path, s.URL, s.ca.PEM, client)
}
