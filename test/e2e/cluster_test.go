package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	watchtools "k8s.io/client-go/tools/watch"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

const (
	// promptly 是"不久就会"的上限：心跳一秒一次，余下的取决于机器多忙。
	promptly = 2 * time.Minute
	// collected 是收走为止的上限：成员的 API 服务器死过几次之后，它自己的垃圾回收退避得与断线一样久，Pod 才有人收。
	collected = 4 * time.Minute
)

// admin 是登记成员时用的身份。
var admin = harness.Identity{User: "kubellm", Groups: []string{"system:masters"}}

// manifest 是一个心跳很快的 Cluster。
func manifest(name string, policy v1alpha1.DeletionPolicy) string {
	return fmt.Sprintf(`{"apiVersion":"cluster.kubellm.io/v1alpha1","kind":"Cluster","metadata":{"name":%q},
"spec":{"region":"lab","heartbeat":{"intervalSeconds":1,"timeoutSeconds":2,"failureThreshold":3},"deletionPolicy":%q}}`, name, policy)
}

// steady 让探测等得久一些，到得了门限的只有真断了的：问有没有反复的测试，不问机器忙起来两秒答不答得上。
// 死了的成员当场拒绝连接，说它失联不会因此更晚。
func steady(t *testing.T, name string) {
	t.Helper()
	harness.MustKubectl(t, env.platform.Kubeconfig, "", "patch", "cluster", name, "--type=merge", `--patch={"spec":{"heartbeat":{"timeoutSeconds":10}}}`)
}

// register 登记一个成员并等它就绪；测试结束时删掉。
func register(t *testing.T, name string, member *harness.Member, policy v1alpha1.DeletionPolicy) *v1alpha1.Cluster {
	t.Helper()
	cleared(t, member)
	create(t, name, policy)
	handIn(t, name, harness.MemberKubeconfig(t, member, admin, time.Hour))
	return awaitReady(t, name)
}

// create 建一个还没有凭据的 Cluster；测试结束时不管成员在不在都要删得掉。
func create(t *testing.T, name string, policy v1alpha1.DeletionPolicy) {
	t.Helper()
	harness.MustKubectl(t, env.platform.Kubeconfig, manifest(name, policy), "apply", "--server-side", "-f", "-")
	t.Cleanup(func() {
		// t.Context 此时已结束。
		ctx, cancel := cleanup()
		defer cancel()
		_, err := harness.Kubectl(ctx, env.platform.Kubeconfig, "", "patch", "cluster", name, "--type=merge", `--patch={"spec":{"deletionPolicy":"Orphan"}}`)
		if err == nil {
			_, err = harness.Kubectl(ctx, env.platform.Kubeconfig, "", "delete", "cluster", name, "--ignore-not-found", "--timeout=100s")
		}
		if err != nil && !strings.Contains(err.Error(), "NotFound") {
			t.Error(err)
		}
	})
}

// handIn 像用户那样把 kubeconfig 经子资源交给平台。
func handIn(t *testing.T, name string, kubeconfig []byte) {
	t.Helper()
	if err := tryHandIn(t, name, kubeconfig); err != nil {
		t.Fatal(err)
	}
}

func tryHandIn(t *testing.T, name string, kubeconfig []byte) error {
	t.Helper()
	body, err := json.Marshal(&v1alpha1.ClusterCredentials{
		TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.SchemeGroupVersion.String(), Kind: "ClusterCredentials"},
		Spec:     v1alpha1.ClusterCredentialsSpec{Kubeconfig: kubeconfig},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = harness.Kubectl(t.Context(), env.platform.Kubeconfig, string(body), "create",
		"--raw", "/apis/cluster.kubellm.io/v1alpha1/clusters/"+name+"/credentials", "-f", "-")
	return err
}

// await 等 Cluster 变成 check 认可的样子。
func await(t *testing.T, name, what string, check func(*v1alpha1.Cluster) error) *v1alpha1.Cluster {
	t.Helper()
	var seen *v1alpha1.Cluster
	harness.Eventually(t, "cluster "+name+" to be "+what, promptly, func(ctx context.Context) error {
		c, err := env.clusters.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		seen = c
		if err := check(c); err != nil {
			return fmt.Errorf("%w; %s", err, conditionsText(c))
		}
		return nil
	})
	return seen
}

func awaitReady(t *testing.T, name string) *v1alpha1.Cluster {
	t.Helper()
	return await(t, name, "Ready", has(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady))
}

// has 要求一个条件有这个取值与理由，并且说的是当前的 spec。
func has(kind string, status metav1.ConditionStatus, reason string) func(*v1alpha1.Cluster) error {
	return func(c *v1alpha1.Cluster) error {
		got := meta.FindStatusCondition(c.Status.Conditions, kind)
		switch {
		case got == nil:
			return fmt.Errorf("there is no condition %s", kind)
		case got.Status != status || got.Reason != reason:
			return fmt.Errorf("%s is %s (%s), want %s (%s)", kind, got.Status, got.Reason, status, reason)
		case got.ObservedGeneration != c.Generation:
			return fmt.Errorf("%s speaks of generation %d, the object is at %d", kind, got.ObservedGeneration, c.Generation)
		}
		return nil
	}
}

// all 要求每一条都成立。
func all(checks ...func(*v1alpha1.Cluster) error) func(*v1alpha1.Cluster) error {
	return func(c *v1alpha1.Cluster) error {
		for _, check := range checks {
			if err := check(c); err != nil {
				return err
			}
		}
		return nil
	}
}

func conditionsText(c *v1alpha1.Cluster) string {
	var parts []string
	for _, condition := range c.Status.Conditions {
		parts = append(parts, fmt.Sprintf("%s=%s (%s: %s)", condition.Type, condition.Status, condition.Reason, condition.Message))
	}
	return strings.Join(parts, "; ")
}

// history 记下一个条件的变化；没有反复横跳由它证明。
type history struct {
	stop    func()
	changes chan []metav1.Condition
}

// follow 从对象现在的版本起记录条件 kind 的变化，每次变化记一次。
func follow(t *testing.T, from *v1alpha1.Cluster, kind string) *history {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	events, err := watchtools.NewRetryWatcherWithContext(ctx, from.ResourceVersion, watcher{from.Name})
	if err != nil {
		t.Fatal(err)
	}
	h := &history{changes: make(chan []metav1.Condition, 1)}
	h.stop = func() { cancel(); events.Stop() }
	t.Cleanup(h.stop)
	go func() {
		seen := []metav1.Condition{condition(from, kind)}
		for event := range events.ResultChan() {
			if c, ok := event.Object.(*v1alpha1.Cluster); ok && condition(c, kind).Status != seen[len(seen)-1].Status {
				seen = append(seen, condition(c, kind))
			}
		}
		h.changes <- seen
	}()
	return h
}

// want 结束记录并要求恰好经过这些取值。
func (h *history) want(t *testing.T, want ...metav1.ConditionStatus) {
	t.Helper()
	h.stop()
	var got []metav1.ConditionStatus
	var story []string
	for _, c := range <-h.changes {
		got, story = append(got, c.Status), append(story, fmt.Sprintf("%s (%s: %s)", c.Status, c.Reason, c.Message))
	}
	if !slices.Equal(got, want) {
		t.Errorf("the condition went through %s, want %v", strings.Join(story, "; "), want)
	}
}

func condition(c *v1alpha1.Cluster, kind string) metav1.Condition {
	return ptr.Deref(meta.FindStatusCondition(c.Status.Conditions, kind), metav1.Condition{})
}

// watcher 只看一个 Cluster。
type watcher struct{ name string }

func (w watcher) WatchWithContext(ctx context.Context, opts metav1.ListOptions) (watch.Interface, error) {
	opts.FieldSelector = "metadata.name=" + w.name
	return env.clusters.Watch(ctx, opts)
}

// awaitGone 等 Cluster 消失。
func awaitGone(t *testing.T, name string) {
	t.Helper()
	harness.Eventually(t, "cluster "+name+" to be gone", collected, func(ctx context.Context) error {
		c, err := env.clusters.Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err == nil {
			err = fmt.Errorf("it is still there: %s", conditionsText(c))
		}
		return err
	})
}
