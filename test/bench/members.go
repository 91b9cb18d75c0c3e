package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubellm/kubellm/internal/member"
	"github.com/kubellm/kubellm/test/harness"
)

const (
	// restWindow 是量安稳时花费的时长：正好两次心跳的间隔。
	restWindow = time.Minute
	// memberInterval 是心跳的默认间隔。
	memberInterval = 30 * time.Second
	// knownTimeout 给一个成员列完全部节点与 Pod。
	knownTimeout = 2 * time.Minute
	gpusPerNode  = 8
)

// memberFigures 是看着若干成员的花费，都是这个进程自己的。
type memberFigures struct {
	// known 是各成员从登记到容量确知。
	known []time.Duration
	// heap 是看着全部成员比不看多占的堆；resident 是整个进程的常驻内存。
	heap, resident float64
	knownCPU       time.Duration
	restCPU        time.Duration
	restRequests   map[string]uint64
	// events 是删去的 Pod 数，eventCPU 是为此用的处理器时间，settled 是到数字全对为止。
	events            int
	eventCPU, settled time.Duration
}

// measureMembers 起几个真实的成员，各装满节点与 Pod，量看着它们要花多少；不看它们时为 nil。
func measureMembers(ctx context.Context, dir string, s settings) (f *memberFigures, err error) {
	if s.members == 0 {
		return nil, nil
	}
	etcd, err := harness.StartEtcd(ctx, harness.EtcdOptions{Dir: filepath.Join(dir, "members-etcd")})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, etcd.Stop()) }()
	var all []*harness.Member
	defer func() {
		for _, m := range all {
			err = errors.Join(err, m.Stop())
		}
	}()
	for i := range s.members {
		name := fmt.Sprintf("member-%d", i)
		m, err := harness.StartMember(ctx, harness.MemberOptions{
			Name: name, Dir: filepath.Join(dir, name), EtcdURL: etcd.URL, ControlPlaneOnly: true,
		})
		if err != nil {
			return nil, err
		}
		all = append(all, m)
		progress("%s: storing %d nodes and %d pods", name, s.memberNodes, s.memberPods)
		if err := populate(ctx, m, s); err != nil {
			return nil, fmt.Errorf("fill %s: %w", name, err)
		}
	}
	return watchMembers(ctx, all, s)
}

// watchMembers 依次量：到确知、安稳时、一批 Pod 消失时。
func watchMembers(ctx context.Context, all []*harness.Member, s settings) (f *memberFigures, err error) {
	registry := prometheus.NewRegistry()
	eyes := member.New(member.Options{Logger: logr.Discard(), Registerer: registry})
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- eyes.Start(ctx) }()
	defer func() { cancel(); err = errors.Join(err, <-done) }()

	f = &memberFigures{}
	if err := f.measureKnown(ctx, eyes, all); err != nil {
		return nil, err
	}
	if err := f.measureRest(ctx, registry); err != nil {
		return nil, err
	}
	return f, f.measureEvents(ctx, eyes, all, s)
}

// ownCPU 是这个进程至今用的处理器时间。
func ownCPU() (time.Duration, error) { return cpuTime(os.Getpid()) }

// measureKnown 让全部成员同时登记，量到最后一个确知为止。
func (f *memberFigures) measureKnown(ctx context.Context, eyes *member.Members, all []*harness.Member) error {
	heap := heapMiB()
	cpu, err := ownCPU()
	if err != nil {
		return err
	}
	began := time.Now()
	for _, m := range all {
		eyes.Ensure(member.Target{
			Name: m.Name, UID: types.UID(m.Name), Config: m.Config(), CredentialsVersion: "1",
			Interval: memberInterval, Timeout: 10 * time.Second, FailureThreshold: 3,
		})
	}
	for _, m := range all {
		if err := awaitMember(ctx, eyes, m.Name, func(e member.Evidence) bool { return e.Capacity.Known }); err != nil {
			return err
		}
		f.known = append(f.known, time.Since(began))
	}
	after, err := ownCPU()
	if err != nil {
		return err
	}
	f.knownCPU = after - cpu
	f.heap = heapMiB() - heap
	f.resident, err = residentMiB(os.Getpid())
	progress("known after %s", f.known)
	return err
}

// measureRest 在没有变化的一分钟里量处理器时间与请求。
func (f *memberFigures) measureRest(ctx context.Context, registry *prometheus.Registry) error {
	before, err := memberRequests(registry)
	if err != nil {
		return err
	}
	cpu, err := ownCPU()
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(restWindow):
	}
	after, err := ownCPU()
	if err != nil {
		return err
	}
	f.restCPU = after - cpu
	if f.restRequests, err = memberRequests(registry); err != nil {
		return err
	}
	for verb := range f.restRequests {
		f.restRequests[verb] -= before[verb]
	}
	return nil
}

// measureEvents 让每个成员的全部 Pod 一下子消失：删除各是一个请求，这边花的几乎只有事件。
func (f *memberFigures) measureEvents(ctx context.Context, eyes *member.Members, all []*harness.Member, s settings) error {
	cpu, err := ownCPU()
	if err != nil {
		return err
	}
	began := time.Now()
	now := int64(0)
	for _, m := range all {
		err := m.Client().CoreV1().Pods(metav1.NamespaceDefault).DeleteCollection(ctx, metav1.DeleteOptions{GracePeriodSeconds: &now}, metav1.ListOptions{})
		if err != nil {
			return err
		}
		whole := int32(s.memberNodes * gpusPerNode)
		if err := awaitMember(ctx, eyes, m.Name, func(e member.Evidence) bool { return freeOf(e) == whole }); err != nil {
			return err
		}
	}
	f.settled = time.Since(began)
	after, err := ownCPU()
	f.events, f.eventCPU = s.memberPods*len(all), after-cpu
	return err
}

// freeOf 是确知空着的块数。
func freeOf(e member.Evidence) int32 {
	var sum int32
	for _, a := range e.Capacity.Accelerators {
		sum += a.Free
	}
	if !e.Capacity.Known {
		return -1
	}
	return sum
}

// awaitMember 等一个成员的证据满足 check。
func awaitMember(ctx context.Context, eyes *member.Members, name string, check func(member.Evidence) bool) error {
	ctx, cancel := context.WithTimeout(ctx, knownTimeout)
	defer cancel()
	return harness.Wait(ctx, "the evidence of "+name, func(context.Context) error {
		e, _ := eyes.Evidence(name)
		if check(e) {
			return nil
		}
		return fmt.Errorf("capacity known %v, %d free: %w", e.Capacity.Known, freeOf(e), errors.Join(e.Capacity.Err, e.Probe.Err))
	})
}

// heapMiB 是回收之后还占着的堆。
func heapMiB() float64 {
	debug.FreeOSMemory()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return float64(stats.HeapAlloc) / (1 << 20)
}

// memberRequests 是发往全部成员的请求数，按动词。
func memberRequests(registry *prometheus.Registry) (map[string]uint64, error) {
	families, err := registry.Gather()
	if err != nil {
		return nil, fmt.Errorf("count the requests to members: %w", err)
	}
	counts := map[string]uint64{}
	for _, family := range families {
		if family.GetName() != "kubellm_member_request_duration_seconds" {
			continue
		}
		for _, metric := range family.GetMetric() {
			for _, label := range metric.GetLabel() {
				if label.GetName() == "verb" {
					counts[label.GetValue()] += metric.GetHistogram().GetSampleCount()
				}
			}
		}
	}
	return counts, nil
}

// memberTable 是看着成员的 Markdown 表。
func memberTable(f *memberFigures, s settings) string {
	if f == nil {
		return ""
	}
	var b strings.Builder
	row := func(what, format string, args ...any) {
		fmt.Fprintf(&b, "| %s | "+format+" |\n", append([]any{what}, args...)...)
	}
	fmt.Fprintf(&b, "Looking at %d member clusters, each with %d nodes and %d pods that hold an accelerator.\n\n| measure | value |\n|---|--:|\n",
		s.members, s.memberNodes, s.memberPods)
	objects := float64(s.members * (s.memberNodes + s.memberPods))
	row("capacity known after, all registered at once: first, last", "%.2f s, %.2f s", f.known[0].Seconds(), f.known[len(f.known)-1].Seconds())
	row("CPU until all are known", "%.2f s", f.knownCPU.Seconds())
	row("heap that looking at them adds", "%.1f MiB", f.heap)
	row("of that, a node or pod", "%.0f bytes", f.heap*(1<<20)/objects)
	row("resident, the whole benchmark process", "%.0f MiB", f.resident)
	row("CPU at rest", "%.1f ms a second", float64(f.restCPU.Milliseconds())/restWindow.Seconds())
	row(fmt.Sprintf("requests at rest in %s: get, list, watch", restWindow), "%d, 0, %d", f.restRequests["get"], f.restRequests["watch"])
	row(fmt.Sprintf("CPU of a pod event, %d pods deleted at once", f.events), "%.0f µs", float64(f.eventCPU.Microseconds())/float64(f.events))
	row("until the numbers are right after that, member by member", "%.2f s", f.settled.Seconds())
	return b.String()
}
