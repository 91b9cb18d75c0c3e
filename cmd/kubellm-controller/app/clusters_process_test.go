package app

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// TestControllerRestarts 看控制器重启前后状态不抖动：成员好着的仍是好着的，死了的仍是死了的。
func TestControllerRestarts(t *testing.T) {
	platform := harness.NewPlatform(t, harness.PlatformOptions{})
	f := newFleet(t, platform)
	f.startMembers(t)
	controller := harness.NewController(t, harness.ManagerOptions{Kubeconfig: platform.ControllerKubeconfig})
	f.register(t, "up", f.one)
	f.register(t, "down", f.two)
	if err := f.two.KillAPIServer(); err != nil {
		t.Fatal(err)
	}
	f.wait(t, "down", condition(v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonHeartbeatFailed))
	if err := controller.Stop(); err != nil {
		t.Fatal(err)
	}
	up, down := f.observe(t, "up"), f.observe(t, "down")
	before := f.conditions(t, "up", "down")
	beat := f.wait(t, "up", func(*v1alpha1.Cluster) error { return nil }).Status.LastHeartbeatTime
	if err := controller.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	// 好的成员过了几次心跳，死的成员在新的进程里到了门限，此后都再没有什么会变。
	f.wait(t, "up", func(c *v1alpha1.Cluster) error {
		if c.Status.LastHeartbeatTime.Sub(beat.Time) < 10*time.Second {
			return fmt.Errorf("the last heartbeat is still of %s", c.Status.LastHeartbeatTime)
		}
		return nil
	})
	for name, seen := range map[string][]v1alpha1.Cluster{"up": up(), "down": down()} {
		for _, c := range seen {
			if diff := cmp.Diff(before[name], summary(&c)); diff != "" {
				t.Errorf("cluster %s flaps with a restart of the controller (-before +after):\n%s", name, diff)
			}
		}
	}
	if err := f.two.StartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.wait(t, "down", isReady)
}

// TestLeaderTakeover 两个实例里只有选中的一个干活；它走了或死了，另一个接着干。
func TestLeaderTakeover(t *testing.T) {
	platform := harness.NewPlatform(t, harness.PlatformOptions{})
	f := newFleet(t, platform)
	f.startMembers(t)
	options := harness.ManagerOptions{Kubeconfig: platform.ControllerKubeconfig, Args: []string{
		"--leader-elect-lease-duration=45s", "--leader-elect-renew-deadline=30s", "--leader-elect-retry-period=500ms",
	}}
	leader := harness.NewController(t, options)
	holder := f.waitHolder(t, "")
	standby := harness.NewController(t, options)
	f.register(t, "watched", f.one)
	waitCensus(t, leader, 1)
	if twice, err := census(t.Context(), standby); err != nil || len(twice) > 0 {
		t.Errorf("clusters are not counted by the leader alone: the other one has %v, %v", twice, err)
	}

	// 干净地停下的交还租约。
	if err := leader.Stop(); err != nil {
		t.Fatal(err)
	}
	second := f.waitHolder(t, holder)
	f.register(t, "after-stop", f.two)
	waitCensus(t, standby, 2)

	// 被杀死的等租约到期。
	if err := leader.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := standby.Kill(); err != nil {
		t.Fatal(err)
	}
	f.waitHolder(t, second)
	f.remove(t, "after-stop")
	f.register(t, "after-kill", f.two)
	f.wait(t, "watched", isReady)
	waitCensus(t, leader, 2)
}

// TestQuietAtRest 什么都不变时，控制器只续租、记心跳，不向平台要任何东西。
func TestQuietAtRest(t *testing.T) {
	dir := t.TempDir()
	policy, audit := filepath.Join(dir, "policy.yaml"), filepath.Join(dir, "audit.log")
	if err := os.WriteFile(policy, []byte("apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived, ResponseStarted]\nrules: [{level: Metadata}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	platform := harness.NewPlatform(t, harness.PlatformOptions{Args: []string{"--audit-policy-file=" + policy, "--audit-log-path=" + audit}})
	f := newFleet(t, platform)
	f.startMembers(t)
	harness.NewController(t, harness.ManagerOptions{Kubeconfig: platform.ControllerKubeconfig})
	good := harness.MemberKubeconfig(t, f.one, memberAdmin, time.Hour)
	f.putSecret(t, "member", "kubeconfig", good)
	f.create(t, "from-secret", secretNamed("member"))
	f.wait(t, "from-secret", isReady)
	f.register(t, "handed-in", f.two)
	// 再过几次心跳，登记时的余波（事件、最后一次状态）都已过去。
	f.waitEvents(t, "from-secret", "MemberIdentified", v1alpha1.ReasonReady, v1alpha1.ReasonExpiresSoon)
	f.waitEvents(t, "handed-in", "MemberIdentified", v1alpha1.ReasonReady)
	f.waitBeats(t, "handed-in", 5*time.Second)
	began := f.wait(t, "handed-in", func(*v1alpha1.Cluster) error { return nil }).Status.LastHeartbeatTime.Time
	from := len(requestsOf(t, audit))
	f.waitBeats(t, "handed-in", 10*time.Second)
	during := requestsOf(t, audit)[from:]
	ended := f.wait(t, "handed-in", func(*v1alpha1.Cluster) error { return nil }).Status.LastHeartbeatTime.Time

	writes := map[string]int{}
	for _, request := range during {
		switch {
		case request.Resource == "leases":
		case request.Verb == "patch" && request.Resource == "clusters/status":
			writes[request.Name]++
		case request.Verb == "watch":
			// 监视到时会重开。
		default:
			t.Errorf("at rest the controller asks for %+v", request)
		}
	}
	// 心跳一秒一次：起止各多算一次。
	atMost := int(ended.Sub(began)/time.Second) + 2
	for name, n := range writes {
		if n > atMost {
			t.Errorf("the status of %s was written %d times, want at most %d: once a heartbeat", name, n, atMost)
		}
	}
}

// request 是控制器发给平台的一个请求与它得到的答复。
type request struct {
	Verb, Resource, Name string
	Code                 int
	Received             time.Time
}

// requestsOf 从审计日志里读出控制器的请求。
func requestsOf(t *testing.T, audit string) []request {
	t.Helper()
	log, err := os.Open(audit)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	var all []request
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var entry struct {
			Verb, RequestURI string
			User             struct{ Username string }
			ObjectRef        struct{ Resource, Subresource, Name string }
			ResponseStatus   struct{ Code int }

			RequestReceivedTimestamp metav1.MicroTime
		}
		if err := json.Unmarshal(lines.Bytes(), &entry); err != nil {
			// 最后一行可能正写到一半。
			continue
		}
		if entry.User.Username != "system:kubellm-controller" {
			continue
		}
		resource := entry.ObjectRef.Resource
		if entry.ObjectRef.Subresource != "" {
			resource += "/" + entry.ObjectRef.Subresource
		}
		all = append(all, request{entry.Verb, resource, entry.ObjectRef.Name, entry.ResponseStatus.Code, entry.RequestReceivedTimestamp.Time})
	}
	if len(all) == 0 {
		t.Fatal("the audit log names no request of the controller")
	}
	return all
}

// waitBeats 等心跳走过 d。
func (f fleet) waitBeats(t *testing.T, name string, d time.Duration) {
	t.Helper()
	from := f.wait(t, name, isReady).Status.LastHeartbeatTime
	f.wait(t, name, func(c *v1alpha1.Cluster) error {
		if c.Status.LastHeartbeatTime.Sub(from.Time) < d {
			return fmt.Errorf("the last heartbeat is of %s", c.Status.LastHeartbeatTime)
		}
		return nil
	})
}

// summary 是每个条件的状态、理由与最后一次转变：抖动会在其中留下痕迹。
func summary(c *v1alpha1.Cluster) map[string]string {
	out := map[string]string{}
	for _, condition := range c.Status.Conditions {
		out[condition.Type] = fmt.Sprintf("%s/%s since %s", condition.Status, condition.Reason, condition.LastTransitionTime.UTC())
	}
	return out
}

func (f fleet) conditions(t *testing.T, names ...string) map[string]map[string]string {
	t.Helper()
	all := map[string]map[string]string{}
	for _, name := range names {
		all[name] = summary(f.wait(t, name, func(*v1alpha1.Cluster) error { return nil }))
	}
	return all
}

// waitHolder 等租约有了不同于 other 的持有者。
func (f fleet) waitHolder(t *testing.T, other string) string {
	t.Helper()
	var holder string
	harness.Eventually(t, "a leader", patience, func(ctx context.Context) error {
		lease, err := f.core.CoordinationV1().Leases("kubellm-system").Get(ctx, "kubellm-controller", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if lease.Spec.HolderIdentity == nil || *lease.Spec.HolderIdentity == "" || *lease.Spec.HolderIdentity == other {
			return fmt.Errorf("the lease is still that of %v", lease.Spec.HolderIdentity)
		}
		holder = *lease.Spec.HolderIdentity
		return nil
	})
	return holder
}

// waitCensus 等这个实例的指标数对：n 个 Cluster，条件个个为真。
func waitCensus(t *testing.T, m *harness.Manager, n int) {
	t.Helper()
	want := map[string]int{}
	for _, kind := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionCredentialsValid, v1alpha1.ConditionReachable, v1alpha1.ConditionCapacityKnown} {
		want[kind+" True"], want[kind+" False"], want[kind+" Unknown"] = n, 0, 0
	}
	harness.Eventually(t, fmt.Sprintf("%d clusters to be counted", n), patience, func(ctx context.Context) error {
		got, err := census(ctx, m)
		if diff := cmp.Diff(want, got); err == nil && diff != "" {
			err = fmt.Errorf("the numbers by condition and status (-want +got):\n%s", diff)
		}
		return err
	})
}

// series 认出指标 kubellm_clusters 的一行。
var series = regexp.MustCompile(`^kubellm_clusters\{condition="(\w+)",status="(\w+)"\} (\d+)$`)

// census 是这个实例的指标里各条件各状态的 Cluster 数目；没有被选中的实例一个也不报。
func census(ctx context.Context, m *harness.Manager) (map[string]int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, m.MetricsURL, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	numbers := map[string]int{}
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		found := series.FindStringSubmatch(lines.Text())
		if found == nil {
			continue
		}
		if numbers[found[1]+" "+found[2]], err = strconv.Atoi(found[3]); err != nil {
			return nil, err
		}
	}
	return numbers, lines.Err()
}
