package harness

import (
	"context"
	"fmt"
)

// ManagerOptions 说明怎样启动一个 controller-runtime 进程：平台的控制器或 Crossplane 提供者。
type ManagerOptions struct {
	// Binary 为空时用 bin/ 里构建的那个。
	Binary string
	// Kubeconfig 是它连接的 API 服务器。
	Kubeconfig string
	// LogDir 存日志。
	LogDir string
	// Args 追加在后面；Env 加在当前环境之后。
	Args, Env []string
	Detached  bool
}

// Manager 是一个运行中的 controller-runtime 进程。
type Manager struct {
	*Process
	// MetricsURL 是指标地址。
	MetricsURL string
}

// PatientLease 让控制器几乎不会丢掉租约：机器停顿得再久，测试里唯一的控制器也不会因此退出，留下后面的干等。
func PatientLease() []string {
	return []string{"--leader-elect-lease-duration=60s", "--leader-elect-renew-deadline=50s"}
}

// StartController 启动平台的控制器。
func StartController(ctx context.Context, o ManagerOptions) (*Manager, error) {
	return startManager(ctx, "kubellm-controller", o)
}

// StartProvider 启动 Crossplane 提供者，连接的是控制面（kube-apiserver），不是平台。
func StartProvider(ctx context.Context, o ManagerOptions) (*Manager, error) {
	return startManager(ctx, "provider", o)
}

// startManager 两种进程的连接、探针与指标都用同样的参数，只有名字不同。
func startManager(ctx context.Context, name string, o ManagerOptions) (*Manager, error) {
	binary, err := orBuilt(o.Binary, name)
	if err != nil {
		return nil, err
	}
	probe, err := FreePort()
	if err != nil {
		return nil, err
	}
	metrics, err := FreePort()
	if err != nil {
		return nil, err
	}
	p, err := Start(ctx, Spec{
		Name: name, Path: binary, Detached: o.Detached, Env: o.Env,
		LogFile: logFile(o.LogDir, o.LogDir, name),
		Args: append([]string{
			"--kubeconfig=" + o.Kubeconfig,
			"--health-probe-bind-address=" + loopback(probe),
			"--metrics-bind-address=" + loopback(metrics),
		}, o.Args...),
		Ready: httpReady("http://"+loopback(probe)+"/readyz", nil),
	})
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return &Manager{Process: p, MetricsURL: "http://" + loopback(metrics) + "/metrics"}, nil
}
