package main

import (
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

func TestPercentile(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(i + 1)
	}
	for _, c := range []struct {
		reason string
		sorted []time.Duration
		p      int
		want   time.Duration
	}{
		{"half are quicker", hundred, 50, 51},
		{"the slowest of a hundred is left", hundred, 99, 100},
		{"a single one is every percentile", hundred[:1], 99, 1},
		{"nothing was measured", nil, 50, 0},
	} {
		if got := percentile(c.sorted, c.p); got != c.want {
			t.Errorf("%s: got %d, want %d", c.reason, got, c.want)
		}
	}
}

// TestNumberOf 认错了是第几个，量到的就是别人的时间。
func TestNumberOf(t *testing.T) {
	for name, want := range map[string]int{modelName(42): 42, "model-00042-7d9f8c6b5-x2x4z": 42, "other": -1} {
		for _, object := range []runtime.Object{
			&appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: name}}, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}},
		} {
			got, err := numberOf(object)
			if (err == nil) != (want >= 0) || err == nil && got != want {
				t.Errorf("%s is number %d, %v; want %d", name, got, err, want)
			}
		}
	}
}

// TestMoments 同一个对象如愿几次也只算一次，最后一个如愿才算完。
func TestMoments(t *testing.T) {
	at := newMoments(2)
	at.begin(0)
	at.begin(1)
	for range 2 {
		if at.end(0) {
			t.Error("it is over though one is left")
		}
	}
	if !at.end(1) {
		t.Error("it is not over though none is left")
	}
	if each := at.each(); len(each) != 2 || each[0] > each[1] || each[0] < 0 {
		t.Errorf("the times are not in order: %v", each)
	}
}

// TestModelTable 核对比值的方向、每个模型的数、三段各在自己的一栏。
func TestModelTable(t *testing.T) {
	f := &modelFigures{
		count: 2, nodes: 1, directCPU: time.Second, directGoneCPU: time.Second,
		platform: convergence{elapsed: 3 * time.Second, each: []time.Duration{time.Second, 2 * time.Second}},
		direct:   convergence{elapsed: 2 * time.Second, each: []time.Duration{time.Second, time.Second}},
		gone:     convergence{elapsed: time.Second}, directGone: convergence{elapsed: 2 * time.Second},
		created: effort{reconciles: 6, memberCPU: 2 * time.Second, platform: counts{"PATCH models/status": 4}.since(counts{})},
		rest:    effort{platform: counts{"PUT leases": 31}.since(counts{"PUT leases": 1, "PATCH models": 0})},
	}
	table := modelTable(f)
	for _, want := range []string{
		"| all ready after | 3.0 s | 2.0 s | 1.50× |",
		"| all gone after | 1.0 s | 2.0 s | 0.50× |",
		"| CPU of the member's processes until all ready | 2.0 s | 1.0 s | 2.00× |",
		"| the same, a model | 3.00 | 0.00 | 0.00 |",
		"| requests to the platform: PATCH models/status | 4 | 0 | 0 |",
		"| requests to the platform: PUT leases | 0 | 30 | 0 |",
	} {
		if !strings.Contains(table, want) {
			t.Errorf("the table lacks %q:\n%s", want, table)
		}
	}
}
