package cluster

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/internal/instruments"
)

var (
	population = prometheus.NewDesc("kubellm_clusters",
		"Number of Clusters by condition and its status.", []string{"condition", "status"}, nil)
	counted = []string{v1alpha1.ConditionReady, v1alpha1.ConditionCredentialsValid,
		v1alpha1.ConditionReachable, v1alpha1.ConditionCapacityKnown}
	statuses = []metav1.ConditionStatus{metav1.ConditionTrue, metav1.ConditionFalse, metav1.ConditionUnknown}
)

// censusTimeout 限制一次抓取等缓存的时间。
const censusTimeout = time.Second

// Census 在抓取指标时清点缓存里的 Cluster，各条件各状态多少个；只由选中的实例来数，加起来才不会重复。
type Census struct {
	// Reader 是控制器的缓存。
	Reader client.Reader
	// Registerer 是登记指标的地方。
	Registerer prometheus.Registerer
}

// NeedLeaderElection 见 Census。
func (c *Census) NeedLeaderElection() bool { return true }

// Start 登记，直到 ctx 结束。
func (c *Census) Start(ctx context.Context) error {
	shared := &censuses{}
	if err := instruments.Register(c.Registerer, &shared); err != nil {
		return fmt.Errorf("register the metric of clusters by condition: %w", err)
	}
	defer shared.Add(c)()
	<-ctx.Done()
	return nil
}

// censuses 是登记处上的指标：同一个进程里的几个管理者轮流被选中，由最近开始的那一个来数。
type censuses struct{ instruments.Running[*Census] }

// Describe 说出唯一的指标。
func (s *censuses) Describe(ch chan<- *prometheus.Desc) { ch <- population }

// Collect 实现 prometheus.Collector；没有选中的就不数。
func (s *censuses) Collect(ch chan<- prometheus.Metric) {
	if running := s.All(); len(running) > 0 {
		running[len(running)-1].collect(ch)
	}
}

// collect 清点一遍；没有的条件算 Unknown，一个没有的组合也报零，好让告警看得见它从零开始。
func (c *Census) collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), censusTimeout)
	defer cancel()
	list := &v1alpha1.ClusterList{}
	if err := c.Reader.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
		ch <- prometheus.NewInvalidMetric(population, fmt.Errorf("list the clusters: %w", err))
		return
	}
	for _, condition := range counted {
		numbers := count(list.Items, condition)
		for _, status := range statuses {
			ch <- prometheus.MustNewConstMetric(population, prometheus.GaugeValue, float64(numbers[status]), condition, string(status))
		}
	}
}

func count(clusters []v1alpha1.Cluster, condition string) map[metav1.ConditionStatus]int {
	numbers := map[metav1.ConditionStatus]int{}
	for i := range clusters {
		status := metav1.ConditionUnknown
		if c := meta.FindStatusCondition(clusters[i].Status.Conditions, condition); c != nil {
			status = c.Status
		}
		numbers[status]++
	}
	return numbers
}
