package harness

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	h100 = "NVIDIA-H100-80GB-HBM3"
	// soon 是等一个成员集群自己到达某个状态的上限；平常一两秒。
	soon = 2 * time.Minute
)

func TestMember(t *testing.T) {
	m := NewMember(t, MemberOptions{})
	if err := m.AddGPUNodes(t.Context(), GPUNodes{Prefix: "h100", Count: 2, Product: h100, MemoryMiB: 81559, GPUs: 2}); err != nil {
		t.Fatal(err)
	}
	t.Run("Nodes", func(t *testing.T) { checkNodes(t, m) })
	t.Run("Loading", func(t *testing.T) { checkLoading(t, m) })
	t.Run("Fragmented", func(t *testing.T) { checkFragmented(t, m) })
	t.Run("Crash", func(t *testing.T) { checkCrash(t, m) })
	t.Run("APIServerOutage", func(t *testing.T) { checkOutage(t, m) })
	t.Run("KwokRestart", func(t *testing.T) { checkKwokRestart(t, m) })
	t.Run("Credentials", func(t *testing.T) { checkCredentials(t, m) })
}

// checkNodes 容量是建节点时写的；kwok 报告就绪时不得改动它。
func checkNodes(t *testing.T, m *Member) {
	nodes, err := m.Client().CoreV1().Nodes().List(t.Context(), metav1.ListOptions{LabelSelector: "nvidia.com/gpu.product=" + h100})
	if err != nil {
		t.Fatal(err)
	}
	if len(nodes.Items) != 2 {
		t.Fatalf("%d nodes have the product's label, want 2", len(nodes.Items))
	}
	for _, node := range nodes.Items {
		if !usable(&node) {
			t.Errorf("node %s is not ready: %+v", node.Name, node.Status.Conditions)
		}
		for which, list := range map[string]corev1.ResourceList{"capacity": node.Status.Capacity, "allocatable": node.Status.Allocatable} {
			if gpus := list[nvidiaGPU]; gpus.Value() != 2 {
				t.Errorf("node %s has %s GPUs in its %s, want 2", node.Name, gpus.String(), which)
			}
		}
	}
}

// checkLoading 装载期间 Pod 在运行但 Deployment 不可用，装完才可用。后建的 Pod 先就绪，证明前一个确实在等；
// 改注解就改了剩下的时间，测试由此不必靠掐时间。
func checkLoading(t *testing.T, m *Member) {
	deployments := m.Client().AppsV1().Deployments("default")
	if _, err := deployments.Create(t.Context(), gpuDeployment("loads", "1h"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { deleteDeployment(t, m, "loads") })
	waitForPod(t, m, "loads", "to load", func(pod *corev1.Pod) error {
		if pod.Status.Phase != corev1.PodRunning || podReady(pod) {
			return fmt.Errorf("phase %s, ready %t", pod.Status.Phase, podReady(pod))
		}
		return nil
	})
	createPod(t, m, gpuPod("quick", 0, nil))
	waitForReadyPod(t, m, "quick")
	d, err := deployments.Get(t.Context(), "loads", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if d.Status.AvailableReplicas != 0 {
		t.Error("the deployment is available although its pod has not loaded")
	}
	MustKubectl(t, m.APIServer.Kubeconfig, "", "annotate", "pods", "--selector=app=loads", "--overwrite", LoadTimeAnnotation+"=1s")
	Eventually(t, "the deployment to become available", soon, func(ctx context.Context) error {
		d, err := deployments.Get(ctx, "loads", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if d.Status.AvailableReplicas != 1 || d.Status.ObservedGeneration != d.Generation {
			return fmt.Errorf("its status is %+v", d.Status)
		}
		return nil
	})
}

// checkFragmented 两个节点各空一块，要两块的 Pod 哪里都放不下：这就是碎片。
func checkFragmented(t *testing.T, m *Member) {
	for _, node := range []string{"h100-0", "h100-1"} {
		pod := gpuPod("on-"+node, 1, nil)
		pod.Spec.NodeName = node
		createPod(t, m, pod)
		waitForReadyPod(t, m, pod.Name)
	}
	createPod(t, m, gpuPod("wide", 2, nil))
	waitForPod(t, m, "wide", "to be found unschedulable", func(pod *corev1.Pod) error {
		for _, c := range pod.Status.Conditions {
			if c.Type == corev1.PodScheduled && c.Reason == corev1.PodReasonUnschedulable && pod.Status.Phase == corev1.PodPending {
				if want := "2 Insufficient " + nvidiaGPU; !strings.Contains(c.Message, want) {
					return fmt.Errorf("the scheduler said %q, without %q", c.Message, want)
				}
				return nil
			}
		}
		return fmt.Errorf("phase %s, conditions %+v", pod.Status.Phase, pod.Status.Conditions)
	})
}

// checkCrash 崩溃的 Pod 带着遗言；去掉注解后它重新装载并就绪。
func checkCrash(t *testing.T, m *Member) {
	const message = `unrecognized arguments: --enable-metrics "x"`
	createPod(t, m, gpuPod("crashes", 0, map[string]string{FailAnnotation: message}))
	waitForPod(t, m, "crashes", "to crash", func(pod *corev1.Pod) error {
		for _, s := range pod.Status.ContainerStatuses {
			if s.State.Waiting == nil || s.State.Waiting.Reason != "CrashLoopBackOff" {
				continue
			}
			last := s.LastTerminationState.Terminated
			if last == nil || last.Message != message || last.ExitCode == 0 || s.RestartCount != 1 || podReady(pod) {
				return Permanent(fmt.Errorf("it crashed with %+v", s))
			}
			return nil
		}
		return fmt.Errorf("its containers are %+v", pod.Status.ContainerStatuses)
	})

	MustKubectl(t, m.APIServer.Kubeconfig, "", "annotate", "pod", "crashes", FailAnnotation+"-")
	waitForReadyPod(t, m, "crashes")
}

// checkOutage 三种失联：被杀、正常停止、停住；端口和数据都还是原来的，其余部件照样干活。
func checkOutage(t *testing.T, m *Member) {
	url := m.APIServer.URL
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "kept"}}
	if _, err := m.Client().CoreV1().Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	for name, stop := range map[string]func() error{"Killed": m.KillAPIServer, "Stopped": m.StopAPIServer} {
		t.Run(name, func(t *testing.T) {
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			if err := reachable(t, m); err == nil {
				t.Error("the server answers although it was stopped")
			}
			if err := m.StartAPIServer(t.Context()); err != nil {
				t.Fatal(err)
			}
			if m.APIServer.URL != url {
				t.Errorf("it listens at %s, before at %s", m.APIServer.URL, url)
			}
			Eventually(t, "the restarted server to answer", soon, func(context.Context) error { return reachable(t, m) })
		})
	}
	t.Run("Hung", func(t *testing.T) {
		if err := m.HangAPIServer(); err != nil {
			t.Fatal(err)
		}
		if err := reachable(t, m); err == nil {
			t.Error("the server answers although it is halted")
		}
		if err := m.ResumeAPIServer(); err != nil {
			t.Fatal(err)
		}
		Eventually(t, "the resumed server to answer", soon, func(context.Context) error { return reachable(t, m) })
	})
	t.Run("PodsAgain", func(t *testing.T) {
		createPod(t, m, gpuPod("afterwards", 0, nil))
		waitForReadyPod(t, m, "afterwards")
	})
}

// checkKwokRestart 前一个 kwok 被杀，租约还在它名下：新的等租约过期才接手，所以租约要短。
func checkKwokRestart(t *testing.T, m *Member) {
	if err := m.Kwok.Kill(); err != nil {
		t.Fatal(err)
	}
	createPod(t, m, gpuPod("patient", 0, nil))
	if err := m.Kwok.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitForReadyPod(t, m, "patient")
}

// reachable 读停机之前建的命名空间；停住的服务器不回答，靠短超时发现。
func reachable(t *testing.T, m *Member) error {
	t.Helper()
	config := m.Config()
	config.Timeout = 2 * time.Second
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.CoreV1().Namespaces().Get(t.Context(), "kept", metav1.GetOptions{})
	return err
}

// checkCredentials 平台会遇到的各种 kubeconfig，都是自足的。
func checkCredentials(t *testing.T, m *Member) {
	masters := Identity{User: "kubellm", Groups: []string{"system:masters"}}
	allowed := func(err error) bool { return err == nil }
	cases := map[string]struct {
		reason string
		issue  func(t *testing.T) []byte
		check  func(error) bool
	}{
		"Masters": {
			reason: "a certificate in system:masters may do everything",
			issue:  func(t *testing.T) []byte { return MemberKubeconfig(t, m, masters, time.Minute) },
			check:  allowed,
		},
		"NoRights": {
			reason: "a certificate without rights is known but forbidden",
			issue:  func(t *testing.T) []byte { return MemberKubeconfig(t, m, Identity{User: "alice"}, time.Minute) },
			check:  apierrors.IsForbidden,
		},
		"Expired": {
			reason: "an expired certificate is answered with 401",
			issue:  func(t *testing.T) []byte { return MemberKubeconfig(t, m, masters, -time.Second) },
			check:  apierrors.IsUnauthorized,
		},
		"Token": {
			reason: "a service account's token has the rights bound to it",
			issue:  func(t *testing.T) []byte { return tokenKubeconfig(t, m, "allowed", "view") },
			check:  allowed,
		},
		"TokenNoRights": {
			reason: "a service account's token without rights is known but forbidden",
			issue:  func(t *testing.T) []byte { return tokenKubeconfig(t, m, "unbound", "") },
			check:  apierrors.IsForbidden,
		},
		"TokenRevoked": {
			reason: "a token ends with its service account",
			issue: func(t *testing.T) []byte {
				raw := tokenKubeconfig(t, m, "revoked", "view")
				if err := m.Client().CoreV1().ServiceAccounts("default").Delete(t.Context(), "revoked", metav1.DeleteOptions{}); err != nil {
					t.Fatal(err)
				}
				return raw
			},
			check: apierrors.IsUnauthorized,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			config, err := clientcmd.RESTConfigFromKubeConfig(tc.issue(t))
			if err != nil {
				t.Fatal(err)
			}
			client, err := kubernetes.NewForConfig(config)
			if err != nil {
				t.Fatal(err)
			}
			// 权限与 ServiceAccount 的来去，API 服务器自己也是经监视才知道的。
			Eventually(t, tc.reason, soon, func(ctx context.Context) error {
				if _, err := client.CoreV1().Pods("default").List(ctx, metav1.ListOptions{}); !tc.check(err) {
					return fmt.Errorf("listing pods gave %q", fmt.Sprint(err))
				}
				return nil
			})
		})
	}
}

// tokenKubeconfig 返回 ServiceAccount 的 kubeconfig，role 非空时先给它在 default 里的那个 ClusterRole。
func tokenKubeconfig(t *testing.T, m *Member, account, role string) []byte {
	t.Helper()
	raw, err := m.TokenKubeconfig(t.Context(), "default", account, 10*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if role == "" {
		return raw
	}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: account},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: "default", Name: account}},
	}
	if _, err := m.Client().RbacV1().RoleBindings("default").Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestMembersShareAnEtcd 两个成员各有各的数据；只有控制面的成员，节点由 AddGPUNodes 直接就绪。
func TestMembersShareAnEtcd(t *testing.T) {
	etcd := NewEtcd(t, EtcdOptions{})
	members := []*Member{
		NewMember(t, MemberOptions{Name: "one", EtcdURL: etcd.URL, ControlPlaneOnly: true}),
		NewMember(t, MemberOptions{Name: "two", EtcdURL: etcd.URL, ControlPlaneOnly: true}),
	}
	ids := map[string]bool{}
	for i, m := range members {
		if err := m.AddGPUNodes(t.Context(), GPUNodes{Prefix: "gpu", Count: 3 + i, Product: h100, GPUs: 8}); err != nil {
			t.Fatal(err)
		}
		nodes, err := m.Client().CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if len(nodes.Items) != 3+i {
			t.Errorf("member %s has %d nodes, want its own %d", m.Name, len(nodes.Items), 3+i)
		}
		system, err := m.Client().CoreV1().Namespaces().Get(t.Context(), metav1.NamespaceSystem, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		ids[string(system.UID)] = true
	}
	if len(ids) != len(members) {
		t.Errorf("%d members have %d ids between them", len(members), len(ids))
	}
}

// TestMemberTellsWhichPartDied 部件在测试中途死了：等它的人马上知道，停止时也说出来。
func TestMemberTellsWhichPartDied(t *testing.T) {
	dir := dataDir(t, "")
	m, err := StartMember(t.Context(), MemberOptions{Name: "frail", Dir: dir, LogDir: logDir(t, "")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Stop() })
	if err := m.Kwok.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-m.Kwok.Exited()

	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	err = m.AddGPUNodes(ctx, GPUNodes{Prefix: "never", Count: 1, GPUs: 1})
	if err == nil || ctx.Err() != nil || !strings.Contains(err.Error(), m.Kwok.Name()) {
		t.Errorf("adding nodes without kwok gave %v", err)
	}
	if err := m.Stop(); err == nil || !strings.Contains(err.Error(), m.Kwok.Name()+" exited") {
		t.Errorf("stopping a member whose kwok has died gave %v", err)
	}
	for _, p := range m.Processes() {
		if p.Running() {
			t.Errorf("%s is running after Stop", p.Name())
		}
	}
}

func gpuPod(name string, gpus int64, annotations map[string]string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default", Labels: map[string]string{"app": name}, Annotations: annotations},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Name: "server", Image: "example.com/server:1",
			Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{nvidiaGPU: *resource.NewQuantity(gpus, resource.DecimalSI)}},
		}}},
	}
}

func gpuDeployment(name, loadTime string) *appsv1.Deployment {
	pod := gpuPod(name, 1, map[string]string{LoadTimeAnnotation: loadTime})
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default"},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: pod.Labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: pod.Labels, Annotations: pod.Annotations}, Spec: pod.Spec},
		},
	}
}

// createPod 建一个 Pod，子测试结束时删掉并等它消失，好把 GPU 还给下一个。
func createPod(t *testing.T, m *Member, pod *corev1.Pod) {
	t.Helper()
	pods := m.Client().CoreV1().Pods("default")
	if _, err := pods.Create(t.Context(), pod, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		if err := pods.Delete(ctx, pod.Name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
		waitForNoPods(ctx, t, m, pod.Name)
	})
}

func deleteDeployment(t *testing.T, m *Member, name string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	if err := m.Client().AppsV1().Deployments("default").Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
		t.Error(err)
	}
	waitForNoPods(ctx, t, m, name)
}

func waitForNoPods(ctx context.Context, t *testing.T, m *Member, app string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	err := Wait(ctx, "the pods of "+app+" to end", func(ctx context.Context) error {
		pods, err := m.Client().CoreV1().Pods("default").List(ctx, metav1.ListOptions{LabelSelector: "app=" + app})
		if err != nil {
			return err
		}
		if len(pods.Items) > 0 {
			return fmt.Errorf("%d are left", len(pods.Items))
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// waitForPod 等标签 app 所指的 Pod 满足 check。
func waitForPod(t *testing.T, m *Member, app, what string, check func(*corev1.Pod) error) {
	t.Helper()
	Eventually(t, "pod "+app+" "+what, soon, func(ctx context.Context) error {
		pods, err := m.Client().CoreV1().Pods("default").List(ctx, metav1.ListOptions{LabelSelector: "app=" + app})
		if err != nil {
			return err
		}
		if len(pods.Items) != 1 {
			return fmt.Errorf("there are %d such pods", len(pods.Items))
		}
		return check(&pods.Items[0])
	})
}

func waitForReadyPod(t *testing.T, m *Member, app string) {
	t.Helper()
	waitForPod(t, m, app, "to become ready", func(pod *corev1.Pod) error {
		if !podReady(pod) {
			return fmt.Errorf("phase %s on node %q", pod.Status.Phase, pod.Spec.NodeName)
		}
		return nil
	})
}

func podReady(pod *corev1.Pod) bool {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}
