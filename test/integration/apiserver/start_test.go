package apiserver

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kubellm/kubellm/test/harness"
)

// BenchmarkStart 量从启动到就绪的时间和就绪后的常驻内存，取中位数；机器忙闲不同，所以只量不判。
func BenchmarkStart(b *testing.B) {
	var took []time.Duration
	var resident []int
	for b.Loop() {
		b.StopTimer()
		dir, err := os.MkdirTemp("", "kubellm-bench-")
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		began := time.Now()
		p, err := harness.StartPlatform(b.Context(), harness.PlatformOptions{Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
		b.StopTimer()
		resident = append(resident, rss(b, p.PID()))
		if err := p.Stop(); err != nil {
			b.Error(err)
		}
		if err := os.RemoveAll(dir); err != nil {
			b.Error(err)
		}
		b.StartTimer()
	}
	slices.Sort(took)
	slices.Sort(resident)
	b.ReportMetric(took[len(took)/2].Seconds(), "s/start")
	b.ReportMetric(float64(resident[len(resident)/2])/1024, "MiB-resident")
}

// rss 是进程的常驻内存，单位 KiB。
func rss(b *testing.B, pid int) int {
	b.Helper()
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		b.Skipf("this system does not tell a process's memory in /proc: %v", err)
	}
	for _, line := range strings.Split(string(raw), "\n") {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				b.Fatal(err)
			}
			return kib
		}
	}
	b.Fatal("the process has no VmRSS")
	return 0
}
