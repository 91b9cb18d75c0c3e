package e2e

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubellm/kubellm/apis/generated/clientset/versioned"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

const (
	// team 是测试的 Model 所在的命名空间，workloads 是它在成员上的命名空间。
	team      = "default"
	workloads = "kubellm-default"
	// failoverAfter 是服务器准的最短的失联门限；之后还要放上去、装载。
	failoverAfter = 30
	afterFailover = failoverAfter*time.Second + 2*promptly
)

// wish 是一个 Model 的样子；replicas 个副本，每个要 gpus 块。
type wish struct {
	name           string
	clusters       []string
	replicas, gpus int
	failover       int
	// spread 是同时放几个集群，零取一；args 是用户的参数。
	spread int
	args   []string
	policy v1alpha1.DeletionPolicy
}

func (w wish) manifest() string {
	failover := ""
	if w.failover > 0 {
		failover = fmt.Sprintf(`,"failover":{"afterSeconds":%d}`, w.failover)
	}
	if w.policy == "" {
		w.policy = v1alpha1.DeletionDelete
	}
	return fmt.Sprintf(`{"apiVersion":"model.kubellm.io/v1alpha1","kind":"Model","metadata":{"name":%q,"namespace":%q},"spec":{
"source":{"huggingFace":{"repo":"Qwen/Qwen3-8B"}},"engine":{"type":"VLLM","image":"example.org/vllm:1","args":%s},
"resources":{"accelerator":{"count":%d}},"scaling":{"replicas":%d},
"placement":{"clusters":%d,"clusterNames":["%s"]%s},"deletionPolicy":%q}}`,
		w.name, team, quoted(w.args), w.gpus, w.replicas, max(w.spread, 1), strings.Join(w.clusters, `","`), failover, w.policy)
}

// quoted 把参数写成 JSON。
func quoted(args []string) string {
	parts := make([]string, len(args))
	for i, arg := range args {
		parts[i] = strconv.Quote(arg)
	}
	return "[" + strings.Join(parts, ",") + "]"
}

func models(t *testing.T) *versioned.Clientset {
	t.Helper()
	config, err := harness.RESTConfig(env.platform.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	clients, err := versioned.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return clients
}

// deploy 建一个 Model；测试结束时不管成员在不在都要删得掉。
func deploy(t *testing.T, w wish) {
	t.Helper()
	harness.MustKubectl(t, env.platform.Kubeconfig, w.manifest(), "apply", "--server-side", "-f", "-")
	t.Cleanup(func() {
		c, cancel := cleanup()
		defer cancel()
		_, err := harness.Kubectl(c, env.platform.Kubeconfig, "", "delete", "model", w.name, "-n", team, "--ignore-not-found", "--timeout=3m")
		if err != nil {
			t.Error(err)
		}
	})
}

func change(t *testing.T, name, patch string) {
	t.Helper()
	harness.MustKubectl(t, env.platform.Kubeconfig, "", "patch", "model", name, "-n", team, "--type=merge", "--patch="+patch)
}

// awaitModel 等 Model 变成 check 认可的样子。
func awaitModel(t *testing.T, name, what string, patience time.Duration, check func(*v1alpha1.Model) error) *v1alpha1.Model {
	t.Helper()
	clients := models(t).ModelV1alpha1().Models(team)
	var seen *v1alpha1.Model
	harness.Eventually(t, "model "+name+" to be "+what, patience, func(ctx context.Context) error {
		m, err := clients.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		seen = m
		if err := check(m); err != nil {
			return fmt.Errorf("%w; placements %+v; conditions %+v", err, m.Status.Placements, m.Status.Conditions)
		}
		return nil
	})
	return seen
}

// modelNow 是 Model 此刻的样子。
func modelNow(t *testing.T, name string) *v1alpha1.Model {
	t.Helper()
	m, err := models(t).ModelV1alpha1().Models(team).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// is 要求 Ready 有这个取值与理由，并且说的是当前的 spec；placed 非空时还要恰好放在那里。
func is(status metav1.ConditionStatus, reason string, placed ...string) func(*v1alpha1.Model) error {
	return func(m *v1alpha1.Model) error {
		c := meta.FindStatusCondition(m.Status.Conditions, v1alpha1.ConditionReady)
		var on []string
		for _, p := range m.Status.Placements {
			on = append(on, p.Cluster)
		}
		switch {
		case c == nil || c.Status != status || c.Reason != reason:
			return fmt.Errorf("Ready is %+v, want %s (%s)", c, status, reason)
		case c.ObservedGeneration != m.Generation || m.Status.ObservedGeneration != m.Generation:
			return fmt.Errorf("the status speaks of generation %d, the object is at %d", m.Status.ObservedGeneration, m.Generation)
		case len(placed) > 0 && strings.Join(on, ",") != strings.Join(placed, ","):
			return fmt.Errorf("it is placed on %v, want %v", on, placed)
		}
		return nil
	}
}

func serves(placed ...string) func(*v1alpha1.Model) error {
	return is(metav1.ConditionTrue, v1alpha1.ReasonReady, placed...)
}

// awaitServing 等到成员上真的有 replicas 个就绪的、属于 m 的副本；状态说的就是它。
func awaitServing(t *testing.T, member *harness.Member, m *v1alpha1.Model, replicas int32) *appsv1.Deployment {
	t.Helper()
	d := placedDeployment(t, member, m)
	if d == nil || d.Status.ReadyReplicas != replicas || d.Status.UpdatedReplicas != replicas || m.Status.ReadyReplicas != replicas {
		t.Fatalf("Ready with %d replicas, but the member holds %+v", m.Status.ReadyReplicas, d)
	}
	return d
}

// placedDeployment 是成员上为 m 放的 Deployment；没有为 nil。
func placedDeployment(t *testing.T, member *harness.Member, m *v1alpha1.Model) *appsv1.Deployment {
	t.Helper()
	list, err := member.Client().AppsV1().Deployments("").List(t.Context(), metav1.ListOptions{LabelSelector: v1alpha1.LabelModelUID + "=" + string(m.UID)})
	if err != nil {
		t.Fatal(err)
	}
	switch len(list.Items) {
	case 0:
		return nil
	case 1:
		return &list.Items[0]
	default:
		t.Fatalf("%d deployments were placed for one model", len(list.Items))
		return nil
	}
}

// awaitModelGone 等 Model 消失。
func awaitModelGone(t *testing.T, name string) {
	t.Helper()
	clients := models(t).ModelV1alpha1().Models(team)
	harness.Eventually(t, "model "+name+" to be gone", collected, func(ctx context.Context) error {
		m, err := clients.Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err == nil {
			err = fmt.Errorf("it is still there: %+v", m.Status.Conditions)
		}
		return err
	})
}
