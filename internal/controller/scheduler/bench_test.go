package scheduler_test

import (
	"fmt"
	"testing"

	cluster "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	model "github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/scheduler"
)

// fleet 是一百个大小不一的集群与一千个模型，三成放不下或只放得下一部分。
func fleet() ([]cluster.Cluster, []model.Model) {
	clusters := make([]cluster.Cluster, 0, 100)
	for i := range 100 {
		free := make([]int32, 0, 16)
		for n := range 4 + i%13 {
			free = append(free, int32(1+(i+n)%8))
		}
		clusters = append(clusters, site(fmt.Sprintf("gpu-%03d", i), has(row(a100, free...), row(h100, free[:3]...))))
	}
	models := make([]model.Model, 0, 1000)
	for i := range 1000 {
		m := llm(fmt.Sprintf("llm-%04d", i), int32(1+i%5), int32(1+i%3), wanting(int32(1+i%2)))
		if i%2 == 0 {
			packed(m)
		}
		models = append(models, *m)
	}
	return clusters, models
}

// BenchmarkSchedule 排一千个模型到一百个集群：一张快照接着排，与每个模型各建一张快照（控制器与计划的一次决定）。
func BenchmarkSchedule(b *testing.B) {
	clusters, models := fleet()
	b.Run("1000ModelsOn100Clusters", func(b *testing.B) {
		b.ReportAllocs()
		placed := 0
		for b.Loop() {
			placed = 0
			s := scheduler.NewSnapshot(clusters, models)
			for i := range models {
				r := s.Schedule(&models[i], now)
				s.Assume(&models[i], r.Placements)
				placed += len(r.Placements)
			}
		}
		b.ReportMetric(float64(placed), "placements")
	})
	b.Run("OneBeside999", func(b *testing.B) {
		s := scheduler.NewSnapshot(clusters, nil)
		for i := range models[1:] {
			m := &models[i+1]
			m.Status.Placements = s.Schedule(m, now).Placements
			s.Assume(m, m.Status.Placements)
		}
		b.ReportAllocs()
		for b.Loop() {
			scheduler.Schedule(scheduler.Input{Model: &models[0], Clusters: clusters, Models: models, Now: now})
		}
	})
}
