package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// applyWithCrossplane 装上提供者的 CRD，启动提供者，应用 examples/crossplane 并等它们就绪。
func applyWithCrossplane(ctx context.Context, d *demo, platform *harness.Platform, plane *harness.KubeAPIServer, member *harness.Member) error {
	heading("Crossplane: the provider's CRDs, the provider, examples/crossplane")
	if err := installCRDs(ctx, plane); err != nil {
		return err
	}
	err := step("provider: waiting for /readyz", func() error {
		provider, err := harness.StartProvider(ctx, harness.ManagerOptions{
			Binary: d.binary("provider"), Kubeconfig: plane.Kubeconfig, LogDir: d.path("logs"), Detached: true,
		})
		if err != nil {
			return err
		}
		return d.remember(provider.Process)
	})
	if err != nil {
		return err
	}
	if err := giveCredentials(ctx, platform, plane); err != nil {
		return err
	}
	if err := giveMember(ctx, plane.Kubeconfig, westSecret, member); err != nil {
		return err
	}
	if err := giveToken(ctx, plane.Kubeconfig, mirroredSecret); err != nil {
		return err
	}
	if err := kubectl(ctx, plane.Kubeconfig, "apply", "--server-side", "--recursive", "-f", "examples/crossplane"); err != nil {
		return err
	}
	if err := awaitReady(ctx, managed(plane)); err != nil {
		return err
	}
	return kubectl(ctx, plane.Kubeconfig, "get", "managed", "--all-namespaces")
}

func installCRDs(ctx context.Context, plane *harness.KubeAPIServer) error {
	return step("installing package/crds and waiting until they are established", func() error {
		if _, err := harness.Kubectl(ctx, plane.Kubeconfig, "", "apply", "--server-side", "-f", "package/crds"); err != nil {
			return err
		}
		_, err := harness.Kubectl(ctx, plane.Kubeconfig, "", "wait", "--for=condition=Established", "--timeout=60s", "-f", "package/crds")
		return err
	})
}

// giveCredentials 给提供者一个自己的身份：证书里的组 automation 由 examples/platform/automation.yaml 授权。
func giveCredentials(ctx context.Context, platform *harness.Platform, plane *harness.KubeAPIServer) error {
	return step("a Secret with the provider's own credentials for the platform", func() error {
		kubeconfig, err := platform.KubeconfigFor(harness.Identity{User: "crossplane", Groups: []string{"automation"}})
		if err != nil {
			return err
		}
		if _, err := harness.Kubectl(ctx, plane.Kubeconfig, "", "apply", "--server-side", "-f", "examples/crossplane/00-namespaces.yaml"); err != nil {
			return err
		}
		_, err = harness.Kubectl(ctx, plane.Kubeconfig, "", "create", "secret", "generic", "kubellm-credentials",
			"--namespace=kubellm-system", "--from-file=kubeconfig="+kubeconfig)
		return err
	})
}

// repairByCrossplane 在 Crossplane 背后改一个用户，看它被改回来；轮询间隔是分钟级的，所以这只能来自监视。
func repairByCrossplane(ctx context.Context, platform *harness.Platform, users *users) error {
	heading("A change behind Crossplane's back")
	user, err := users.managedBy(ctx, crossplane)
	if err != nil {
		return err
	}
	say("%s is managed by %s; its groups are %v", user.Name, managerOf(user), user.Spec.Groups)
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	// 修复往往快过 kubectl 退出，所以先开始监视，再改。
	events, err := users.client.Watch(ctx, metav1.SingleObject(user.ObjectMeta))
	if err != nil {
		return fmt.Errorf("watch user %s: %w", user.Name, err)
	}
	defer events.Stop()
	if err := addIntruders(ctx, platform, user.Name); err != nil {
		return err
	}
	say("waiting for Crossplane to repair it (the provider watches; it polls every 10 minutes only)")
	took, err := watchRepair(ctx, events, user)
	if err != nil {
		return err
	}
	say("repaired within %s", took.Round(time.Millisecond))
	return nil
}

// watchRepair 从事件里看着用户的组被改掉又改回，返回两者之间的时间。
func watchRepair(ctx context.Context, events watch.Interface, user *v1alpha1.User) (time.Duration, error) {
	var broken time.Time
	for event := range events.ResultChan() {
		seen, ok := event.Object.(*v1alpha1.User)
		if !ok {
			return 0, fmt.Errorf("watch user %s: %w", user.Name, apierrors.FromObject(event.Object))
		}
		same := slices.Equal(seen.Spec.Groups, user.Spec.Groups)
		switch {
		case !same && broken.IsZero():
			broken = time.Now()
			say("  the platform: its groups are now %v", seen.Spec.Groups)
		case same && !broken.IsZero():
			say("  the platform: its groups are now %v", seen.Spec.Groups)
			return time.Since(broken), nil
		}
	}
	return 0, fmt.Errorf("wait for Crossplane to repair user %s: the watch ended first: %w", user.Name, context.Cause(ctx))
}
