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
	if err := c.Registerer.Register(c); err != nil {
		return fmt.Errorf("register the metric of clusters by condition: %w", err)
	}
	<-ctx.Done()
	c.Registerer.Unregister(c)
	return nil
}

// Describe 说出唯一的指标。
func (c *Census) Describe(ch chan<- *prometheus.Desc) { ch <- population }

// Collect 清点一遍；没有的条件算 Unknown，一个没有的组合也报零，好让告警看得见它从零开始。
func (c *Census) Collect(ch chan<- prometheus.Metric) {
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
