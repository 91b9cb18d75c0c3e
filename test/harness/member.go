package harness

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// MemberOptions 说明怎样启动一个成员集群：平台纳管的、将要跑模型的那种 Kubernetes。
type MemberOptions struct {
	// Name 区分几个成员：用在部件名、日志文件名与 etcd 前缀里，空则 member。
	Name string
	// Dir 存数据、证书与 kubeconfig，LogDir 存日志（空则同 Dir）。
	Dir, LogDir string
	// Port 是 kube-apiserver 的端口，为零时找一个空闲的。
	Port int
	// EtcdURL 非空时几个成员共用那个 etcd，各占一个前缀；否则自带一个。
	EtcdURL string
	// ControlPlaneOnly 只要 etcd 与 kube-apiserver：Pod 不会被调度也不会运行，节点由 AddGPUNodes 直接写成就绪。
	ControlPlaneOnly bool
	// NodeLeaseSeconds 是节点租约的时长，kwok 每四分之一续一次；零则取十秒，kwok 重启后很快接手。
	// 几百个节点以上应当取 40 以上，免得续租占满服务器。
	NodeLeaseSeconds int
	// APIServerArgs、ControllerManagerArgs 追加在后面，可覆盖前面的同名参数。
	APIServerArgs, ControllerManagerArgs []string
	Detached                             bool
	// OnStart 在每个部件就绪时立即调用：演示据此记住它们，中途被打断也停得掉。
	OnStart func(*Process) error
}

// Member 是一个运行中的成员集群。
type Member struct {
	Name string
	// APIServer 的 Kubeconfig 是 system:masters 里管理员的。
	APIServer *KubeAPIServer
	// Etcd 在共用别人的时为 nil；后三者在 ControlPlaneOnly 时为 nil。
	Etcd                               *Etcd
	ControllerManager, Scheduler, Kwok *Process

	options MemberOptions
	// parts 按启动的次序。
	parts  []*Process
	config *rest.Config
	client *kubernetes.Clientset
}

// StartMember 启动一个成员集群并等每个部件就绪；未能全部启动时先停止已启动的再返回错误。
func StartMember(ctx context.Context, o MemberOptions) (*Member, error) {
	o.Name = orName(o.Name, "member")
	if o.NodeLeaseSeconds == 0 {
		o.NodeLeaseSeconds = defaultNodeLeaseSeconds
	}
	m := &Member{Name: o.Name, options: o}
	if err := m.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start member cluster %s: %w", o.Name, err), m.Stop())
	}
	return m, nil
}

// start 依次启动各部件：后一个都要连前一个。
func (m *Member) start(ctx context.Context) error {
	if err := m.startStorage(ctx); err != nil {
		return err
	}
	if err := m.startAPIServer(ctx); err != nil {
		return err
	}
	if m.options.ControlPlaneOnly {
		return nil
	}
	for _, part := range []struct {
		into *(*Process)
		spec func(context.Context) (Spec, error)
	}{
		{&m.ControllerManager, m.controllerManagerSpec},
		{&m.Scheduler, m.schedulerSpec},
		{&m.Kwok, m.kwokSpec},
	} {
		spec, err := part.spec(ctx)
		if err != nil {
			return err
		}
		if *part.into, err = m.launched(Start(ctx, spec)); err != nil {
			return err
		}
	}
	return nil
}

// startStorage 在没有共用的 etcd 时启动自己的。
func (m *Member) startStorage(ctx context.Context) error {
	if m.options.EtcdURL != "" {
		return nil
	}
	etcd, err := StartEtcd(ctx, EtcdOptions{
		Name: m.partName("etcd"), Dir: filepath.Join(m.options.Dir, "etcd"), LogDir: m.logDir(), Detached: m.options.Detached,
	})
	if err != nil {
		return err
	}
	m.Etcd, m.options.EtcdURL = etcd, etcd.URL
	_, err = m.launched(etcd.Process, nil)
	return err
}

func (m *Member) startAPIServer(ctx context.Context) error {
	server, err := StartKubeAPIServer(ctx, KubeAPIServerOptions{
		Name: m.partName("kube-apiserver"), Dir: m.options.Dir, LogDir: m.logDir(), Port: m.options.Port,
		EtcdURL: m.options.EtcdURL, EtcdPrefix: "/" + m.Name, Workloads: !m.options.ControlPlaneOnly,
		Args: m.options.APIServerArgs, Detached: m.options.Detached,
	})
	if err != nil {
		return err
	}
	m.APIServer = server
	if _, err := m.launched(server.Process, nil); err != nil {
		return err
	}
	if m.config, err = RESTConfig(server.Kubeconfig); err != nil {
		return err
	}
	if m.client, err = kubernetes.NewForConfig(m.config); err != nil {
		return fmt.Errorf("make a client of %s: %w", server.URL, err)
	}
	return nil
}

// launched 登记一个已就绪的部件。
func (m *Member) launched(p *Process, err error) (*Process, error) {
	if err != nil {
		return nil, err
	}
	m.parts = append(m.parts, p)
	if m.options.OnStart == nil {
		return p, nil
	}
	return p, m.options.OnStart(p)
}

// Processes 返回全部部件，按启动的次序。
func (m *Member) Processes() []*Process { return slices.Clone(m.parts) }

// Stop 按启动的相反次序停止全部部件；没人叫就先死了的部件也是错误，否则测试只会看到莫名的超时。
func (m *Member) Stop() error {
	var errs []error
	for _, p := range slices.Backward(m.parts) {
		errs = append(errs, p.Died(), p.Stop())
	}
	return errors.Join(errs...)
}

// alive 返回一个在任何部件自己退出时带着原因取消的 ctx：等一个已不会来的结果没有意义。
func (m *Member) alive(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	for _, p := range m.parts {
		go func() {
			select {
			case <-p.Exited():
				if err := p.Died(); err != nil {
					cancel(err)
				}
			case <-ctx.Done():
			}
		}()
	}
	return ctx, func() { cancel(nil) }
}

func (m *Member) partName(part string) string { return m.Name + "-" + part }

func (m *Member) logDir() string {
	if m.options.LogDir != "" {
		return m.options.LogDir
	}
	return m.options.Dir
}
