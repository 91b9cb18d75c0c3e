package harness

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const defaultNodeLeaseSeconds = 10

// controllerManagerSpec 的就绪还包括 default 的 ServiceAccount 已建好：没有它就建不了 Pod。
func (m *Member) controllerManagerSpec(ctx context.Context) (Spec, error) {
	spec, healthy, err := m.secureSpec(ctx, "kube-controller-manager", "/healthz")
	if err != nil {
		return Spec{}, err
	}
	spec.Ready = func(ctx context.Context) error {
		if err := healthy(ctx); err != nil {
			return err
		}
		_, err := m.client.CoreV1().ServiceAccounts(corev1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
		return err
	}
	spec.Args = append(spec.Args,
		"--service-account-private-key-file="+m.APIServer.pki("service-accounts.key"),
		"--root-ca-file="+m.APIServer.pki("ca.crt"),
		// 测试一次建很多对象，默认的每秒二十个请求太慢。
		"--kube-api-qps=200", "--kube-api-burst=400",
	)
	spec.Args = append(spec.Args, m.options.ControllerManagerArgs...)
	return spec, nil
}

func (m *Member) schedulerSpec(ctx context.Context) (Spec, error) {
	spec, ready, err := m.secureSpec(ctx, "kube-scheduler", "/readyz")
	spec.Ready = ready
	// 不选主的 kube-scheduler 把收到 SIGTERM 也当作错误。
	spec.StopStatus = 1
	return spec, err
}

// secureSpec 是控制器管理器与调度器共有的：连接、不选主（apiserver 停了又回来时不会因丢了租约而退出）、探针端口。
func (m *Member) secureSpec(ctx context.Context, tool, probe string) (Spec, func(context.Context) error, error) {
	binary, err := Tool(ctx, tool)
	if err != nil {
		return Spec{}, nil, err
	}
	port, err := FreePort()
	if err != nil {
		return Spec{}, nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(m.APIServer.ca.PEM)
	name := m.partName(tool)
	spec := Spec{
		Name: name, Path: binary, Detached: m.options.Detached, LogFile: logFile(m.logDir(), "", name),
		Args: []string{
			"--kubeconfig=" + m.APIServer.Kubeconfig,
			"--leader-elect=false",
			"--bind-address=127.0.0.1", "--secure-port=" + strconv.Itoa(port),
			"--tls-cert-file=" + m.APIServer.pki("server.crt"), "--tls-private-key-file=" + m.APIServer.pki("server.key"),
		},
	}
	return spec, httpReady("https://"+loopback(port)+probe, &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}), nil
}

// kwokSpec 让 kwok 扮演全部节点的 kubelet，Pod 的一生由 kwok/ 里的阶段规定。
func (m *Member) kwokSpec(ctx context.Context) (Spec, error) {
	binary, err := Tool(ctx, "kwok")
	if err != nil {
		return Spec{}, err
	}
	port, err := FreePort()
	if err != nil {
		return Spec{}, err
	}
	stages, err := kwokStages()
	if err != nil {
		return Spec{}, err
	}
	dir := filepath.Join(m.options.Dir, "kwok")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Spec{}, fmt.Errorf("make a folder for kwok: %w", err)
	}
	config := filepath.Join(dir, "stages.yaml")
	if err := os.WriteFile(config, stages, 0o644); err != nil {
		return Spec{}, fmt.Errorf("write the stages of kwok: %w", err)
	}
	name := m.partName("kwok")
	return Spec{
		Name: name, Path: binary, Detached: m.options.Detached, LogFile: logFile(m.logDir(), "", name),
		// 用户主目录里自己的 kwok 配置不得左右测试。
		Env: []string{"KWOK_WORKDIR=" + dir},
		// kwok 的 HTTP 服务器把收到 SIGTERM 也当作错误。
		StopStatus: 1,
		Args: []string{
			"--kubeconfig=" + m.APIServer.Kubeconfig,
			"--config=" + config,
			"--manage-all-nodes=true",
			"--node-lease-duration-seconds=" + strconv.Itoa(m.options.NodeLeaseSeconds),
			"--server-address=" + loopback(port),
		},
		Ready: httpReady("http://"+loopback(port)+"/readyz", nil),
	}, nil
}
