package crossplane

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	changelogs "github.com/crossplane/crossplane-runtime/v2/apis/changelogs/proto/v1alpha1"
	"google.golang.org/grpc"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/crossplane/crossplane-runtime/v2/pkg/resource"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	namespacedcluster "github.com/kubellm/kubellm/apis/managed/namespaced/cluster/v1alpha1"
	namespacediam "github.com/kubellm/kubellm/apis/managed/namespaced/iam/v1alpha1"
	"github.com/kubellm/kubellm/apis/meta"
	"github.com/kubellm/kubellm/test/harness"
)

// providerRBAC 是 Crossplane 的 RBAC 管理器给 provider 的权限（自己的种类、Secret、事件、租约），Secret 与监视 CRD 的另加。
const providerRBAC = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: provider}
rules:
- {apiGroups: [iam.kubellm.m.crossplane.io, iam.kubellm.crossplane.io, cluster.kubellm.m.crossplane.io, cluster.kubellm.crossplane.io, model.kubellm.m.crossplane.io, model.kubellm.crossplane.io, kubellm.m.crossplane.io, kubellm.crossplane.io], resources: ["*"], verbs: [get, list, watch, update, patch, create]}
- {apiGroups: ["", coordination.k8s.io], resources: [configmaps, events, leases], verbs: ["*"]}
%s
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: provider}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: provider}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: provider}]
`

const (
	allSecrets = `- {apiGroups: [""], resources: [secrets], verbs: ["*"]}` + "\n"
	getSecrets = `- {apiGroups: [""], resources: [secrets], verbs: [get]}` + "\n"
	watchCRDs  = `- {apiGroups: [apiextensions.k8s.io], resources: [customresourcedefinitions], verbs: [get, list, watch]}`
)

// TestSecondControlPlane 在另一个控制面上依次看：没有权限时说清楚、先于 CRD 启动、变更日志、与第一个控制面相争、静止时不打扰平台。
func TestSecondControlPlane(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	second, err := startControlPlane(t.Context(), s, "second")
	if err != nil {
		t.Fatal(err)
	}
	restricted := *second
	restricted.KubeAPIServer = &harness.KubeAPIServer{}
	*restricted.KubeAPIServer = *second.KubeAPIServer
	restricted.Kubeconfig = harness.KubeconfigFor(t, second.KubeAPIServer, harness.Identity{User: "provider", Groups: []string{"system:serviceaccounts:crossplane-system"}})
	second.apply(t, fmt.Sprintf(providerRBAC, allSecrets))

	t.Run("no right to read the control plane's id", func(t *testing.T) {
		err := restricted.startProvider(t.Context())
		if err == nil {
			t.Fatal("the provider started")
		}
		for _, part := range []string{"kube-system", "forbidden", "--control-plane-id"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("the message does not say %q: %v", part, err)
			}
		}
	})
	root, err := harness.Root()
	if err != nil {
		t.Fatal(err)
	}
	harness.MustKubectl(t, second.Kubeconfig, "", "apply", "-f", filepath.Join(root, "examples", "crossplane", "01-provider-rbac.yaml"))
	restricted.awaitRight(t, true, "get", "namespaces/kube-system")

	changes := serveChangeLogs(t, filepath.Join(s.dir, "changes.sock"))
	second.apply(t, fmt.Sprintf(providerRBAC, allSecrets+watchCRDs))
	restricted.awaitRight(t, true, "watch", "customresourcedefinitions")
	const poll = 5 * time.Second
	// 先于 CRD 启动：种类的 CRD 出现之后才开始管它。
	if err := restricted.startProvider(t.Context(), "--poll="+poll.String(), "--poll-jitter-percentage=10", "--leader-election", "--leader-election-namespace=default",
		"--enable-changelogs", "--changelogs-socket-path="+changes.socket); err != nil {
		t.Fatal(err)
	}
	if err := second.connect(t.Context(), platform); err != nil {
		t.Fatal(err)
	}
	ns := second.namespace(t)

	t.Run("change logs", func(t *testing.T) { testChangeLogs(t, second, ns, changes) })
	t.Run("contested", func(t *testing.T) { testContested(t, second, ns) })
	t.Run("idle", func(t *testing.T) { testIdle(t, second, &restricted, ns, poll, idleUsers) })
	t.Run("idle clusters", func(t *testing.T) {
		testIdle(t, second, &restricted, ns, poll, idleClusters)
		if changes.show(memberToken) {
			t.Error("the change log shows the secret")
		}
	})
	t.Run("no right to watch CRDs", func(t *testing.T) {
		if err := restricted.provider.Stop(); err != nil {
			t.Fatal(err)
		}
		second.apply(t, fmt.Sprintf(providerRBAC, allSecrets))
		restricted.awaitRight(t, false, "watch", "customresourcedefinitions")
		if err := restricted.startProvider(t.Context()); err != nil {
			t.Fatal(err)
		}
		mg := user(ns, "ungated")
		if err := second.kube.Create(t.Context(), mg); err != nil {
			t.Fatal(err)
		}
		awaitReady(t, second, mg)
	})
	t.Run("no right to watch Secrets", func(t *testing.T) { testGetSecretsOnly(t, second, &restricted, ns, poll) })
}

// awaitRight 等到权限的改动生效：授权的人也是监视着才知道的。
func (c *controlPlane) awaitRight(t *testing.T, want bool, action ...string) {
	t.Helper()
	harness.Eventually(t, fmt.Sprintf("%v to be allowed: %t", action, want), promptly, func(ctx context.Context) error {
		_, err := harness.Kubectl(ctx, c.Kubeconfig, "", append([]string{"auth", "can-i"}, action...)...)
		if allowed := err == nil; allowed != want {
			return fmt.Errorf("allowed is %t", allowed)
		}
		return nil
	})
}

// testGetSecretsOnly 看只能按名读 Secret 的 provider：照样交入，换了内容的到下次轮询再交；凭据没了也到轮询才知道，补上则由重试发现。
func testGetSecretsOnly(t *testing.T, c, restricted *controlPlane, ns string, poll time.Duration) {
	if err := restricted.provider.Stop(); err != nil {
		t.Fatal(err)
	}
	c.apply(t, fmt.Sprintf(providerRBAC, getSecrets))
	restricted.awaitRight(t, false, "watch", "secrets")
	if err := restricted.startProvider(t.Context(), "--poll="+poll.String()); err != nil {
		t.Fatal(err)
	}
	held := c.kubeconfigSecret(t, ns, "by-name", "kubeconfig", memberKubeconfig(t, nil))
	mg := clusterScopes["namespaced"](ns, "by-name")
	if err := c.kube.Create(t.Context(), mg.Managed); err != nil {
		t.Fatal(err)
	}
	first := awaitVersion(t, c, mg, "", "the Secret handed in")
	held.Data["kubeconfig"] = memberKubeconfig(t, nil)
	if err := c.kube.Update(t.Context(), held); err != nil {
		t.Fatal(err)
	}
	awaitVersion(t, c, mg, first, "the changed Secret handed in")

	lost := configScopes["cluster-config"](ns, "lost-by-name")
	lost.secret.Data = map[string][]byte{"kubeconfig": platform.kubeconfig(t, c.user())}
	for _, o := range []client.Object{lost.secret, lost.config, lost.mg} {
		c.make(t, o)
	}
	awaitReady(t, c, lost.mg)
	c.remove(t, lost.secret)
	awaitUnready(t, c, lost.mg, corev1.ConditionUnknown, notObserved)
	c.make(t, lost.secret)
	awaitReady(t, c, lost.mg)
}

func testChangeLogs(t *testing.T, c *controlPlane, ns string, changes *changeLogs) {
	mg := user(ns, "logged")
	if err := c.kube.Create(t.Context(), mg); err != nil {
		t.Fatal(err)
	}
	awaitReady(t, c, mg)
	if err := c.kube.Delete(t.Context(), mg); err != nil {
		t.Fatal(err)
	}
	awaitGone(t, c, mg)
	for _, want := range []changelogs.OperationType{changelogs.OperationType_OPERATION_TYPE_CREATE, changelogs.OperationType_OPERATION_TYPE_DELETE} {
		harness.Eventually(t, "the change log to show "+want.String(), promptly, func(context.Context) error {
			if !changes.saw("logged", want) {
				return errors.New("it does not yet")
			}
			return nil
		})
	}
}

// testContested 看两个控制面要同一个对象：后来的报错指名先来的，什么也不改；删掉后来的，对象还在。
func testContested(t *testing.T, second *controlPlane, ns string) {
	first := user(shared.namespace(t), "two-planes")
	first.Spec.ForProvider.Email = ptrTo("first@example.org")
	if err := shared.kube.Create(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	awaitReady(t, shared, first)
	before := platform.user(t, "two-planes")
	late := user(ns, "two-planes")
	late.Spec.ForProvider.Email = ptrTo("second@example.org")
	if err := second.kube.Create(t.Context(), late); err != nil {
		t.Fatal(err)
	}
	awaitNotSynced(t, second, late, promptly, "held by", before.Annotations[meta.OwnerAnnotation])
	platform.unchanged(t, before)
	if err := second.kube.Delete(t.Context(), late); err != nil {
		t.Fatal(err)
	}
	awaitGone(t, second, late)
	platform.unchanged(t, before)
}

// idleKind 是静止测试里的一个种类。
type idleKind struct {
	controller string
	resources  int
	list       resource.ManagedList
	create     func(t *testing.T, c *controlPlane, ns, name string)
	// settled 说一个资源是否已到静止的样子。
	settled func(resource.Managed) error
}

var idleUsers = idleKind{
	controller: "managed/user.iam.kubellm.m.crossplane.io", resources: 200, list: &namespacediam.UserList{},
	// 默认的绑定在就绪之后才生效，状态随之再写一次。
	settled: func(mg resource.Managed) error {
		if user, ok := mg.(*namespacediam.User); !ok || len(user.Status.AtProvider.Roles) == 0 {
			return errors.New("its roles are not known yet")
		}
		return isReady(mg)
	},
	create: func(t *testing.T, c *controlPlane, ns, name string) {
		if err := c.kube.Create(t.Context(), user(ns, name)); err != nil {
			t.Fatal(err)
		}
	},
}

// idleClusters 都交了凭据而被暂停：有成员的那些另有测试，这里看的是许多个。
var idleClusters = idleKind{
	controller: "managed/cluster.cluster.kubellm.m.crossplane.io", resources: 100, list: &namespacedcluster.ClusterList{},
	create: func(t *testing.T, c *controlPlane, ns, name string) {
		c.kubeconfigSecret(t, ns, name, "kubeconfig", memberKubeconfig(t, nil))
		mg := clusterScopes["namespaced"](ns, name)
		mg.params.Suspended = ptrTo(true)
		if err := c.kube.Create(t.Context(), mg.Managed); err != nil {
			t.Fatal(err)
		}
	},
	settled: func(mg resource.Managed) error {
		if got := mg.GetCondition("Ready"); string(got.Reason) != clusterv1alpha1.ReasonSuspended {
			return fmt.Errorf("Ready is %s (%s)", got.Status, got.Reason)
		}
		return isSynced(mg)
	},
}

// testIdle 看许多个静止的资源过两个轮询间隔：轮询确实发生了，平台却没有收到监视之外的请求，控制面上也没有写入。
func testIdle(t *testing.T, c, provider *controlPlane, ns string, poll time.Duration, kind idleKind) {
	began := time.Now()
	for i := range kind.resources {
		kind.create(t, c, ns, fmt.Sprintf("idle-%03d", i))
	}
	harness.Eventually(t, fmt.Sprintf("%d resources to be settled", kind.resources), 3*promptly, func(ctx context.Context) error {
		if err := c.kube.List(ctx, kind.list, client.InNamespace(ns)); err != nil {
			return err
		}
		for _, mg := range kind.list.GetItems() {
			if err := kind.settled(mg); err != nil {
				return fmt.Errorf("%s: %w", mg.GetName(), err)
			}
		}
		return nil
	})
	t.Logf("%d resources were settled after %s", kind.resources, time.Since(began).Round(time.Millisecond))
	// 控制器在就绪之后还会补写状态，托管资源随之更新：等到三秒内两边都没有动静。
	versions, quietSince := versionsOf(kind.list), time.Now()
	harness.Eventually(t, "the last writes to settle", 2*time.Minute, func(ctx context.Context) error {
		if err := c.kube.List(ctx, kind.list, client.InNamespace(ns)); err != nil {
			return err
		}
		if now := versionsOf(kind.list); !now.Equal(versions) {
			versions, quietSince = now, time.Now()
		}
		if quiet := time.Since(quietSince); quiet < 3*time.Second {
			return fmt.Errorf("the last write was %s ago", quiet)
		}
		if err := onlyWatches(c.user(), quietSince); err != nil {
			quietSince = time.Now()
			return err
		}
		return nil
	})
	reconciled := `controller_runtime_reconcile_total{controller="` + kind.controller + `"`
	reconciles := metric(t, provider.provider.MetricsURL, reconciled)
	since := time.Now()
	harness.Eventually(t, "two poll intervals to pass, and everything to be polled twice", 6*poll, func(context.Context) error {
		polled := metric(t, provider.provider.MetricsURL, reconciled) - reconciles
		if idle := time.Since(since); idle < 2*poll+poll/2 || polled < float64(2*kind.resources) {
			return fmt.Errorf("%s have passed with %v reconciles, want at least %d", idle, polled, 2*kind.resources)
		}
		return nil
	})
	if err := onlyWatches(c.user(), since); err != nil {
		t.Error(err)
	}
	if err := c.kube.List(t.Context(), kind.list, client.InNamespace(ns)); err != nil {
		t.Fatal(err)
	}
	if changed := versions.Difference(versionsOf(kind.list)); len(changed) > 0 {
		t.Errorf("%d managed resources were written while idle", len(changed))
	}
}

func versionsOf(list resource.ManagedList) sets.Set[string] {
	versions := sets.New[string]()
	for _, mg := range list.GetItems() {
		versions.Insert(mg.GetName() + "@" + mg.GetResourceVersion())
	}
	return versions
}

func onlyWatches(user string, since time.Time) error {
	counts, err := platform.requests(user, since)
	if err != nil {
		return err
	}
	delete(counts, "watch")
	if len(counts) > 0 {
		return fmt.Errorf("user %s made requests beside its watches: %v", user, counts)
	}
	return nil
}

// metric 是以 prefix 开头的所有序列之和。
func metric(t *testing.T, url, prefix string) float64 {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var sum float64
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if !strings.HasPrefix(lines.Text(), prefix) {
			continue
		}
		fields := strings.Fields(lines.Text())
		value, err := strconv.ParseFloat(fields[len(fields)-1], 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += value
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return sum
}

// changeLogs 是一个真的变更日志服务，记下收到的一切。
type changeLogs struct {
	changelogs.UnimplementedChangeLogServiceServer
	socket string

	mu      sync.Mutex
	entries []*changelogs.ChangeLogEntry
}

func serveChangeLogs(t *testing.T, socket string) *changeLogs {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	service := &changeLogs{socket: socket}
	server := grpc.NewServer()
	changelogs.RegisterChangeLogServiceServer(server, service)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		_ = os.Remove(socket)
	})
	return service
}

// SendChangeLog 记下一条。
func (c *changeLogs) SendChangeLog(_ context.Context, r *changelogs.SendChangeLogRequest) (*changelogs.SendChangeLogResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries = append(c.entries, r.GetEntry())
	return &changelogs.SendChangeLogResponse{}, nil
}

// show 说收到的任何一条里有没有这段文字。
func (c *changeLogs) show(text string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.entries {
		if strings.Contains(e.String(), text) {
			return true
		}
	}
	return false
}

func (c *changeLogs) saw(name string, operation changelogs.OperationType) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.entries {
		if e.GetName() == name && e.GetOperation() == operation {
			return true
		}
	}
	return false
}
