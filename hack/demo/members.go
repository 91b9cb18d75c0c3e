package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/kubellm/kubellm/test/harness"
)

// memberIdentity 是平台在成员上的身份；演示用管理员，真实的成员给它 docs/clusters.md 里列的权限就够。
var memberIdentity = harness.Identity{User: "kubellm", Groups: []string{"system:masters"}}

// secret 是例子里的 Cluster 与 Model 点名、要使用者自己准备的 Secret。
type secret struct{ namespace, name string }

// 头两个在平台上，examples/platform 要；后两个在控制面上，examples/crossplane 要。
var (
	northSecret    = secret{"kubellm-system", "gpu-north"}
	gatedSecret    = secret{"team-a", "hugging-face"}
	westSecret     = secret{"team-a", "gpu-west-kubeconfig"}
	mirroredSecret = secret{"team-a", "qwen3-tokens"}
)

// members 是演示的成员集群：三种办法各登记一个。
type members struct{ north, west, east *harness.Member }

func (m members) all() []*harness.Member { return []*harness.Member{m.north, m.west, m.east} }

// memberTTL 是成员 kubeconfig 的有效期，长过任何一次演示。
const memberTTL = 30 * 24 * time.Hour

// startMembers 启动三个成员集群：控制面是真实的，节点与 GPU 由 kwok 扮演。
func startMembers(ctx context.Context, d *demo, etcd *harness.Etcd) (m members, err error) {
	heading("Three member clusters: kube-apiserver, kube-controller-manager, kube-scheduler, and kwok for nodes with GPUs")
	m.north, err = startMember(ctx, d, etcd, "gpu-north",
		harness.GPUNodes{Prefix: "h200", Count: 2, Product: "NVIDIA-H200", MemoryMiB: 143771, GPUs: 8})
	if err != nil {
		return m, err
	}
	m.west, err = startMember(ctx, d, etcd, "gpu-west",
		harness.GPUNodes{Prefix: "h100", Count: 2, Product: "NVIDIA-H100-80GB-HBM3", MemoryMiB: 81559, GPUs: 8},
		harness.GPUNodes{Prefix: "l40s", Count: 1, Product: "NVIDIA-L40S", MemoryMiB: 46068, GPUs: 4})
	if err != nil {
		return m, err
	}
	m.east, err = startMember(ctx, d, etcd, "gpu-east",
		harness.GPUNodes{Prefix: "a100", Count: 2, Product: "NVIDIA-A100-SXM4-40GB", MemoryMiB: 40960, GPUs: 4})
	return m, err
}

func startMember(ctx context.Context, d *demo, etcd *harness.Etcd, name string, nodes ...harness.GPUNodes) (*harness.Member, error) {
	var member *harness.Member
	return member, step(name+": waiting until its nodes are Ready", func() (err error) {
		member, err = harness.StartMember(ctx, harness.MemberOptions{
			Name: name, EtcdURL: etcd.URL, Dir: d.path(name), LogDir: d.path("logs"), Detached: true, OnStart: d.remember,
		})
		if err != nil {
			return err
		}
		for _, n := range nodes {
			if err := member.AddGPUNodes(ctx, n); err != nil {
				return err
			}
		}
		return nil
	})
}

// giveMember 把成员的 kubeconfig 放进 Secret：例子里的 Cluster 由它登记。
func giveMember(ctx context.Context, on string, to secret, member *harness.Member) error {
	return step("a Secret with the kubeconfig of the member "+member.Name, func() error {
		kubeconfig, err := member.Kubeconfig(memberIdentity, memberTTL)
		if err != nil {
			return err
		}
		file, err := os.CreateTemp("", "kubellm-member-")
		if err != nil {
			return fmt.Errorf("make a file for the kubeconfig of %s: %w", member.Name, err)
		}
		defer func() { _ = os.Remove(file.Name()) }()
		if _, err := file.Write(kubeconfig); err != nil {
			return fmt.Errorf("write the kubeconfig of %s: %w", member.Name, err)
		}
		if err := file.Close(); err != nil {
			return fmt.Errorf("write the kubeconfig of %s: %w", member.Name, err)
		}
		_, err = harness.Kubectl(ctx, on, "", "create", "secret", "generic", to.name, "--namespace="+to.namespace, "--from-file=kubeconfig="+file.Name())
		return err
	})
}

// giveToken 放好例子里的模型要的令牌；kwok 不下载模型，所以内容无所谓。
func giveToken(ctx context.Context, on string, to secret) error {
	return step("a Secret with the token of the model's source", func() error {
		_, err := harness.Kubectl(ctx, on, "", "create", "secret", "generic", to.name, "--namespace="+to.namespace, "--from-literal=token=not-a-real-token")
		return err
	})
}

// showModels 给人看模型放到了哪里、成员上跑着什么，没放下的为什么。
func showModels(ctx context.Context, platform *harness.Platform, m members) error {
	heading("The models: by kubectl, by Crossplane and by Terraform, placed on the member clusters")
	if err := kubectl(ctx, platform.Kubeconfig, "get", "clusters,models", "--all-namespaces"); err != nil {
		return err
	}
	say("%s waits for a member with KEDA; the platform says so", autoscaled)
	err := kubectl(ctx, platform.Kubeconfig, "get", "model", autoscaled, "--namespace=team-a", "-o", `jsonpath={.status.conditions[?(@.type=="Scheduled")].message}`)
	if err != nil {
		return err
	}
	for _, member := range m.all() {
		say("what runs on %s", member.Name)
		if err := kubectl(ctx, member.APIServer.Kubeconfig, "get", "deployments,pods", "--all-namespaces", "--selector=model.kubellm.io/uid", "-o", "wide"); err != nil {
			return err
		}
	}
	return nil
}

// showClusters 给人看成员的 GPU，再在成员上占掉几块，看数字跟着变。
func showClusters(ctx context.Context, platform *harness.Platform, member *harness.Member) error {
	heading("The member clusters and their GPUs, as the platform sees them")
	if err := kubectl(ctx, platform.Kubeconfig, "get", "clusters"); err != nil {
		return err
	}
	before, err := takenGPUs(ctx, platform, member)
	if err != nil {
		return err
	}
	say("a pod on %s now takes 6 GPUs of one node", member.Name)
	if _, err := harness.Kubectl(ctx, member.APIServer.Kubeconfig, gpuPod, "apply", "--server-side", "-f", "-"); err != nil {
		return err
	}
	err = await(ctx, "the platform to see it", readyLimit, func(ctx context.Context) error {
		now, err := takenGPUs(ctx, platform, member)
		if err == nil && now != before+6 {
			err = fmt.Errorf("it counts %d GPUs taken, %d before", now, before)
		}
		return err
	})
	if err != nil {
		return err
	}
	return kubectl(ctx, platform.Kubeconfig, "get", "clusters")
}

// takenGPUs 是平台看到的、成员上已被占去的 H100。
func takenGPUs(ctx context.Context, platform *harness.Platform, member *harness.Member) (int, error) {
	out, err := harness.Kubectl(ctx, platform.Kubeconfig, "", "get", "cluster", member.Name,
		"-o", `jsonpath={.status.accelerators[?(@.product=="NVIDIA-H100-80GB-HBM3")].allocated}`)
	if err != nil {
		return 0, err
	}
	taken, err := strconv.Atoi(strings.TrimSpace(out))
	if err != nil {
		return 0, harness.Permanent(fmt.Errorf("read the GPUs taken on %s from %q: %w", member.Name, out, err))
	}
	return taken, nil
}

// gpuPod 是成员上别人的工作负载：平台没有放它，但要看见它占的卡。
const gpuPod = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"training","namespace":"default"},
"spec":{"nodeSelector":{"nvidia.com/gpu.product":"NVIDIA-H100-80GB-HBM3"},
"containers":[{"name":"training","image":"example.org/training:1","resources":{"limits":{"nvidia.com/gpu":"6"}}}]}}`
