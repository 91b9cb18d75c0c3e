package model

import (
	"testing"

	"k8s.io/apimachinery/pkg/types"

	cluster "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/member"
)

// TestMemoryShrinks 没有了的模型与集群不再记着：来来去去的再多，记着的不比还在的多。
func TestMemoryShrinks(t *testing.T) {
	clusters := func(uids ...types.UID) []cluster.Cluster {
		all := make([]cluster.Cluster, len(uids))
		for i := range uids {
			all[i].UID, all[i].Status.Accelerators = uids[i], []cluster.Accelerator{{Product: "x", Free: 7}}
		}
		return all
	}
	r := &Reconciler{Metrics: NewMetrics(nil)}
	// meets 是 model 在 on 上走一轮：有一个 Pod，counted 说 Cluster 的状态数进去了没有。
	meets := func(model types.UID, on cluster.Cluster, counted bool) {
		ledger := []cluster.Accelerator{{Product: "x", Free: 7}}
		if !counted {
			ledger[0].Free = 6
		}
		seen := member.Observation{Known: true, Accelerators: ledger, Claims: []member.Claim{{Pod: "p-" + model, Resource: "gpu", Product: "x", Count: 1}}}
		r.accounts.observed(&on, model, seen, holding{"gpu", "x", 1}, 0)
		if ns := (namespace{on.UID, "kubellm-team-a"}); !r.namespaces.has(ns, model) {
			r.namespaces.remember(ns, model)
		}
		r.carriersOf(model)[on.UID] = carried{}
		r.recordsOf(model)[on.UID] = map[target]record{}
	}
	a, b := clusters("a")[0], clusters("b")[0]
	type sizes struct{ namespaces, counted, lagging, compared, carried, records int }
	for _, step := range []struct {
		why string
		do  func()
		// want 里的 carried 与 records 是 m 在几个集群上的。
		want sizes
	}{
		{"two models on two clusters, one of them counted on each", func() {
			meets("m", a, true)
			meets("n", a, false)
			meets("m", b, false)
			meets("n", b, true)
		}, sizes{2, 2, 2, 2, 2, 2}},
		{"all clusters are still there", func() { r.keep(clusters("b", "a", "c")) }, sizes{2, 2, 2, 2, 2, 2}},
		{"what lagged has been counted", func() { meets("m", b, true) }, sizes{2, 3, 1, 2, 2, 2}},
		{"m leaves b", func() {
			r.leave(chat(func(m *v1alpha1.Model) { m.Status.Placements = []v1alpha1.ModelPlacement{{ClusterUID: "a"}} }))
		}, sizes{2, 3, 1, 2, 1, 1}},
		{"what is still to be removed is remembered", func() {
			r.leave(chat(func(m *v1alpha1.Model) { m.Status.RemovedPlacements = []v1alpha1.RemovedPlacement{{ClusterUID: "a"}} }))
		}, sizes{2, 3, 1, 2, 1, 1}},
		{"b is gone", func() { r.keep(clusters("a")) }, sizes{1, 1, 1, 1, 1, 1}},
		{"n is gone: m still needs the namespace", func() { r.forget("n") }, sizes{1, 1, 0, 1, 1, 1}},
		{"m is gone, and with it what was remembered for it alone", func() { r.forget("m") }, sizes{0, 0, 0, 1, 0, 0}},
		{"the last cluster is gone", func() { r.keep(nil) }, sizes{}},
	} {
		step.do()
		if got := (sizes{len(r.namespaces.known), len(r.accounts.counted), len(r.accounts.lagging), len(r.accounts.compared), len(r.carriersOf("m")), len(r.recordsOf("m"))}); got != step.want {
			t.Errorf("%s: remembered are %+v, want %+v", step.why, got, step.want)
		}
	}
	if len(r.carried.byUID) != 1 || len(r.records.byUID) != 1 {
		t.Errorf("only what was just asked for is there: %v, %v", r.carried.byUID, r.records.byUID)
	}
}
