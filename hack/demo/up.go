package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/kubellm/kubellm/test/harness"
)

// up 从头到尾演示一遍；失败时先给出相关日志，再停止已启动的一切。
func up(ctx context.Context, d *demo) error {
	if total := len(d.started); total > 0 && d.running() == total {
		fmt.Println("The demo is already running; make demo-down stops it.")
		printHowToGoOn(d)
		return nil
	}
	if d.running() > 0 {
		heading("Parts of an earlier demo are left")
		if err := d.stop(ctx); err != nil {
			return err
		}
	}
	if err := d.clear(); err != nil {
		return err
	}
	if err := os.MkdirAll(d.path("logs"), 0o700); err != nil {
		return fmt.Errorf("make a folder for the demo: %w", err)
	}
	if err := show(ctx, d); err != nil {
		return giveUp(ctx, d, err)
	}
	printHowToGoOn(d)
	return nil
}

// giveUp 给出各部件日志里的异常，并停止它们；中断（Ctrl-C）时不必看日志。
func giveUp(ctx context.Context, d *demo, cause error) error {
	if ctx.Err() == nil {
		d.printTrouble()
	} else {
		cause = errors.New("it was interrupted")
	}
	heading("Stopping what was started")
	// 停止不能受已取消的 ctx 影响。
	return errors.Join(cause, d.stop(context.WithoutCancel(ctx)))
}

// show 是演示的剧本，一幕一幕来：每一幕做的都就绪了，才到下一幕。
func show(ctx context.Context, d *demo) error {
	var (
		platform *harness.Platform
		etcd     *harness.Etcd
		plane    *harness.KubeAPIServer
		members  members
		tf       *tf
		users    *users
	)
	for _, act := range []func() error{
		func() (err error) { platform, err = startPlatform(ctx, d); return err },
		func() (err error) { etcd, plane, err = startControlPlane(ctx, d); return err },
		func() (err error) { members, err = startMembers(ctx, d, etcd); return err },
		func() error { return applyWithKubectl(ctx, platform, members.north) },
		func() error { return applyWithCrossplane(ctx, d, platform, plane, members.west) },
		func() (err error) { tf, err = newTerraform(ctx, d, platform, members.east); return err },
		func() error { return tf.applyExamples(ctx, platform) },
		func() (err error) { users, err = newUsers(platform); return err },
		func() error { return users.print(ctx) },
		func() error { return showModels(ctx, platform, members) },
		func() error { return showClusters(ctx, platform, members.west) },
		func() error { return repairByCrossplane(ctx, platform, users) },
		func() error { return driftInTerraform(ctx, platform, users, tf) },
	} {
		d.mark()
		if err := act(); err != nil {
			return err
		}
	}
	return nil
}

// startPlatform 启动平台服务器（内嵌 etcd）和它的控制器。
func startPlatform(ctx context.Context, d *demo) (*harness.Platform, error) {
	heading("The platform: its API server with embedded etcd, and its controllers")
	var platform *harness.Platform
	err := step("kubellm-apiserver: waiting for /readyz", func() (err error) {
		platform, err = harness.StartPlatform(ctx, harness.PlatformOptions{
			Binary: d.binary("kubellm-apiserver"), Dir: d.path("platform"), LogDir: d.path("logs"), Detached: true,
		})
		if err != nil {
			return err
		}
		return d.remember(platform.Process)
	})
	if err != nil {
		return nil, err
	}
	return platform, step("kubellm-controller: waiting for /readyz", func() error {
		controller, err := harness.StartController(ctx, harness.ManagerOptions{
			Binary: d.binary("kubellm-controller"), Kubeconfig: platform.ControllerKubeconfig, LogDir: d.path("logs"), Detached: true,
		})
		if err != nil {
			return err
		}
		return d.remember(controller.Process)
	})
}

// startControlPlane 启动 Crossplane 资源所在的 Kubernetes：真实的 etcd 与 kube-apiserver。成员集群也用这个 etcd。
func startControlPlane(ctx context.Context, d *demo) (*harness.Etcd, *harness.KubeAPIServer, error) {
	heading("A Kubernetes for the Crossplane resources: etcd and kube-apiserver")
	var etcd *harness.Etcd
	err := step("etcd: waiting for /readyz", func() (err error) {
		etcd, err = harness.StartEtcd(ctx, harness.EtcdOptions{Dir: d.path("etcd"), LogDir: d.path("logs"), Detached: true})
		if err != nil {
			return err
		}
		return d.remember(etcd.Process)
	})
	if err != nil {
		return nil, nil, err
	}
	var plane *harness.KubeAPIServer
	return etcd, plane, step("kube-apiserver: waiting for /readyz", func() (err error) {
		plane, err = harness.StartKubeAPIServer(ctx, harness.KubeAPIServerOptions{
			EtcdURL: etcd.URL, Dir: d.path("control-plane"), LogDir: d.path("logs"), Detached: true,
		})
		if err != nil {
			return err
		}
		return d.remember(plane.Process)
	})
}

// autoscaled 是例子里唯一放不下的模型：它要的 KEDA，演示的成员上没有。
const autoscaled = "chat-autoscaled"

// applyWithKubectl 应用 examples/platform 并等它们就绪：没有工具链的用户就这样管理平台。
func applyWithKubectl(ctx context.Context, platform *harness.Platform, member *harness.Member) error {
	heading("kubectl: examples/platform")
	if err := giveMember(ctx, platform.Kubeconfig, northSecret, member); err != nil {
		return err
	}
	if err := kubectl(ctx, platform.Kubeconfig, "apply", "--server-side", "-f", "examples/platform"); err != nil {
		return err
	}
	if err := giveToken(ctx, platform.Kubeconfig, gatedSecret); err != nil {
		return err
	}
	return awaitReady(ctx, everything(platform))
}

// kubectl 说出命令，执行并给出输出；服务器不答时不会一直等下去。
func kubectl(ctx context.Context, kubeconfig string, args ...string) error {
	say("$ kubectl %s", shellLine(args))
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	out, err := harness.Kubectl(ctx, kubeconfig, "", args...)
	if err != nil {
		return err
	}
	quote(out)
	return nil
}

const (
	// readyLimit 是等一批对象就绪、等一条命令做完的上限；平常几秒。
	readyLimit = 5 * time.Minute
	// intruders 是背后加上的组：组会带来权限，配置没写也算漂移。
	intruders = "intruders"
)

// addIntruders 是背后的改动：绕过工具链，用 kubectl 给用户加一个组。
func addIntruders(ctx context.Context, platform *harness.Platform, user string) error {
	patch := fmt.Sprintf(`{"spec":{"groups":[%q]}}`, intruders)
	return kubectl(ctx, platform.Kubeconfig, "patch", "user", user, "--type=merge", "--patch="+patch)
}

// printHowToGoOn 给出接着玩所需的路径。
func printHowToGoOn(d *demo) {
	heading("It all keeps running. Go on with")
	if _, err := exec.LookPath("kubectl"); err != nil {
		fmt.Printf("\n    export PATH=%s:$PATH    (there is a kubectl)\n", filepath.Join(d.root, "hack", "tools", "bin"))
	}
	fmt.Printf(`
    the platform, as its administrator
      export KUBECONFIG=%s
      kubectl get users,roles,rolebindings,clusters,models -A

    the control plane with the Crossplane resources
      export KUBECONFIG=%s
      kubectl get managed --all-namespaces

    Terraform
      cd %s && . ./env.sh
      "$TERRAFORM" plan

    logs          %s
    stop it all   make demo-down
`, d.path("platform", "admin.kubeconfig"), d.path("control-plane", "admin.kubeconfig"), d.path("terraform"), d.path("logs"))
}
