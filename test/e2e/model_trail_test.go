package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	watchtools "k8s.io/client-go/tools/watch"

	"github.com/kubellm/kubellm/apis/generated/clientset/versioned"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// trail 由监视记下一个 Model 走过的路：轮询会漏掉来了又走的，反复横跳要由它证明没有。
type trail struct {
	stop  func()
	steps chan []step
}

// step 是路上的一步：样子变了才算一步，at 是看到它的时刻，不早于它发生的时刻。
type step struct {
	is string
	at time.Time
}

// trace 从 m 的版本起记录 of 的变化。
func trace(t *testing.T, m *v1alpha1.Model, of func(*v1alpha1.Model) string) *trail {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	events, err := watchtools.NewRetryWatcherWithContext(ctx, m.ResourceVersion, oneModel{models(t), m.Name})
	if err != nil {
		t.Fatal(err)
	}
	tr := &trail{steps: make(chan []step, 1)}
	tr.stop = func() { cancel(); events.Stop() }
	t.Cleanup(tr.stop)
	go func() {
		steps := []step{{of(m), time.Now()}}
		for event := range events.ResultChan() {
			if now, ok := event.Object.(*v1alpha1.Model); ok && of(now) != steps[len(steps)-1].is {
				steps = append(steps, step{of(now), time.Now()})
			}
		}
		tr.steps <- steps
	}()
	return tr
}

// end 结束记录，返回走过的每一步。
func (tr *trail) end() []step {
	tr.stop()
	return <-tr.steps
}

// through 结束记录并要求恰好走过这些，返回每一步。
func (tr *trail) through(t *testing.T, want ...string) []step {
	t.Helper()
	steps := tr.end()
	if got := looks(steps); !slices.Equal(got, want) {
		t.Errorf("it went through %q, want %q", got, want)
	}
	return steps
}

// once 结束记录并要求从 good 开始、离开一次、回到 good 就不再离开。
func (tr *trail) once(t *testing.T, good string) {
	t.Helper()
	steps := looks(tr.end())
	last := len(steps) - 1
	if last < 2 || steps[0] != good || steps[last] != good || slices.Contains(steps[1:last], good) {
		t.Errorf("it went through %q, want to leave %s once and to come back for good", steps, good)
	}
}

func looks(steps []step) []string {
	all := make([]string, len(steps))
	for i, s := range steps {
		all[i] = s.is
	}
	return all
}

// placedOn 是一个 Model 放在哪些集群上。
func placedOn(m *v1alpha1.Model) string {
	var on []string
	for _, p := range m.Status.Placements {
		on = append(on, p.Cluster)
	}
	return strings.Join(on, ",")
}

// readiness 是一个 Model 的 Ready。
func readiness(m *v1alpha1.Model) string {
	c := meta.FindStatusCondition(m.Status.Conditions, v1alpha1.ConditionReady)
	if c == nil {
		return ""
	}
	return string(c.Status)
}

// oneModel 只看一个 Model。
type oneModel struct {
	clients *versioned.Clientset
	name    string
}

func (w oneModel) WatchWithContext(ctx context.Context, opts metav1.ListOptions) (watch.Interface, error) {
	opts.FieldSelector = "metadata.name=" + w.name
	return w.clients.ModelV1alpha1().Models(team).Watch(ctx, opts)
}

// specManifest 是一个 Model，spec 是它的全部字段。
func specManifest(name, spec string) string {
	return fmt.Sprintf(`{"apiVersion":"model.kubellm.io/v1alpha1","kind":"Model","metadata":{"name":%q,"namespace":%q},"spec":{%s}}`, name, team, spec)
}

// deploySpec 建一个 Model；测试结束时删掉。
func deploySpec(t *testing.T, name, spec string) {
	t.Helper()
	harness.MustKubectl(t, env.platform.Kubeconfig, specManifest(name, spec), "apply", "--server-side", "-f", "-")
	t.Cleanup(func() {
		c, cancel := cleanup()
		defer cancel()
		if _, err := harness.Kubectl(c, env.platform.Kubeconfig, "", "delete", "model", name, "-n", team, "--ignore-not-found", "--timeout=3m"); err != nil {
			t.Error(err)
		}
	})
}

// label 给一个 Cluster 贴上或揭去标签。
func label(t *testing.T, cluster string, labels ...string) {
	t.Helper()
	harness.MustKubectl(t, env.platform.Kubeconfig, "", append([]string{"label", "cluster", cluster, "--overwrite"}, labels...)...)
}

// podsOf 是成员上属于 m 的全部 Pod。
func podsOf(t *testing.T, member *harness.Member, m *v1alpha1.Model) []corev1.Pod {
	t.Helper()
	pods, err := member.Client().CoreV1().Pods("").List(t.Context(), metav1.ListOptions{LabelSelector: v1alpha1.LabelModelUID + "=" + string(m.UID)})
	if err != nil {
		t.Fatal(err)
	}
	return pods.Items
}
