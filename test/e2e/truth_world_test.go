package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/generated/clientset/versioned"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

const (
	// onAlpha 与 onBeta 是两个成员登记的名字。
	onAlpha, onBeta = "truth-alpha", "truth-beta"
	// 心跳两秒一次、两秒无答算失败、两次算失联：docs/clusters.md 的一个门限是 间隔 × 次数 + 时限。
	// 一秒一次更快，但两核带竞争检测器时探测自己就要超时。
	heartbeat      = `{"spec":{"heartbeat":{"intervalSeconds":2,"timeoutSeconds":2,"failureThreshold":2}}}`
	heartbeatLimit = (2*2 + 2) * time.Second
	// leaseFor 是选主的租约；renewFor 长得够平台的服务器被杀之后重新起来，领导者不因此让位。
	leaseFor, renewFor, retryEvery = 12 * time.Second, 10 * time.Second, time.Second
	// patience 是等平台表态与复原的上限：成员拒绝之后十五秒才再试，命名空间要走两轮。
	patience = 2 * time.Minute
)

// modelNames 是全程被看着的 Model，各是一种样子。
var modelNames = []string{single, several, twin, nomad, sleeper}

const (
	// single 只有一个副本，several 有几个，都在 alpha。
	single, several = "truth-single", "truth-several"
	// twin 两个集群上各一份。
	twin = "truth-twin"
	// nomad 会换地方，起初在 beta；sleeper 会被暂停，也在 beta。加上 twin，beta 的四块卡恰好占满。
	nomad, sleeper = "truth-nomad", "truth-sleeper"
)

func followed(m *v1alpha1.Model) bool { return strings.HasPrefix(m.Name, "truth-") }

// world 是注入故障的人手上的一切。
type world struct {
	*journal
	hosts       map[string]*harness.Member
	relay       *relay
	controllers [2]*harness.Manager
	clients     *versioned.Clientset
}

// newWorld 备好两个控制器、两个成员、五个 Model，从此看着它们。
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{journal: newJournal(), clients: models(t), hosts: map[string]*harness.Member{onAlpha: env.alpha, onBeta: env.beta}}
	w.startControllers(t)
	w.register(t)
	w.watch(t)
	w.deploy(t)
	if err := w.until(t.Context(), "everything to serve", w.settled); err != nil {
		t.Fatal(err)
	}
	return w
}

// startControllers 让共用的控制器歇着，换上一个领导者与一个候补；租约短一点，接手时不必白等。
func (w *world) startControllers(t *testing.T) {
	t.Helper()
	if err := env.controller.Stop(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c, cancel := cleanup()
		defer cancel()
		if err := env.controller.Restart(c); err != nil {
			t.Error(err)
		}
	})
	for i := range w.controllers {
		w.controllers[i] = harness.NewController(t, harness.ManagerOptions{Kubeconfig: env.platform.ControllerKubeconfig, Args: []string{
			"--leader-elect-lease-duration=" + leaseFor.String(), "--leader-elect-renew-deadline=" + renewFor.String(),
			"--leader-elect-retry-period=" + retryEvery.String(),
		}})
	}
}

// register 登记两个成员：alpha 直接连，用管理员；beta 经过会哑的网络，用文档里写的那份权限。
func (w *world) register(t *testing.T) {
	t.Helper()
	w.relay = newRelay(t, env.beta)
	grant(t, env.beta)
	for _, name := range []string{onAlpha, onBeta} {
		create(t, name, clusterv1alpha1.DeletionOrphan)
		harness.MustKubectl(t, env.platform.Kubeconfig, "", "patch", "cluster", name, "--type=merge", "--patch="+heartbeat)
	}
	handIn(t, onAlpha, harness.MemberKubeconfig(t, env.alpha, admin, time.Hour))
	handIn(t, onBeta, w.throughRelay(harness.MemberKubeconfig(t, env.beta, visitor, time.Hour)))
	awaitReady(t, onAlpha)
	awaitReady(t, onBeta)
}

// visitor 是平台在 beta 上的身份，只有 docs/clusters.md 里的权限。
var visitor = harness.Identity{User: "kubellm-truth"}

const visitorBinding = "kubellm-truth"

// throughRelay 让 kubeconfig 经过会哑的网络。
func (w *world) throughRelay(kubeconfig []byte) []byte {
	return bytes.ReplaceAll(kubeconfig, []byte(env.beta.APIServer.URL), []byte(w.relay.url()))
}

// grant 把文档里的角色建在成员上，绑给 visitor。
func grant(t *testing.T, m *harness.Member) {
	t.Helper()
	page, err := os.ReadFile("../../docs/clusters.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(page), "```yaml\n")
	role, _, _ := strings.Cut(block, "```")
	harness.MustKubectl(t, m.APIServer.Kubeconfig, role, "apply", "-f", "-")
	if err := bind(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c, cancel := cleanup()
		defer cancel()
		for _, what := range []string{"clusterrolebinding/" + visitorBinding, "clusterrole/kubellm"} {
			if _, err := harness.Kubectl(c, m.APIServer.Kubeconfig, "", "delete", what, "--ignore-not-found"); err != nil {
				t.Error(err)
			}
		}
	})
}

func bind(ctx context.Context, m *harness.Member) error {
	_, err := harness.Kubectl(ctx, m.APIServer.Kubeconfig, "", "create", "clusterrolebinding", visitorBinding, "--clusterrole=kubellm", "--user="+visitor.User)
	return err
}

// watch 开始看平台与成员，并量脉搏；测试结束时停下。
func (w *world) watch(t *testing.T) {
	t.Helper()
	platform, err := kubernetes.NewForConfig(harness.Config(t, env.platform.Kubeconfig))
	if err != nil {
		t.Fatal(err)
	}
	leases := platform.CoordinationV1().Leases("kubellm-system")
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: pulseLease}}
	if _, err := leases.Create(t.Context(), lease, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	running := &sync.WaitGroup{}
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	for name, member := range w.hosts {
		on := newMirror(w.note)
		w.note(func() { w.members[name] = on })
		on.keep(ctx, running, member)
	}
	keep(ctx, running, w.models, w.clients.ModelV1alpha1().RESTClient(), "models", &v1alpha1.Model{})
	keep(ctx, running, w.clusters, w.clients.ClusterV1alpha1().RESTClient(), "clusters", &clusterv1alpha1.Cluster{})
	running.Go(func() { w.pulse.run(ctx, platform) })
}

// wanted 是五个 Model 的样子；每个都带一个用户参数，旧的副本由它认得出来。
var wanted = []wish{
	{name: single, clusters: []string{onAlpha}, replicas: 1, gpus: 1},
	{name: several, clusters: []string{onAlpha}, replicas: 3, gpus: 2},
	{name: twin, clusters: []string{onAlpha, onBeta}, spread: 2, replicas: 1, gpus: 1},
	{name: nomad, clusters: []string{onBeta}, replicas: 1, gpus: 1, failover: failoverAfter},
	{name: sleeper, clusters: []string{onBeta}, replicas: 1, gpus: 2},
}

func (w *world) deploy(t *testing.T) {
	t.Helper()
	for _, m := range wanted {
		m.args = []string{"--seed=1"}
		deploy(t, m)
	}
	awaitModel(t, nomad, "serving", patience, serves(onBeta))
	// 放好之后才准去别处：一开始就准的话，空闲多的 alpha 会抢走它。
	change(t, nomad, fmt.Sprintf(`{"spec":{"placement":{"clusterNames":[%q,%q]}}}`, onAlpha, onBeta))
}

// 以下是注入故障用的手。

// blinded 记下平台从此刻起看不到这些成员，sighted 记下又看得到了。
func (w *world) blinded(why string, clusters ...string) {
	w.note(func() {
		for _, name := range clusters {
			w.members[name].blind = why
		}
	})
}

func (w *world) sighted(clusters ...string) { w.blinded("", clusters...) }

// patch 改一个 Model 的 spec。
func (w *world) patch(ctx context.Context, model, patch string) error {
	_, err := w.clients.ModelV1alpha1().Models(team).Patch(ctx, model, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	return err
}

// held 是成员上为 model 放的 Deployment。
func (w *world) held(cluster, model string) (*appsv1.Deployment, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	placed := w.members[cluster].placed(w.model(model))
	if len(placed) != 1 {
		return nil, fmt.Errorf("%s holds %d Deployments of %s, want one", cluster, len(placed), model)
	}
	return placed[0], nil
}

// tamper 越过平台，直接改成员上的 Deployment。
func (w *world) tamper(ctx context.Context, cluster, model string, kind types.PatchType, patch string) error {
	d, err := w.held(cluster, model)
	if err != nil {
		return err
	}
	_, err = w.hosts[cluster].Client().AppsV1().Deployments(d.Namespace).Patch(ctx, d.Name, kind, []byte(patch), metav1.PatchOptions{})
	return err
}

// pods 是成员上 model 的、没有在终止的 Pod；一个也没有是错误：故障会落空。
func (w *world) pods(cluster, model string) ([]*corev1.Pod, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	pods := w.members[cluster].living(w.model(model))
	if len(pods) == 0 {
		return nil, fmt.Errorf("%s holds no pods of %s", cluster, model)
	}
	return pods, nil
}

// patchPods 改成员上 model 的每个 Pod。
func (w *world) patchPods(ctx context.Context, cluster, model, patch string, subresources ...string) error {
	pods, err := w.pods(cluster, model)
	if err != nil {
		return err
	}
	for _, pod := range pods {
		_, err := w.hosts[cluster].Client().CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{}, subresources...)
		if err != nil && !apierrors.IsNotFound(err) {
			return err
		}
	}
	return nil
}

// deletePods 删掉成员上几个 Model 的全部 Pod。
func (w *world) deletePods(ctx context.Context, cluster string, options metav1.DeleteOptions, models ...string) error {
	for _, model := range models {
		pods, err := w.pods(cluster, model)
		if err != nil {
			return err
		}
		for _, pod := range pods {
			if err := w.hosts[cluster].Client().CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, options); err != nil && !apierrors.IsNotFound(err) {
				return err
			}
		}
	}
	return nil
}

// crash 让成员上 model 的副本崩溃，mend 让它好起来。
func (w *world) crash(ctx context.Context, cluster, model string) error {
	return w.patchPods(ctx, cluster, model, `{"metadata":{"annotations":{"`+harness.FailAnnotation+`":"CUDA error: an illegal memory access was encountered"}}}`)
}

func (w *world) mend(ctx context.Context, cluster, model string) error {
	return w.patchPods(ctx, cluster, model, `{"metadata":{"annotations":{"`+harness.FailAnnotation+`":null}}}`)
}

// handOver 换一份凭据。
func (w *world) handOver(ctx context.Context, cluster string, kubeconfig []byte) error {
	_, err := w.clients.ClusterV1alpha1().Clusters().CreateCredentials(ctx, cluster,
		&clusterv1alpha1.ClusterCredentials{Spec: clusterv1alpha1.ClusterCredentialsSpec{Kubeconfig: kubeconfig}}, metav1.CreateOptions{})
	return err
}
