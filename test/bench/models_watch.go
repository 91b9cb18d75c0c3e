package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// moments 记着每个对象何时动手、何时如愿。
type moments struct {
	mu           sync.Mutex
	began, ended []time.Time
	left         int
}

func newMoments(n int) *moments {
	return &moments{began: make([]time.Time, n), ended: make([]time.Time, n), left: n}
}

func (m *moments) begin(i int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.began[i] = time.Now()
}

// end 记下第 i 个如愿了，头一次才算；全部如愿时为真。
func (m *moments) end(i int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended[i].IsZero() {
		m.ended[i] = time.Now()
		m.left--
	}
	return m.left == 0
}

// each 是每个所花的时间，从短到长。
func (m *moments) each() []time.Duration {
	all := make([]time.Duration, 0, len(m.began))
	for i := range m.began {
		all = append(all, m.ended[i].Sub(m.began[i]))
	}
	slices.Sort(all)
	return all
}

// percentile 是排好的一列里第 p 百分位的。
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)*p/100, len(sorted)-1)]
}

// verdict 说一个事件是不是表示那个对象如愿了。
type verdict func(watch.Event) bool

func modelReady(e watch.Event) bool {
	m, ok := e.Object.(*v1alpha1.Model)
	return ok && e.Type != watch.Deleted && meta.IsStatusConditionTrue(m.Status.Conditions, v1alpha1.ConditionReady)
}

func modelGone(e watch.Event) bool { return e.Type == watch.Deleted }

func podGone(e watch.Event) bool { return e.Type == watch.Deleted }

func deploymentReady(e watch.Event) bool {
	d, ok := e.Object.(*appsv1.Deployment)
	return ok && e.Type != watch.Deleted && d.Status.ObservedGeneration == d.Generation && d.Status.AvailableReplicas == 1
}

// awaitModels 听着平台上的模型，直到个个如愿。
func (b *modelBench) awaitModels(at *moments, done verdict) func(context.Context) error {
	return awaitEach(b.clients.ModelV1alpha1().RESTClient(), "models", &v1alpha1.Model{}, at, done)
}

// awaitMember 听着成员上的一种对象，直到个个如愿。
func (b *modelBench) awaitMember(at *moments, resource string, object runtime.Object, done verdict) func(context.Context) error {
	from := b.member.Client().AppsV1().RESTClient()
	if _, ok := object.(*corev1.Pod); ok {
		from = b.member.Client().CoreV1().RESTClient()
	}
	return awaitEach(from, resource, object, at, done)
}

func awaitEach(from cache.Getter, resource string, object runtime.Object, at *moments, done verdict) func(context.Context) error {
	return func(ctx context.Context) error {
		all := cache.NewListWatchFromClient(from, resource, metav1.NamespaceAll, fields.Everything())
		_, err := watchtools.UntilWithSync(ctx, all, object, nil, func(e watch.Event) (bool, error) {
			if !done(e) {
				return false, nil
			}
			i, err := numberOf(e.Object)
			return err == nil && at.end(i), err
		})
		if err != nil {
			return fmt.Errorf("watch %s, %d are left: %w", resource, at.left, errors.Join(err, context.Cause(ctx)))
		}
		return nil
	}
}

// numberOf 从名字里认出是第几个：model-00042，或它的 Pod model-00042-xxxxx-yyyyy。
func numberOf(object runtime.Object) (int, error) {
	accessor, err := meta.Accessor(object)
	if err != nil {
		return 0, err
	}
	digits, _, _ := strings.Cut(strings.TrimPrefix(accessor.GetName(), "model-"), "-")
	i, err := strconv.Atoi(digits)
	if err != nil {
		return 0, fmt.Errorf("%s is not the name of one of the models: %w", accessor.GetName(), err)
	}
	return i, nil
}

// awaitCluster 等成员就绪，并且 free 块卡都数进了状态。
func (b *modelBench) awaitCluster(ctx context.Context, free int32) error {
	ctx, cancel := context.WithTimeout(ctx, knownTimeout)
	defer cancel()
	all := cache.NewListWatchFromClient(b.clients.ClusterV1alpha1().RESTClient(), "clusters", metav1.NamespaceAll, fields.Everything())
	_, err := watchtools.UntilWithSync(ctx, all, &clusterv1alpha1.Cluster{}, nil, func(e watch.Event) (bool, error) {
		c, ok := e.Object.(*clusterv1alpha1.Cluster)
		if !ok || !meta.IsStatusConditionTrue(c.Status.Conditions, clusterv1alpha1.ConditionReady) {
			return false, nil
		}
		var sum int32
		for _, a := range c.Status.Accelerators {
			sum += a.Free
		}
		return sum == free, nil
	})
	return err
}
