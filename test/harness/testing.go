package harness

import (
	"bytes"
	"context"
	"os"
	"testing"
	"time"

	"k8s.io/client-go/rest"
)

// stopper 是测试结束时要停止的部件。
type stopper interface {
	Name() string
	Stop() error
	LogFile() string
	LogTail(n int) string
}

// NewPlatform 为一个测试启动平台服务器，测试结束时停止；Dir 为空时用临时目录。
// 停得不干净、报告过竞争都算测试失败；测试失败时打印它最后的日志。
func NewPlatform(t testing.TB, o PlatformOptions) *Platform {
	t.Helper()
	o.Binary = Binary(t, "kubellm-apiserver", o.Binary)
	o.Dir, o.LogDir = dataDir(t, o.Dir), logDir(t, o.LogDir)
	p, err := StartPlatform(t.Context(), o)
	return started(t, p, err)
}

// NewKubeAPIServer 为一个测试启动 kube-apiserver 和它的 etcd，测试结束时停止。
func NewKubeAPIServer(t testing.TB, o KubeAPIServerOptions) *KubeAPIServer {
	t.Helper()
	o.Dir, o.LogDir = dataDir(t, o.Dir), logDir(t, o.LogDir)
	if o.EtcdURL == "" {
		o.EtcdURL = NewEtcd(t, EtcdOptions{LogDir: o.LogDir}).URL
	}
	p, err := StartKubeAPIServer(t.Context(), o)
	return started(t, p, err)
}

// NewMember 为一个测试启动成员集群，测试结束时停止；共用 etcd 时给它 NewEtcd 的地址和不同的 Name。
// 任何部件没人叫就自己退出都算测试失败。
func NewMember(t testing.TB, o MemberOptions) *Member {
	t.Helper()
	o.Dir, o.LogDir = dataDir(t, o.Dir), logDir(t, o.LogDir)
	m, err := StartMember(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Stop(); err != nil {
			t.Error(err)
		}
		for _, p := range m.Processes() {
			if t.Failed() {
				t.Log(p.LogTail(failureLogLines))
			}
		}
	})
	return m
}

// NewEtcd 为一个测试启动独立的 etcd，测试结束时停止。
func NewEtcd(t testing.TB, o EtcdOptions) *Etcd {
	t.Helper()
	o.Dir, o.LogDir = dataDir(t, o.Dir), logDir(t, o.LogDir)
	p, err := StartEtcd(t.Context(), o)
	return started(t, p, err)
}

// NewController 为一个测试启动平台的控制器，测试结束时停止；问选主的测试自己给出租约的长短，否则它很长。
func NewController(t testing.TB, o ManagerOptions) *Manager {
	t.Helper()
	o.Args = append(PatientLease(), o.Args...)
	o.Binary = Binary(t, "kubellm-controller", o.Binary)
	o.LogDir = logDir(t, o.LogDir)
	p, err := StartController(t.Context(), o)
	return started(t, p, err)
}

// Binary 返回本仓库的可执行文件 name，必要时构建；path 非空时原样返回。
func Binary(t testing.TB, name, path string) string {
	t.Helper()
	if path != "" {
		return path
	}
	path, err := Build(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Kubeconfigs 是能为任意身份签发 kubeconfig 的部件：Platform 与 KubeAPIServer。
type Kubeconfigs interface {
	KubeconfigFor(Identity) (string, error)
}

// KubeconfigFor 返回代表 id 的 kubeconfig 路径。
func KubeconfigFor(t testing.TB, of Kubeconfigs, id Identity) string {
	t.Helper()
	path, err := of.KubeconfigFor(id)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// MemberKubeconfig 返回成员集群里代表 id 的自足的 kubeconfig，见 Member.Kubeconfig。
func MemberKubeconfig(t testing.TB, m *Member, id Identity, ttl time.Duration) []byte {
	t.Helper()
	raw, err := m.Kubeconfig(id, ttl)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// Config 返回 kubeconfig 的客户端配置。
func Config(t testing.TB, kubeconfig string) *rest.Config {
	t.Helper()
	config, err := RESTConfig(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// MustKubectl 执行 kubectl 并返回标准输出，失败即测试失败。
func MustKubectl(t testing.TB, kubeconfig, stdin string, args ...string) string {
	t.Helper()
	out, err := Kubectl(t.Context(), kubeconfig, stdin, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Eventually 等 check 返回 nil，到 timeout 仍不成则测试失败并说明在等什么。
func Eventually(t testing.TB, what string, timeout time.Duration, check func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	if err := Wait(ctx, what, check); err != nil {
		t.Fatal(err)
	}
}

// started 登记测试结束时的停止；t.Context 届时已取消，停止不依赖它。
func started[P stopper](t testing.TB, p P, err error) P {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
		checkRaces(t, p)
		if t.Failed() {
			t.Log(p.LogTail(2 * failureLogLines))
		}
	})
	return p
}

// checkRaces 在部件的日志里找竞争检测器的报告：被 SIGKILL 的进程来不及用退出码说出来。
func checkRaces(t testing.TB, p stopper) {
	t.Helper()
	log, err := os.ReadFile(p.LogFile())
	if err != nil {
		t.Errorf("read the log of %s: %v", p.Name(), err)
		return
	}
	if _, report, found := bytes.Cut(log, []byte("WARNING: DATA RACE")); found {
		t.Errorf("%s reported a data race:%.4000s", p.Name(), report)
	}
}

// dataDir 补上数据目录。不用 t.TempDir：测试名长时，里面的 unix 套接字会超过路径长度上限。
func dataDir(t testing.TB, dir string) string {
	t.Helper()
	if dir != "" {
		return dir
	}
	dir, err := os.MkdirTemp("", "kubellm-")
	if err != nil {
		t.Fatalf("make a data directory: %v", err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("remove the data directory: %v", err)
		}
	})
	return dir
}

// logDir 补上日志目录：在 t.ArtifactDir 里，go test -artifacts 时保留。
func logDir(t testing.TB, dir string) string {
	t.Helper()
	if dir != "" {
		return dir
	}
	dir, err := os.MkdirTemp(t.ArtifactDir(), "logs-")
	if err != nil {
		t.Fatalf("make a folder for logs: %v", err)
	}
	return dir
}
