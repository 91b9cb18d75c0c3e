package app

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/generated/clientset/versioned"
	typed "github.com/kubellm/kubellm/apis/generated/clientset/versioned/typed/cluster/v1alpha1"
	"github.com/kubellm/kubellm/internal/kubeconfig"
	"github.com/kubellm/kubellm/test/harness"
)

// memberAdmin 是平台在成员上的身份。
var memberAdmin = harness.Identity{User: "kubellm", Groups: []string{"system:masters"}}

// fleet 是测试里管理员看到的平台与它的成员。
type fleet struct {
	typed.ClusterInterface
	core kubernetes.Interface
	// one 与 two 是两个成员，共用一个 etcd。
	one, two *harness.Member
}

func newFleet(t *testing.T, platform *harness.Platform) fleet {
	t.Helper()
	config := harness.Config(t, platform.Kubeconfig)
	clients, err := versioned.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	core, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return fleet{ClusterInterface: clients.ClusterV1alpha1().Clusters(), core: core}
}

func (f *fleet) startMembers(t *testing.T) {
	t.Helper()
	etcd := harness.NewEtcd(t, harness.EtcdOptions{})
	f.one = harness.NewMember(t, harness.MemberOptions{Name: "one", EtcdURL: etcd.URL, ControlPlaneOnly: true})
	f.two = harness.NewMember(t, harness.MemberOptions{Name: "two", EtcdURL: etcd.URL, ControlPlaneOnly: true})
	gpus := harness.GPUNodes{Prefix: "h100", Count: 2, Product: "NVIDIA-H100-80GB-HBM3", MemoryMiB: 81559, GPUs: 8}
	if err := f.one.AddGPUNodes(t.Context(), gpus); err != nil {
		t.Fatal(err)
	}
}

// TestClusters 在同一进程里运行控制器，用它自己的有限权限；各情形用各自的 Cluster，互不相干。
func TestClusters(t *testing.T) {
	platform := harness.NewPlatform(t, harness.PlatformOptions{})
	f := newFleet(t, platform)
	f.startMembers(t)
	// 同一进程里指标与控制器的名字只能登记一次，所以这里用独立的进程。
	harness.NewController(t, harness.ManagerOptions{Kubeconfig: platform.ControllerKubeconfig})

	t.Run("KubeconfigFromSecret", f.kubeconfigFromSecret)
	t.Run("HandedIn", f.handedIn)
	t.Run("Rotation", f.rotation)
	t.Run("MemberChanged", f.memberChanged)
	t.Run("Duplicate", f.duplicate)
	t.Run("Suspended", f.suspended)
	t.Run("NeverConnected", f.neverConnected)
	t.Run("Drain", f.drain)
	t.Run("Orphan", f.orphan)
	t.Run("DrainWithoutCredentials", f.drainWithoutCredentials)
	t.Run("DocumentedRights", f.documentedRights)
	t.Run("MemberDown", f.memberDown)
}

func (f fleet) kubeconfigFromSecret(t *testing.T) {
	f.create(t, "from-secret", secretNamed("member"))
	good := harness.MemberKubeconfig(t, f.one, memberAdmin, time.Hour)
	for _, step := range []struct {
		reason, key string
		data        []byte
		want        string
		// names 是话里非有不可的：哪个 Secret、哪个键、犯了哪条规则。
		names []string
	}{
		{"a Secret that is not there yet", "", nil, v1alpha1.ReasonSecretNotFound, []string{`"member"`, `"kubellm-system"`}},
		{"a Secret without the key", "config", good, v1alpha1.ReasonSecretKeyMissing, []string{`"member"`, `"kubellm-system"`, `"kubeconfig"`}},
		{"a kubeconfig that is cut short", "kubeconfig", harness.CutShort(good), v1alpha1.ReasonKubeconfigMalformed, []string{string(kubeconfig.Malformed)}},
		{"a kubeconfig that runs a command", "kubeconfig", f.withExec(t), v1alpha1.ReasonKubeconfigRefused, []string{string(kubeconfig.Exec), "exec"}},
	} {
		if step.key != "" {
			f.putSecret(t, "member", step.key, step.data)
		}
		got := f.wait(t, "from-secret", condition(v1alpha1.ConditionReady, metav1.ConditionFalse, step.want))
		if err := f.consistent(got); err != nil {
			t.Errorf("%s: %v", step.reason, err)
		}
		for _, kind := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionCredentialsValid} {
			if err := harness.ConditionSays(got.Status.Conditions, kind, step.names...); err != nil {
				t.Errorf("%s: %v", step.reason, err)
			}
		}
		if said := fmt.Sprint(got.Status); harness.Repeats(said, good) || harness.Repeats(said, step.data) {
			t.Errorf("%s: the status repeats the kubeconfig: %s", step.reason, said)
		}
		if len(got.Finalizers) != 0 || got.Status.ID != "" {
			t.Errorf("%s: the member was taken up: finalizers %v, id %q", step.reason, got.Finalizers, got.Status.ID)
		}
	}

	f.putSecret(t, "member", "kubeconfig", good)
	got := f.wait(t, "from-secret", isReady)
	f.checkFacts(t, got)
	if got.Status.ObservedCredentialsVersion != "" || got.Status.CredentialsExpireAt == nil {
		t.Errorf("the status names the version %q and expiry %v", got.Status.ObservedCredentialsVersion, got.Status.CredentialsExpireAt)
	}

	f.deleteSecret(t, "member")
	got = f.wait(t, "from-secret", condition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonSecretNotFound))
	if err := condition(v1alpha1.ConditionCapacityKnown, metav1.ConditionUnknown, v1alpha1.ReasonStale)(got); err != nil {
		t.Error(err)
	}
	if got.Status.Nodes == nil || got.Status.Nodes.Total != 2 {
		t.Errorf("the numbers are gone with the Secret: %+v", got.Status.Nodes)
	}
	f.putSecret(t, "member", "kubeconfig", good)
	f.wait(t, "from-secret", isReady)
	f.remove(t, "from-secret")
}

func (f fleet) handedIn(t *testing.T) {
	f.create(t, "handed-in", nil)
	f.wait(t, "handed-in", condition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonCredentialsMissing))
	version := f.handIn(t, "handed-in", harness.MemberKubeconfig(t, f.one, memberAdmin, time.Hour))
	got := f.wait(t, "handed-in", isReady)
	f.checkFacts(t, got)
	if got.Status.ObservedCredentialsVersion != version {
		t.Errorf("the status was computed from the version %q, want %q", got.Status.ObservedCredentialsVersion, version)
	}
	if err := condition(v1alpha1.ConditionCredentialsValid, metav1.ConditionTrue, v1alpha1.ReasonExpiresSoon)(got); err != nil {
		t.Errorf("credentials for an hour: %v", err)
	}
	f.waitEvents(t, "handed-in", "MemberIdentified", v1alpha1.ReasonCredentialsMissing, v1alpha1.ReasonExpiresSoon, v1alpha1.ReasonReady)
	f.remove(t, "handed-in")
}

// rotation 换好凭据时 Ready 一刻也不动摇；换成坏的说得出坏在哪里。
func (f fleet) rotation(t *testing.T) {
	f.register(t, "rotated", f.one)
	seen := f.observe(t, "rotated")
	version := f.handIn(t, "rotated", harness.MemberKubeconfig(t, f.one, harness.Identity{User: "second", Groups: []string{"system:masters"}}, 30*24*time.Hour))
	f.wait(t, "rotated", func(c *v1alpha1.Cluster) error {
		if c.Status.ObservedCredentialsVersion != version {
			return fmt.Errorf("version %q is not observed yet", version)
		}
		return condition(v1alpha1.ConditionCredentialsValid, metav1.ConditionTrue, v1alpha1.ReasonAccepted)(c)
	})
	for _, c := range seen() {
		if err := isReady(&c); err != nil {
			t.Errorf("it was not ready for a moment while good credentials were exchanged: %v", err)
		}
	}

	foreign, err := harness.NewCA("foreign")
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := foreign.IssueClient(memberAdmin)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		kubeconfig []byte
		want       string
	}{
		{harness.MemberKubeconfig(t, f.one, memberAdmin, -time.Hour), v1alpha1.ReasonExpired},
		{f.encode(t, clientcmdapi.AuthInfo{ClientCertificateData: stranger.Cert, ClientKeyData: stranger.Key}), v1alpha1.ReasonUnauthorized},
		{harness.MemberKubeconfig(t, f.one, harness.Identity{User: "nobody"}, time.Hour), v1alpha1.ReasonForbidden},
	} {
		version := f.handIn(t, "rotated", step.kubeconfig)
		got := f.wait(t, "rotated", condition(v1alpha1.ConditionReady, metav1.ConditionFalse, step.want))
		if got.Status.ObservedCredentialsVersion != version {
			t.Errorf("%s is said of the version %q, want %q", step.want, got.Status.ObservedCredentialsVersion, version)
		}
	}
	f.handIn(t, "rotated", harness.MemberKubeconfig(t, f.one, memberAdmin, time.Hour))
	f.wait(t, "rotated", isReady)
	f.remove(t, "rotated")
}

// memberChanged 凭据通向别的成员时，那边的东西一样也不写进来，也绝不到那边去收走什么。
func (f fleet) memberChanged(t *testing.T) {
	right, wrong := harness.MemberKubeconfig(t, f.one, memberAdmin, time.Hour), harness.MemberKubeconfig(t, f.two, memberAdmin, time.Hour)
	f.putSecret(t, "changed", "kubeconfig", right)
	f.create(t, "changed", secretNamed("changed"))
	before := f.wait(t, "changed", isReady)
	f.putSecret(t, "changed", "kubeconfig", wrong)
	got := f.wait(t, "changed", condition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonMemberChanged))
	if got.Status.ID != before.Status.ID || got.Status.Endpoint != before.Status.Endpoint || got.Status.Nodes.Total != 2 {
		t.Errorf("the status has become that of another member: %+v", got.Status)
	}
	there := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "there", Labels: map[string]string{v1alpha1.LabelClusterUID: string(got.UID)}}}
	if _, err := f.two.Client().CoreV1().ConfigMaps("default").Create(t.Context(), there, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}

	if err := f.Delete(t.Context(), "changed", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	got = f.wait(t, "changed", condition(v1alpha1.ConditionDrained, metav1.ConditionFalse, v1alpha1.ReasonMemberUnavailable))
	if c := meta.FindStatusCondition(got.Status.Conditions, v1alpha1.ConditionDrained); !strings.Contains(c.Message, got.Status.ID) {
		t.Errorf("the message does not say which member is meant: %s", c.Message)
	}
	f.putSecret(t, "changed", "kubeconfig", right)
	f.waitGone(t, "changed")
	if _, err := f.two.Client().CoreV1().ConfigMaps("default").Get(t.Context(), "there", metav1.GetOptions{}); err != nil {
		t.Errorf("something was removed from a member that the Cluster does not stand for: %v", err)
	}
}

// duplicate 先站住的作数，哪怕两个在同一秒里登记；它走了，后来的接着用。
func (f fleet) duplicate(t *testing.T) {
	older := f.register(t, "first", f.one)
	younger := f.create(t, "second", nil)
	f.handIn(t, "second", harness.MemberKubeconfig(t, f.one, memberAdmin, time.Hour))
	got := f.wait(t, younger.Name, condition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonDuplicateMember))
	if c := meta.FindStatusCondition(got.Status.Conditions, v1alpha1.ConditionReady); !strings.Contains(c.Message, strconv.Quote(older.Name)) {
		t.Errorf("the older Cluster, %s, is not named: %s", older.Name, c.Message)
	}
	f.wait(t, older.Name, isReady)
	f.remove(t, older.Name)
	f.wait(t, younger.Name, isReady)
	f.remove(t, younger.Name)
}

func (f fleet) suspended(t *testing.T) {
	f.register(t, "suspended", f.one)
	f.patch(t, "suspended", `{"spec":{"suspended":true}}`)
	got := f.wait(t, "suspended", condition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonSuspended))
	for _, kind := range []string{v1alpha1.ConditionCredentialsValid, v1alpha1.ConditionReachable, v1alpha1.ConditionCapacityKnown} {
		if err := condition(kind, metav1.ConditionUnknown, v1alpha1.ReasonSuspended)(got); err != nil {
			t.Error(err)
		}
	}
	if err := f.Delete(t.Context(), "suspended", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	f.wait(t, "suspended", condition(v1alpha1.ConditionDrained, metav1.ConditionFalse, v1alpha1.ReasonMemberUnavailable))
	f.patch(t, "suspended", `{"spec":{"suspended":false}}`)
	f.waitGone(t, "suspended")
}

// neverConnected 从没连上过的成员上不会有东西，删除不必等它。
func (f fleet) neverConnected(t *testing.T) {
	port, err := harness.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	f.create(t, "never", nil)
	kubeconfig, err := harness.EncodeKubeconfig(fmt.Sprintf("https://127.0.0.1:%d", port), nil, clientcmdapi.AuthInfo{Token: "t"})
	if err != nil {
		t.Fatal(err)
	}
	f.handIn(t, "never", kubeconfig)
	f.wait(t, "never", condition(v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonHeartbeatFailed))
	f.remove(t, "never")
}

// drain 只收走自己放的，别的 Cluster 的与别人的都留下。
func (f fleet) drain(t *testing.T) {
	c := f.register(t, "drained", f.one)
	f.place(t, "mine", string(c.UID), "example.org/hold")
	f.place(t, "others", "another-uid", "")
	if err := f.Delete(t.Context(), "drained", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	got := f.wait(t, "drained", func(c *v1alpha1.Cluster) error {
		if err := condition(v1alpha1.ConditionDrained, metav1.ConditionFalse, v1alpha1.ReasonDraining)(c); err != nil {
			return err
		}
		if d := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionDrained); !strings.Contains(d.Message, "ConfigMap default/mine") {
			return fmt.Errorf("what is left is not named: %s", d.Message)
		}
		return nil
	})
	if err := condition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonDeleting)(got); err != nil {
		t.Error(err)
	}
	f.letGo(t, "mine")
	f.waitGone(t, "drained")
	f.mustBePlaced(t, "others")
	f.waitEvents(t, "drained", "MemberIdentified", v1alpha1.ReasonReady, v1alpha1.ReasonDeleting, v1alpha1.ReasonDraining, v1alpha1.ReasonDrained)
}

func (f fleet) orphan(t *testing.T) {
	c := f.register(t, "orphaned", f.one)
	f.place(t, "left-behind", string(c.UID), "")
	f.patch(t, "orphaned", `{"spec":{"deletionPolicy":"Orphan"}}`)
	f.remove(t, "orphaned")
	f.mustBePlaced(t, "left-behind")
}

// drainWithoutCredentials 凭据坏了的删除说明在等什么；修好凭据就继续。
func (f fleet) drainWithoutCredentials(t *testing.T) {
	c := f.register(t, "locked-out", f.one)
	f.place(t, "locked-in", string(c.UID), "")
	f.handIn(t, "locked-out", harness.MemberKubeconfig(t, f.one, memberAdmin, -time.Hour))
	f.wait(t, "locked-out", condition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonExpired))
	if err := f.Delete(t.Context(), "locked-out", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	got := f.wait(t, "locked-out", condition(v1alpha1.ConditionDrained, metav1.ConditionFalse, v1alpha1.ReasonMemberUnavailable))
	if c := meta.FindStatusCondition(got.Status.Conditions, v1alpha1.ConditionDrained); !strings.Contains(c.Message, "expired") || !strings.Contains(c.Message, "Orphan") {
		t.Errorf("the message names neither the obstacle nor the way out: %s", c.Message)
	}
	f.handIn(t, "locked-out", harness.MemberKubeconfig(t, f.one, memberAdmin, time.Hour))
	f.waitGone(t, "locked-out")
	if _, err := f.one.Client().CoreV1().ConfigMaps("default").Get(t.Context(), "locked-in", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("getting what was placed gave %v, want not found", err)
	}
}

// documentedRights 文档里写的权限够看、够排空，少一样就说得出少了哪样。
func (f fleet) documentedRights(t *testing.T) {
	kubeconfig, err := f.two.TokenKubeconfig(t.Context(), "default", "kubellm", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	f.create(t, "least", nil)
	f.handIn(t, "least", kubeconfig)
	f.wait(t, "least", condition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonForbidden))

	page, err := os.ReadFile("../../../docs/clusters.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(page), "```yaml\n")
	role, _, _ := strings.Cut(block, "```")
	harness.MustKubectl(t, f.two.APIServer.Kubeconfig, role, "apply", "-f", "-")
	harness.MustKubectl(t, f.two.APIServer.Kubeconfig, "", "create", "clusterrolebinding", "kubellm",
		"--clusterrole=kubellm", "--serviceaccount=default:kubellm")
	f.wait(t, "least", isReady)
	f.remove(t, "least")
}

// memberDown 死掉的成员挡不住删除：说明在等什么，Orphan 放行，成员回来也放行。
func (f fleet) memberDown(t *testing.T) {
	f.register(t, "patient", f.two)
	f.register(t, "bystander", f.one)
	if err := f.two.KillAPIServer(); err != nil {
		t.Fatal(err)
	}
	got := f.wait(t, "patient", condition(v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonHeartbeatFailed))
	if err := condition(v1alpha1.ConditionCapacityKnown, metav1.ConditionUnknown, v1alpha1.ReasonStale)(got); err != nil {
		t.Error(err)
	}
	if err := f.Delete(t.Context(), "patient", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	f.wait(t, "patient", condition(v1alpha1.ConditionDrained, metav1.ConditionFalse, v1alpha1.ReasonMemberUnavailable))
	if err := f.two.StartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.waitGone(t, "patient")

	f.register(t, "impatient", f.two)
	if err := f.two.KillAPIServer(); err != nil {
		t.Fatal(err)
	}
	f.wait(t, "impatient", condition(v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonHeartbeatFailed))
	if err := f.Delete(t.Context(), "impatient", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	f.wait(t, "impatient", condition(v1alpha1.ConditionDrained, metav1.ConditionFalse, v1alpha1.ReasonMemberUnavailable))
	f.patch(t, "impatient", `{"spec":{"deletionPolicy":"Orphan"}}`)
	f.waitGone(t, "impatient")
	f.wait(t, "bystander", isReady)
	f.remove(t, "bystander")
	if err := f.two.StartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func condition(kind string, status metav1.ConditionStatus, reason string) func(*v1alpha1.Cluster) error {
	return func(c *v1alpha1.Cluster) error { return checkCondition(c.Status.Conditions, kind, status, reason) }
}

// isReady 要求 Ready 是由现在的 spec 得出的。
func isReady(c *v1alpha1.Cluster) error {
	if err := condition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady)(c); err != nil {
		return err
	}
	if c.Status.ObservedGeneration != c.Generation {
		return fmt.Errorf("generation %d is not observed yet", c.Generation)
	}
	return nil
}

// consistent 要求每个条件都由现在的 spec 得出。
func (f fleet) consistent(c *v1alpha1.Cluster) error {
	for _, condition := range c.Status.Conditions {
		if condition.ObservedGeneration != c.Generation {
			return fmt.Errorf("condition %s is of generation %d, want %d", condition.Type, condition.ObservedGeneration, c.Generation)
		}
	}
	return nil
}

// checkFacts 看状态里的事实正是成员一的。
func (f fleet) checkFacts(t *testing.T, c *v1alpha1.Cluster) {
	t.Helper()
	system, err := f.one.Client().CoreV1().Namespaces().Get(t.Context(), metav1.NamespaceSystem, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s := c.Status
	if s.ID != string(system.UID) || s.Endpoint != f.one.APIServer.URL || !strings.HasPrefix(s.Version, "v1.") || s.LastHeartbeatTime == nil {
		t.Errorf("id %q, endpoint %q, version %q, last heartbeat %v are not those of the member", s.ID, s.Endpoint, s.Version, s.LastHeartbeatTime)
	}
	if s.Nodes == nil || *s.Nodes != (v1alpha1.NodeSummary{Total: 2, Ready: 2, Schedulable: 2}) {
		t.Errorf("nodes are %+v", s.Nodes)
	}
	if len(s.Accelerators) != 1 || s.Accelerators[0].Free != 16 || s.Accelerators[0].LargestFreeBlock != 8 {
		t.Errorf("accelerators are %+v", s.Accelerators)
	}
	if len(c.Finalizers) != 1 || c.Finalizers[0] != v1alpha1.FinalizerMember {
		t.Errorf("finalizers are %v", c.Finalizers)
	}
	if err := f.consistent(c); err != nil {
		t.Error(err)
	}
}

// create 建一个心跳很快的 Cluster，免得测试久等门限；死了的成员当场拒绝连接，所以探测等得久一点也不碍事。
func (f fleet) create(t *testing.T, name string, change func(*v1alpha1.Cluster)) *v1alpha1.Cluster {
	t.Helper()
	c := &v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name}}
	c.Spec.Heartbeat = &v1alpha1.Heartbeat{IntervalSeconds: ptr.To[int32](1), TimeoutSeconds: ptr.To[int32](30), FailureThreshold: ptr.To[int32](3)}
	if change != nil {
		change(c)
	}
	created, err := f.Create(t.Context(), c, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.abandon(t, name) })
	return created
}

// abandon 丢下还在的 Cluster，免得一个情形的失败连累用同一个成员的下一个。
func (f fleet) abandon(t *testing.T, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := f.Patch(ctx, name, "application/merge-patch+json", []byte(`{"spec":{"deletionPolicy":"Orphan"}}`), metav1.PatchOptions{})
	if err == nil {
		err = f.Delete(ctx, name, metav1.DeleteOptions{})
	}
	if err == nil {
		err = harness.Wait(ctx, "cluster "+name+" to go", func(ctx context.Context) error { return f.gone(ctx, name) })
	}
	if err != nil && !apierrors.IsNotFound(err) {
		t.Errorf("clear away cluster %s: %v", name, err)
	}
}

// gone 要求 Cluster 已不存在。
func (f fleet) gone(ctx context.Context, name string) error {
	c, err := f.Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("it is still there: finalizers %v, conditions %+v", c.Finalizers, c.Status.Conditions)
}

// secretNamed 让 Cluster 从命名空间 kubellm-system 里的 Secret 取凭据。
func secretNamed(name string) func(*v1alpha1.Cluster) {
	return func(c *v1alpha1.Cluster) {
		c.Spec.Credentials = &v1alpha1.CredentialsSource{
			KubeconfigSecretRef: &v1alpha1.SecretKeyReference{Namespace: "kubellm-system", Name: name},
		}
	}
}

// register 登记成员 m，等它就绪。
func (f fleet) register(t *testing.T, name string, m *harness.Member) *v1alpha1.Cluster {
	t.Helper()
	f.create(t, name, nil)
	f.handIn(t, name, harness.MemberKubeconfig(t, m, memberAdmin, 30*24*time.Hour))
	return f.wait(t, name, isReady)
}

func (f fleet) handIn(t *testing.T, name string, kubeconfig []byte) string {
	t.Helper()
	given := &v1alpha1.ClusterCredentials{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.ClusterCredentialsSpec{Kubeconfig: kubeconfig}}
	got, err := f.CreateCredentials(t.Context(), name, given, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return got.Status.Version
}

func (f fleet) encode(t *testing.T, auth clientcmdapi.AuthInfo) []byte {
	t.Helper()
	kubeconfig, err := harness.EncodeKubeconfig(f.one.APIServer.URL, f.one.Config().CAData, auth)
	if err != nil {
		t.Fatal(err)
	}
	return kubeconfig
}

func (f fleet) withExec(t *testing.T) []byte {
	t.Helper()
	return f.encode(t, clientcmdapi.AuthInfo{Exec: &clientcmdapi.ExecConfig{
		APIVersion: "client.authentication.k8s.io/v1", Command: "true", InteractiveMode: clientcmdapi.NeverExecInteractiveMode,
	}})
}

// putSecret 让命名空间 kubellm-system 里的 Secret 只有这一个键。
func (f fleet) putSecret(t *testing.T, name, key string, data []byte) {
	t.Helper()
	secrets := f.core.CoreV1().Secrets("kubellm-system")
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string][]byte{key: data}}
	_, err := secrets.Create(t.Context(), secret, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		_, err = secrets.Update(t.Context(), secret, metav1.UpdateOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (f fleet) deleteSecret(t *testing.T, name string) {
	t.Helper()
	if err := f.core.CoreV1().Secrets("kubellm-system").Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (f fleet) patch(t *testing.T, name, patch string) {
	t.Helper()
	if _, err := f.Patch(t.Context(), name, "application/merge-patch+json", []byte(patch), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (f fleet) remove(t *testing.T, name string) {
	t.Helper()
	if err := f.Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	f.waitGone(t, name)
}

func (f fleet) wait(t *testing.T, name string, check func(*v1alpha1.Cluster) error) *v1alpha1.Cluster {
	t.Helper()
	var got *v1alpha1.Cluster
	harness.Eventually(t, "cluster "+name, patience, func(ctx context.Context) (err error) {
		if got, err = f.Get(ctx, name, metav1.GetOptions{}); err != nil {
			return err
		}
		return check(got)
	})
	return got
}

func (f fleet) waitGone(t *testing.T, name string) {
	t.Helper()
	harness.Eventually(t, "cluster "+name+" to go", patience, func(ctx context.Context) error { return f.gone(ctx, name) })
}

// observe 从现在起记下 Cluster 的每一个样子；返回的函数停止并交出它们。
func (f fleet) observe(t *testing.T, name string) func() []v1alpha1.Cluster {
	t.Helper()
	now, err := f.Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	events, err := f.Watch(t.Context(), metav1.ListOptions{FieldSelector: "metadata.name=" + name, ResourceVersion: now.ResourceVersion})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(events.Stop)
	return func() []v1alpha1.Cluster {
		last, err := f.Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var seen []v1alpha1.Cluster
		for last.ResourceVersion != now.ResourceVersion {
			select {
			case event := <-events.ResultChan():
				c, ok := event.Object.(*v1alpha1.Cluster)
				if !ok {
					t.Fatalf("the watch broke: %+v", event)
				}
				seen = append(seen, *c)
				if c.ResourceVersion == last.ResourceVersion {
					return seen
				}
			case <-t.Context().Done():
				t.Fatal("the test ended before the watch caught up")
			}
		}
		return seen
	}
}

// place 在成员一上放一个标着 uid 的 ConfigMap；hold 非空时它要人放手才会消失。
func (f fleet) place(t *testing.T, name, uid, hold string) {
	t.Helper()
	object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{v1alpha1.LabelClusterUID: uid}}}
	if hold != "" {
		object.Finalizers = []string{hold}
	}
	if _, err := f.one.Client().CoreV1().ConfigMaps("default").Create(t.Context(), object, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (f fleet) letGo(t *testing.T, name string) {
	t.Helper()
	_, err := f.one.Client().CoreV1().ConfigMaps("default").Patch(t.Context(), name, "application/merge-patch+json",
		[]byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

func (f fleet) mustBePlaced(t *testing.T, name string) {
	t.Helper()
	object, err := f.one.Client().CoreV1().ConfigMaps("default").Get(t.Context(), name, metav1.GetOptions{})
	if err != nil || object.DeletionTimestamp != nil {
		t.Errorf("%s is not left alone: deleted at %v, %v", name, object.DeletionTimestamp, err)
	}
}

// waitEvents 等到关于 Cluster 的每种事件恰好各有一个；事件先后不定，但不该重复。
func (f fleet) waitEvents(t *testing.T, name string, reasons ...string) {
	t.Helper()
	harness.Eventually(t, "events of cluster "+name, patience, func(ctx context.Context) error {
		list, err := f.core.CoreV1().Events("default").List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		count := map[string]int{}
		for _, event := range list.Items {
			if event.InvolvedObject.Kind == "Cluster" && event.InvolvedObject.Name == name {
				count[event.Reason] += 1 + seriesOf(event)
			}
		}
		for _, reason := range reasons {
			if count[reason] != 1 {
				return fmt.Errorf("event %s was seen %d times, want once; all are %v", reason, count[reason], count)
			}
		}
		return nil
	})
}

// seriesOf 是事件合并之后另外的次数。
func seriesOf(event corev1.Event) int {
	if event.Series == nil {
		return 0
	}
	return int(event.Series.Count)
}
