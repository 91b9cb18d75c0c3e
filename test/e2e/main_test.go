// Package e2e 让平台管真实的成员集群：两个完整的控制面（etcd、kube-apiserver、controller-manager、
// scheduler），节点与 GPU 由 kwok 扮演。测试像用户那样经 kubectl 登记成员，再看平台说的是不是真话。
package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/kubellm/kubellm/apis/generated/clientset/versioned"
	clusterclient "github.com/kubellm/kubellm/apis/generated/clientset/versioned/typed/cluster/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// leaseSeconds 是节点租约的时长：成员重启之后，新的 kwok 等它过期才接手，Pod 那时才动得了。
const leaseSeconds = 4

// 两个成员的 GPU：alpha 有两种卡，beta 只有一种。
const (
	h100 = "NVIDIA-H100-80GB-HBM3"
	a100 = "NVIDIA-A100-SXM4-40GB"
	l40s = "NVIDIA-L40S"
)

// environment 是全部测试共用的部件；每个测试登记自己的 Cluster，结束时删掉，成员因此可以轮流使用。
type environment struct {
	platform   *harness.Platform
	controller *harness.Manager
	clusters   clusterclient.ClusterInterface
	// etcd 由两个成员共用。
	etcd        *harness.Etcd
	alpha, beta *harness.Member
}

var env environment

func TestMain(m *testing.M) {
	code, err := runAll(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// runAll 启动共用的部件、运行测试、停止它们；停得不干净也算失败。
func runAll(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "kubellm-e2e-")
	if err != nil {
		return 1, err
	}
	var started []*harness.Process
	defer func() {
		var errs []error
		for i := len(started) - 1; i >= 0; i-- {
			errs = append(errs, started[i].Stop())
			if code != 0 {
				fmt.Fprintln(os.Stderr, started[i].LogTail(40))
			}
		}
		err = errors.Join(err, errors.Join(errs...), os.RemoveAll(dir))
	}()
	remember := func(p *harness.Process) error {
		started = append(started, p)
		return nil
	}
	if err := env.start(context.Background(), dir, remember); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// start 启动平台、控制器与两个成员；remember 记下每个要停的进程。
func (e *environment) start(ctx context.Context, dir string, remember func(*harness.Process) error) error {
	for _, start := range []func(context.Context, string, func(*harness.Process) error) error{e.startPlatform, e.startMembers} {
		if err := start(ctx, dir, remember); err != nil {
			return err
		}
	}
	return nil
}

func (e *environment) startPlatform(ctx context.Context, dir string, remember func(*harness.Process) error) error {
	server, err := harness.Build(ctx, "kubellm-apiserver")
	if err != nil {
		return err
	}
	if e.platform, err = harness.StartPlatform(ctx, harness.PlatformOptions{Binary: server, Dir: filepath.Join(dir, "platform"), LogDir: dir}); err != nil {
		return err
	}
	if err := remember(e.platform.Process); err != nil {
		return err
	}
	controller, err := harness.Build(ctx, "kubellm-controller")
	if err != nil {
		return err
	}
	e.controller, err = harness.StartController(ctx, harness.ManagerOptions{
		Binary: controller, Kubeconfig: e.platform.ControllerKubeconfig, LogDir: dir,
		// 别的控制器来之前它先停下，用不着租约；测试停住它一会儿，它醒来不会因丢了租约而退出。选主另有测试。
		Args: []string{"--leader-elect=false"},
	})
	if err != nil {
		return err
	}
	config, err := harness.RESTConfig(e.platform.Kubeconfig)
	if err != nil {
		return err
	}
	clients, err := versioned.NewForConfig(config)
	if err != nil {
		return err
	}
	e.clusters = clients.ClusterV1alpha1().Clusters()
	return remember(e.controller.Process)
}

func (e *environment) startMembers(ctx context.Context, dir string, remember func(*harness.Process) error) error {
	etcd, err := harness.StartEtcd(ctx, harness.EtcdOptions{Dir: filepath.Join(dir, "etcd"), LogDir: dir})
	if err != nil {
		return err
	}
	e.etcd = etcd
	if err := remember(etcd.Process); err != nil {
		return err
	}
	member := func(name string, nodes ...harness.GPUNodes) (*harness.Member, error) {
		m, err := harness.StartMember(ctx, harness.MemberOptions{
			Name: name, EtcdURL: etcd.URL, OnStart: remember, NodeLeaseSeconds: leaseSeconds,
			Dir: filepath.Join(dir, name), LogDir: filepath.Join(dir, name+"-logs"),
		})
		if err != nil {
			return nil, err
		}
		for _, n := range nodes {
			if err := m.AddGPUNodes(ctx, n); err != nil {
				return nil, err
			}
		}
		return m, nil
	}
	e.alpha, err = member("alpha",
		harness.GPUNodes{Prefix: "h100", Count: 2, Product: h100, MemoryMiB: 81559, GPUs: 8},
		harness.GPUNodes{Prefix: "a100", Count: 1, Product: a100, MemoryMiB: 40960, GPUs: 4})
	if err != nil {
		return err
	}
	e.beta, err = member("beta", betaNodes)
	return err
}

// betaNodes 是 beta 的全部节点。
var betaNodes = harness.GPUNodes{Prefix: "l40s", Count: 1, Product: l40s, MemoryMiB: 46068, GPUs: 4}
