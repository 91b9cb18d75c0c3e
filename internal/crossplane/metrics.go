package crossplane

import (
	"context"
	"fmt"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/crossplane/crossplane-runtime/v2/pkg/resource"
	"github.com/crossplane/crossplane-runtime/v2/pkg/statemetrics"
)

// minStateInterval 是状态指标的最短间隔：每次都要走遍一个种类的全部资源。
const minStateInterval = 30 * time.Second

// addStateMetrics 定期统计一个种类有多少存在、就绪、同步。
func addStateMetrics(mgr ctrl.Manager, o Options, list resource.ManagedList) error {
	if o.MetricOptions == nil || o.MetricOptions.MRStateMetrics == nil {
		return nil
	}
	own, err := copyOf(list)
	if err != nil {
		return err
	}
	recorder := statemetrics.NewMRStateRecorder(uncopiedLists{mgr.GetClient()}, o.Logger, o.MetricOptions.MRStateMetrics, own, o.MetricOptions.PollStateMetricInterval)
	interval := max(o.MetricOptions.PollStateMetricInterval, minStateInterval)
	// 不用记录器自己的循环：它遇到第一个错误就让整个进程退出。
	err = mgr.Add(manager.RunnableFunc(func(ctx context.Context) error {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			if err := recorder.Record(ctx); err != nil && ctx.Err() == nil {
				o.Logger.Info("Cannot record the state of managed resources", "error", err)
			}
			select {
			case <-ctx.Done():
				return nil
			case <-ticker.C:
			}
		}
	}))
	if err != nil {
		return fmt.Errorf("cannot add state metrics: %w", err)
	}
	return nil
}

// uncopiedLists 列出时不深拷贝：统计只读，不值得每次复制上万个对象。
type uncopiedLists struct{ client.Client }

func (c uncopiedLists) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	return c.Client.List(ctx, list, append(opts, client.UnsafeDisableDeepCopy)...)
}
