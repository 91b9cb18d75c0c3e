package external

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/rest"

	iamv1alpha1 "github.com/kubellm/kubellm/apis/iam/v1alpha1"
)

// unstarted 是一个还没有开始监视的读取者。
func unstarted(t *testing.T, o Options) *watched[*iamv1alpha1.User, *iamv1alpha1.UserList] {
	t.Helper()
	p, err := NewPlatform(&rest.Config{Host: "https://h"}, o)
	if err != nil {
		t.Fatal(err)
	}
	return newWatched(p, testKind)
}

// TestAskedKeysAreSweptSeldom 问过的旧键会忘掉，但上千个资源不停读取时不会每次都把全部找一遍。
func TestAskedKeysAreSweptSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := unstarted(t, Options{})
		const many = 2000
		askMany := func(prefix string) {
			for i := range many {
				w.ask(Key{Name: fmt.Sprint(prefix, i)})
			}
		}
		askMany("early")
		time.Sleep(30 * time.Second)
		askMany("late")
		steps := []struct {
			reason string
			after  time.Duration
			left   int
		}{
			{"the early ones are older than an hour", time.Hour - 20*time.Second, many + 1},
			{"the late ones are too, but it was swept half a minute ago", 30 * time.Second, many + 1},
			{"a minute after the last time", 31 * time.Second, 1},
		}
		for _, step := range steps {
			time.Sleep(step.after)
			w.ask(Key{Name: "again"})
			if got := len(w.asked); got != step.left {
				t.Errorf("%s: %d keys are kept, want %d", step.reason, got, step.left)
			}
		}
	})
}

// TestStaleCountAfterClose 关闭之后才到的消息不再计数：失效的缓存个数不会成负。
func TestStaleCountAfterClose(t *testing.T) {
	registry := prometheus.NewRegistry()
	w := unstarted(t, Options{Registerer: registry})
	stale := func() float64 {
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		var total float64
		for _, family := range families {
			if family.GetName() == "kubellm_external_cache_stale" {
				total += family.GetMetric()[0].GetGauge().GetValue()
			}
		}
		return total
	}
	w.change(nil, func(h *health) { h.synced, h.expired = true, true })
	if got := stale(); got != 1 {
		t.Fatalf("%v caches are stale, want this one", got)
	}
	w.retire()
	late := map[string]func(){
		"a list that was under way":  func() { _ = w.Replace(nil, "1") },
		"a watch that was confirmed": func() { w.change(nil, (*health).alive) },
		"a break":                    func() { w.change(nil, func(h *health) { h.expired = true }) },
		"a second close":             w.retire,
	}
	for what, arrive := range late {
		arrive()
		if got := stale(); got != 0 {
			t.Errorf("after the platform was closed came %s: %v caches count as stale", what, got)
		}
	}
}
