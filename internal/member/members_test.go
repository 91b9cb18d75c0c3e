package member_test

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/kubellm/kubellm/internal/member"
	"github.com/kubellm/kubellm/test/harness"
)

// TestFactsFollowTheMember 让节点与 Pod 来去，证据要跟上；缓存里只有剥过的。
func TestFactsFollowTheMember(t *testing.T) {
	t.Parallel()
	m, e := newMember(t), open(t)
	addNodes(t, m, 2)
	addPod(t, m, "before", "h100-0", 2)
	e.Ensure(target(m.Config()))
	evidence := e.until(t, "the capacity to be known", known)
	if a := accelerator(t, evidence); a.Capacity != 16 || a.Allocated != 2 || a.LargestFreeBlock != 8 || a.Product != product {
		t.Errorf("what was there before is not counted: %+v", a)
	}
	if evidence.ID == "" || !strings.HasPrefix(evidence.Version, "v1.") || evidence.CredentialsVersion != "v1" ||
		len(evidence.Capabilities) != 1 || evidence.Capabilities[0] != "ImageVolumes" {
		t.Errorf("who the member is and what it can do is missing: %+v", evidence)
	}
	if evidence.Probe.LastSuccess.IsZero() || evidence.Capacity.LastSeen.IsZero() || evidence.Capacity.Err != nil {
		t.Errorf("it answers: %+v", evidence)
	}

	addPod(t, m, "during", "h100-1", 8)
	e.until(t, "a new pod to be counted", free(6))
	deletePod(t, m, "before")
	e.until(t, "a deleted pod to be given back", free(8))
	cordon(t, m, "h100-0")
	evidence = e.until(t, "a cordoned node to offer nothing", free(0))
	if evidence.Capacity.Nodes.Schedulable != 1 || evidence.Capacity.Nodes.Ready != 2 {
		t.Errorf("a cordoned node is ready but not schedulable: %+v", evidence.Capacity.Nodes)
	}
	readsFromCache(t, m, e)
}

// TestMemberWithoutStreaming 成员不会把列表当流来送：分页列出，结果一样，断了重列也一样。
func TestMemberWithoutStreaming(t *testing.T) {
	t.Parallel()
	m := harness.NewMember(t, harness.MemberOptions{ControlPlaneOnly: true, APIServerArgs: []string{"--feature-gates=WatchList=false"}})
	e := open(t)
	addNodes(t, m, 1)
	addPod(t, m, "first", "h100-0", 1)
	for i := range 600 {
		addPod(t, m, fmt.Sprintf("web-%d", i), "h100-0", 0)
	}
	addPod(t, m, "zulu", "h100-0", 2)
	e.Ensure(target(m.Config()))
	e.until(t, "pods of every page to be counted", free(5))
	if watches := e.requests(t, "watch"); watches != 4 {
		t.Errorf("%d watches: for each kind one that is refused as a stream of the list, and one after the list", watches)
	}
	second := twin(t, m)
	if err := m.KillAPIServer(); err != nil {
		t.Fatal(err)
	}
	e.until(t, "the capacity to be unknown", unknown)
	deletePod(t, second, "zulu")
	if err := m.StartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	if back := e.until(t, "the capacity to be known again", known); accelerator(t, back).Free != 7 {
		t.Errorf("known again with old numbers: %+v", back.Capacity)
	}
}

func cordon(t *testing.T, m *harness.Member, node string) {
	t.Helper()
	patch := []byte(`{"spec":{"unschedulable":true}}`)
	if _, err := m.Client().CoreV1().Nodes().Patch(t.Context(), node, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}

// readsFromCache 验证读取不发请求，无关的 Pod 不在缓存里。
func readsFromCache(t *testing.T, m *harness.Member, e *eyes) {
	t.Helper()
	addPod(t, m, "web", "h100-1", 0)
	c, err := e.Client("a")
	if err != nil {
		t.Fatal(err)
	}
	before := e.requests(t, "get")
	var pods corev1.PodList
	if err := c.List(t.Context(), &pods); err != nil {
		t.Fatal(err)
	}
	if len(pods.Items) != 1 || pods.Items[0].Name != "during" || pods.Items[0].Annotations != nil || pods.Items[0].ManagedFields != nil {
		t.Errorf("the cache must hold pods with accelerators only, stripped: %+v", pods.Items)
	}
	var node corev1.Node
	if err := c.Get(t.Context(), types.NamespacedName{Name: "h100-0"}, &node); err != nil || len(node.Status.Images) > 0 || node.Labels["nvidia.com/gpu.product"] != product {
		t.Errorf("the cached node: %v, %+v", err, node)
	}
	// 其间至多跳了一次心跳（三个请求），读取本身一个也没有。
	if spent := e.requests(t, "get") - before; spent > 3 {
		t.Errorf("reading nodes and pods cost %d requests", spent)
	}
	var namespace corev1.Namespace
	if err := c.Get(t.Context(), types.NamespacedName{Name: "default"}, &namespace); err != nil {
		t.Errorf("other kinds are read live: %v", err)
	}
	label(t, m, "web", `"u-1"`)
	untilCached(t, c, 2)
	label(t, m, "web", "null")
	untilCached(t, c, 1)
}

// label 给 Pod 贴上或（null）撕下平台的标签。
func label(t *testing.T, m *harness.Member, pod, value string) {
	t.Helper()
	patch := []byte(`{"metadata":{"labels":{"cluster.kubellm.io/uid":` + value + `}}}`)
	if _, err := m.Client().CoreV1().Pods("default").Patch(t.Context(), pod, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}

// untilCached 等到缓存里恰好有 n 个 Pod。
func untilCached(t *testing.T, c client.Client, n int) {
	t.Helper()
	harness.Eventually(t, "the pods that concern the platform to be cached, and no others", patience, func(ctx context.Context) error {
		var pods corev1.PodList
		if err := c.List(ctx, &pods); err != nil || len(pods.Items) != n {
			return fmt.Errorf("%d pods, want %d: %w", len(pods.Items), n, err)
		}
		return nil
	})
}

// TestSteadyRequests 一个安稳的成员每次心跳只花 /readyz、/version 与一次认人，监视始终只有两个。
func TestSteadyRequests(t *testing.T) {
	t.Parallel()
	var road road
	m, e := newMember(t), openWith(t, member.Options{Wrap: road.wrap})
	pace := target(m.Config())
	e.Ensure(pace)
	e.until(t, "the capacity to be known", known)
	began := time.Now()
	road.recount()
	const beats = 8
	harness.Eventually(t, "some heartbeats", patience, func(context.Context) error {
		if n := road.taken("/version"); n < beats {
			return fmt.Errorf("there were %d", n)
		}
		return nil
	})
	counts := road.recount()
	// 头一次隔得短一些，头尾又各可能只数到半次心跳。
	if most := int(time.Since(began)/pace.Interval) + 2; counts["/version"] > most {
		t.Errorf("%d heartbeats at the most asked for: %v", most, counts)
	}
	for _, path := range []string{"/readyz", "/api/v1/namespaces/kube-system"} {
		if n := counts[path] - counts["/version"]; n < -1 || n > 1 {
			t.Errorf("each heartbeat is to ask for %s once: %v", path, counts)
		}
	}
	if len(counts) != 3 {
		t.Errorf("a heartbeat asks for three things: %v", counts)
	}
	if watches := e.requests(t, "watch"); watches != 2 {
		t.Errorf("%d watches were opened, want 2", watches)
	}
}

// road 是去成员的路，按路径数走过的读取；锁着的时候请求都在路口等。
type road struct {
	sync.Mutex
	counts map[string]int
}

func (r *road) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		r.enter(req)
		return next.RoundTrip(req)
	})
}

// enter 数一个请求，监视不算。
func (r *road) enter(req *http.Request) {
	r.Lock()
	defer r.Unlock()
	if req.URL.Query().Get("watch") != "" {
		return
	}
	if r.counts == nil {
		r.counts = map[string]int{}
	}
	r.counts[req.URL.Path]++
}

// recount 从头数起，给出至今的数。
func (r *road) recount() map[string]int {
	r.Lock()
	defer r.Unlock()
	counts := r.counts
	r.counts = nil
	return counts
}

func (r *road) taken(path string) int {
	r.Lock()
	defer r.Unlock()
	return r.counts[path]
}

// roundTripper 是当作 http.RoundTripper 的函数。
type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip 实现 http.RoundTripper。
func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// TestKilledMember 杀掉成员：到了门限才算失败，数字留着；回来之后是它现在的数字，不来回跳。
func TestKilledMember(t *testing.T) {
	t.Parallel()
	m, e := newMember(t), open(t)
	addNodes(t, m, 1)
	e.Ensure(target(m.Config()))
	e.until(t, "the capacity to be known", free(8))
	if err := m.KillAPIServer(); err != nil {
		t.Fatal(err)
	}
	lost := e.until(t, "the capacity to be unknown", unknown)
	if lost.Capacity.Err == nil || member.ReasonOf(lost.Capacity.Err) != member.Unreachable || accelerator(t, lost).Free != 8 {
		t.Errorf("the last numbers stay, with the reason: %+v", lost.Capacity)
	}
	down := e.until(t, "the heartbeat to fail", failed)
	if down.Probe.Failures < 2 || member.ReasonOf(down.Probe.Err) != member.Unreachable || down.Probe.LastSuccess.IsZero() {
		t.Errorf("it fails after two probes in a row: %+v", down.Probe)
	}
	if _, err := e.Client("a"); member.ReasonOf(err) != member.Unreachable {
		t.Errorf("the client of a dead member must say so: %v", err)
	}
	again := e.until(t, "another failure", func(ev member.Evidence) bool { return ev.Probe.Failures > down.Probe.Failures })
	if again.Probe.Err.Error() != down.Probe.Err.Error() || again.Capacity.LastSeen != lost.Capacity.LastSeen {
		t.Errorf("what is said of the same failure must not change:\n%v\n%v", down.Probe.Err, again.Probe.Err)
	}

	addPod(t, twin(t, m), "meanwhile", "h100-0", 3)
	if err := m.StartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	back := e.until(t, "the capacity to be known again", known)
	if accelerator(t, back).Free != 5 || !back.Capacity.LastSeen.After(lost.Capacity.LastSeen) {
		t.Errorf("known again with old numbers: %+v", back.Capacity)
	}
	if back.Probe.Failures != 0 || back.Probe.Failed || back.Probe.Err != nil {
		t.Errorf("one success is enough: %+v", back.Probe)
	}
}

// twin 是同一份存储上的第二个 API 服务器：头一个不在时，成员照样在变。
func twin(t *testing.T, m *harness.Member) *harness.Member {
	t.Helper()
	return harness.NewMember(t, harness.MemberOptions{Name: m.Name, ControlPlaneOnly: true, EtcdURL: m.Etcd.URL})
}

// TestHangingMember 停住成员：连接还开着，只有心跳能发现；放开之后数字必须是现在的。
func TestHangingMember(t *testing.T) {
	t.Parallel()
	m, e := newMember(t), open(t)
	addNodes(t, m, 1)
	e.Ensure(target(m.Config()))
	e.until(t, "the capacity to be known", free(8))
	second := twin(t, m)
	if err := m.HangAPIServer(); err != nil {
		t.Fatal(err)
	}
	// 停住之前送到的，可能过一会儿才被看见；但连着两次探测都等到了头，数字还没有那么新。
	stopped := time.Now()
	down := e.until(t, "the heartbeat to notice", failedAs(member.Unreachable))
	if down.Capacity.Known || down.Capacity.LastSeen.After(stopped.Add(15*time.Second)) {
		t.Errorf("the numbers were last true before it hung at %s: %+v", stopped, down.Capacity)
	}
	addPod(t, second, "meanwhile", "h100-0", 3)
	if err := m.ResumeAPIServer(); err != nil {
		t.Fatal(err)
	}
	back := e.until(t, "the capacity to be known again", known)
	if accelerator(t, back).Free != 5 {
		t.Errorf("known again with the numbers from before it hung: %+v", back.Capacity)
	}
}

// TestRevokedToken 令牌在成员那边作废：报 Unauthorized；换一份凭据就好，其间旧数字留着。
func TestRevokedToken(t *testing.T) {
	t.Parallel()
	var road road
	m, e := newMember(t), openWith(t, member.Options{Wrap: road.wrap})
	addNodes(t, m, 1)
	kubeconfig, err := m.TokenKubeconfig(t.Context(), "default", "eyes", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	grant(t, m, "cluster-admin")
	e.Ensure(target(configOf(t, kubeconfig)))
	first := e.until(t, "the capacity to be known", free(8))
	if err := m.Client().CoreV1().ServiceAccounts("default").Delete(t.Context(), "eyes", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	down := e.until(t, "the token to be refused", failedAs(member.Unauthorized))
	if down.Capacity.Known || accelerator(t, down).Free != 8 {
		t.Errorf("the numbers stay but are not known: %+v", down.Capacity)
	}

	next := target(m.Config())
	next.CredentialsVersion = "v2"
	// 证据看过之前，新的连接什么也问不到。
	road.Lock()
	e.Ensure(next)
	renewed, _ := e.Evidence("a")
	road.Unlock()
	if renewed.CredentialsVersion != "v2" || renewed.ID != "" || renewed.Capacity.Known || !renewed.Probe.LastSuccess.IsZero() ||
		accelerator(t, renewed).Free != 8 || !renewed.Capacity.LastSeen.Equal(down.Capacity.LastSeen) {
		t.Errorf("with new credentials nothing is proven, and the numbers stay: %+v", renewed)
	}
	back := e.until(t, "the capacity to be known with the new credentials", free(8))
	if back.ID != first.ID {
		t.Errorf("it is the same member: %s, was %s", back.ID, first.ID)
	}
}

// TestOtherMember 新凭据通向另一个成员：ID 说明了，旧数字一个也不留。
func TestOtherMember(t *testing.T) {
	t.Parallel()
	one, two, e := newMember(t), newMember(t), open(t)
	addNodes(t, one, 1)
	e.Ensure(target(one.Config()))
	first := e.until(t, "the capacity to be known", free(8))
	next := target(two.Config())
	next.CredentialsVersion = "v2"
	e.Ensure(next)
	other := e.until(t, "the other member to be recognised", func(ev member.Evidence) bool { return ev.ID != "" })
	if other.ID == first.ID || len(other.Capacity.Accelerators) != 0 {
		t.Errorf("the numbers of the first must not stand for the second: %+v", other)
	}
}

// grant 让 ServiceAccount default/eyes 有一个 ClusterRole。
func grant(t *testing.T, m *harness.Member, role string) {
	t.Helper()
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "eyes-" + role},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: "default", Name: "eyes"}},
	}
	if _, err := m.Client().RbacV1().ClusterRoleBindings().Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// TestForbidden 权不够：先说读不了身份，给了那一项之后说看不了节点，全给了就好。
func TestForbidden(t *testing.T) {
	t.Parallel()
	m, e := newMember(t), open(t)
	kubeconfig, err := m.TokenKubeconfig(t.Context(), "default", "eyes", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	e.Ensure(target(configOf(t, kubeconfig)))
	down := e.until(t, "the missing right to be named", failedAs(member.Forbidden))
	if !strings.Contains(down.Probe.Err.Error(), "kube-system") {
		t.Errorf("it must say what is forbidden: %v", down.Probe.Err)
	}
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "identity"}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"namespaces"}, Verbs: []string{"get"}}}}
	if _, err := m.Client().RbacV1().ClusterRoles().Create(t.Context(), role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	grant(t, m, "identity")
	blind := e.until(t, "the watch to be refused", func(ev member.Evidence) bool {
		return !ev.Probe.LastSuccess.IsZero() && member.ReasonOf(ev.Capacity.Err) == member.Forbidden
	})
	if blind.Probe.Failed || blind.Capacity.Known || !blind.Capacity.LastSeen.IsZero() {
		t.Errorf("it answers, but its capacity was never seen: %+v", blind)
	}
	grant(t, m, "cluster-admin")
	e.until(t, "the capacity to be known", known)
}

// TestNotReadyMember 成员自己说没有就绪：说出是哪些检查。
func TestNotReadyMember(t *testing.T) {
	t.Parallel()
	m, e := newMember(t), open(t)
	e.Ensure(target(m.Config()))
	e.until(t, "the capacity to be known", known)
	if err := m.Etcd.Halt(); err != nil {
		t.Fatal(err)
	}
	patient := target(m.Config())
	patient.Timeout = 20 * time.Second
	e.Ensure(patient)
	down := e.until(t, "the failing check to be named", failedAs(member.NotReady))
	if !strings.Contains(down.Probe.Err.Error(), "etcd") || down.Capacity.Known {
		t.Errorf("it must name the check: %+v", down)
	}
	if err := m.Etcd.Resume(); err != nil {
		t.Fatal(err)
	}
	e.until(t, "the capacity to be known again", known)
}

// TestUnusableCredentials 凭据本身读不懂：立刻说出来，不留秘密。
func TestUnusableCredentials(t *testing.T) {
	t.Parallel()
	const secret = "k3y-material"
	e := open(t)
	e.Ensure(target(&rest.Config{Host: "https://127.0.0.1:1", TLSClientConfig: rest.TLSClientConfig{CertData: []byte("x"), KeyData: []byte(secret)}}))
	evidence := e.until(t, "the credentials to be found unusable", failed)
	if evidence.Probe.Err == nil || strings.Contains(evidence.Probe.Err.Error(), secret) || !strings.Contains(evidence.Probe.Err.Error(), "127.0.0.1:1") {
		t.Errorf("it must name the address and no secret: %v", evidence.Probe.Err)
	}
}

// TestNothingIsLeft 忘掉成员之后没有协程、没有指标、没有证据。
func TestNothingIsLeft(t *testing.T) {
	m := newMember(t)
	e := open(t)
	before := runtime.NumGoroutine()
	for range 5 {
		e.Ensure(target(m.Config()))
		e.until(t, "the capacity to be known", known)
		changed := target(m.Config())
		changed.CredentialsVersion = "v2"
		e.Ensure(changed)
		e.Forget("a")
		if _, ok := e.Evidence("a"); ok {
			t.Fatal("a forgotten member has no evidence")
		}
	}
	if requests := e.requests(t, "watch"); requests != 0 {
		t.Errorf("the metrics of a forgotten member are kept: %d watches", requests)
	}
	harness.Eventually(t, "the goroutines to end", patience, func(context.Context) error {
		if now := runtime.NumGoroutine(); now > before+1 {
			stacks := make([]byte, 1<<20)
			return fmt.Errorf("%d goroutines, %d before:\n%s", now, before, stacks[:runtime.Stack(stacks, true)])
		}
		return nil
	})
	e.Ensure(target(m.Config()))
	e.stop()
	if _, ok := e.Evidence("a"); ok {
		t.Error("after the end there is nobody left to look")
	}
	e.Ensure(target(m.Config()))
	if _, ok := e.Evidence("a"); ok {
		t.Error("after the end nothing is connected any more")
	}
}

// TestPaceInPlace 改节拍不重连，立刻生效。
func TestPaceInPlace(t *testing.T) {
	t.Parallel()
	m, e := newMember(t), open(t)
	slow := target(m.Config())
	slow.Interval = time.Hour
	e.Ensure(slow)
	first := e.until(t, "the capacity to be known", known)
	e.Ensure(target(m.Config()))
	e.until(t, "the next heartbeat at the new pace", func(ev member.Evidence) bool { return ev.Probe.LastSuccess.After(first.Probe.LastSuccess) })
	if watches := e.requests(t, "watch"); watches != 2 {
		t.Errorf("a new pace must not reconnect: %d watches were opened", watches)
	}
}

// TestSource 每次心跳与每次变化都让 Cluster 的名字入队。
func TestSource(t *testing.T) {
	t.Parallel()
	m, e := newMember(t), open(t)
	queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
	t.Cleanup(queue.ShutDown)
	if err := e.Source(&handler.EnqueueRequestForObject{}).Start(t.Context(), queue); err != nil {
		t.Fatal(err)
	}
	slow := target(m.Config())
	slow.Interval = time.Hour
	e.Ensure(slow)
	e.until(t, "the capacity to be known", known)
	drained(t, queue)
	addNodes(t, m, 1)
	item, _ := queue.Get()
	if item.Name != "a" {
		t.Errorf("a change must name the Cluster: %v", item)
	}
	queue.Done(item)
}

// drained 取走已经入队的。
func drained(t *testing.T, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
	t.Helper()
	harness.Eventually(t, "the first events", patience, func(context.Context) error {
		if queue.Len() == 0 {
			return errNotYet
		}
		return nil
	})
	for queue.Len() > 0 {
		item, _ := queue.Get()
		queue.Done(item)
	}
}

// TestWritesLive 写入直接到成员，答复是成员的。
func TestWritesLive(t *testing.T) {
	t.Parallel()
	m, e := newMember(t), open(t)
	if _, err := e.Client("a"); err == nil {
		t.Error("there is no such member")
	}
	e.Ensure(target(m.Config()))
	e.until(t, "the member to answer", func(ev member.Evidence) bool { return !ev.Probe.LastSuccess.IsZero() })
	c, err := e.Client("a")
	if err != nil {
		t.Fatal(err)
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "team"}}
	if err := c.Create(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	if err := c.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "team"}}); !apierrors.IsAlreadyExists(err) {
		t.Errorf("the member's answer must come back: %v", err)
	}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(namespace), namespace); err != nil {
		t.Error(err)
	}
}
