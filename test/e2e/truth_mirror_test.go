package e2e

import (
	"context"
	"fmt"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// table 是一种对象此刻的样子，由监视更新；每次变化都经 note 记下，一变就判一次真假。
type table[T metav1.Object] struct {
	note func(func())
	rows map[types.NamespacedName]T
}

func newTable[T metav1.Object](note func(func())) *table[T] {
	return &table[T]{note: note, rows: map[types.NamespacedName]T{}}
}

func nameOf(o metav1.Object) types.NamespacedName {
	return types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}
}

// Add 实现 cache.ReflectorStore。
func (t *table[T]) Add(object any) error { return t.Update(object) }

// Update 实现 cache.ReflectorStore。
func (t *table[T]) Update(object any) error {
	row, ok := object.(T)
	if !ok {
		return fmt.Errorf("a watch delivered %T", object)
	}
	t.note(func() { t.rows[nameOf(row)] = row })
	return nil
}

// Delete 实现 cache.ReflectorStore。
func (t *table[T]) Delete(object any) error {
	row, ok := object.(T)
	if !ok {
		return fmt.Errorf("a watch delivered %T", object)
	}
	t.note(func() { delete(t.rows, nameOf(row)) })
	return nil
}

// Replace 实现 cache.ReflectorStore。
func (t *table[T]) Replace(objects []any, _ string) error {
	rows := make(map[types.NamespacedName]T, len(objects))
	for _, object := range objects {
		row, ok := object.(T)
		if !ok {
			return fmt.Errorf("a list delivered %T", object)
		}
		rows[nameOf(row)] = row
	}
	t.note(func() { t.rows = rows })
	return nil
}

// Resync 实现 cache.ReflectorStore；没有什么要重来的。
func (t *table[T]) Resync() error { return nil }

// reconnect 是监视断了之后再连的间隔。客户端库自己的退避会涨到半分钟，那样说假话的就成了这一边。
const reconnect = 100 * time.Millisecond

// keep 让 t 跟随 resource，直到 ctx 结束。
func keep[T metav1.Object](ctx context.Context, running *sync.WaitGroup, t *table[T], client rest.Interface, resource string, kind runtime.Object) {
	lw := cache.NewListWatchFromClient(client, resource, metav1.NamespaceAll, fields.Everything())
	reflector := cache.NewReflectorWithOptions(lw, kind, t, cache.ReflectorOptions{Name: "truth/" + resource,
		Backoff: &wait.Backoff{Duration: reconnect, Factor: 1, Steps: 1 << 30}})
	running.Go(func() { reflector.RunWithContext(ctx) })
}

// mirror 是一个成员自己此刻的样子：用管理员的身份直接看它，不经过平台。
type mirror struct {
	deployments *table[*appsv1.Deployment]
	pods        *table[*corev1.Pod]
	nodes       *table[*corev1.Node]
	// blind 说平台此刻为什么看不到这个成员，由注入故障的人写；空表示看得到。
	blind string
}

func newMirror(note func(func())) *mirror {
	return &mirror{deployments: newTable[*appsv1.Deployment](note), pods: newTable[*corev1.Pod](note), nodes: newTable[*corev1.Node](note)}
}

func (m *mirror) keep(ctx context.Context, running *sync.WaitGroup, member *harness.Member) {
	core := member.Client().CoreV1().RESTClient()
	keep(ctx, running, m.deployments, member.Client().AppsV1().RESTClient(), "deployments", &appsv1.Deployment{})
	keep(ctx, running, m.pods, core, "pods", &corev1.Pod{})
	keep(ctx, running, m.nodes, core, "nodes", &corev1.Node{})
}

// placed 是成员上为 model 放的 Deployment。
func (m *mirror) placed(model *v1alpha1.Model) []*appsv1.Deployment {
	var mine []*appsv1.Deployment
	for _, d := range m.deployments.rows {
		if d.Labels[v1alpha1.LabelModelUID] == string(model.UID) {
			mine = append(mine, d)
		}
	}
	return mine
}

// living 是成员上 model 的、没有在终止的 Pod。
func (m *mirror) living(model *v1alpha1.Model) []*corev1.Pod {
	var mine []*corev1.Pod
	for _, p := range m.pods.rows {
		if p.Labels[v1alpha1.LabelModelUID] == string(model.UID) && p.DeletionTimestamp == nil {
			mine = append(mine, p)
		}
	}
	return mine
}
