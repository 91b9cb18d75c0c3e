package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/kubellm/kubellm/test/harness"
)

// median 是中位数；偶数个时取中间两个的平均。
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// medianOf 取每个测量的一个值，再取中位数。
func medianOf[T any](measured []T, value func(T) float64) float64 {
	values := make([]float64, 0, len(measured))
	for _, m := range measured {
		values = append(values, value(m))
	}
	return median(values)
}

// describeMachine 说明这次测量是在哪里、什么时候、对什么做的。
func describeMachine(ctx context.Context, loadBefore string) (string, error) {
	memory, err := kibibytes("/proc/meminfo", "MemTotal:")
	if err != nil {
		return "", err
	}
	versions := []string{runtime.Version()}
	for _, name := range []string{"kube-apiserver", "etcd"} {
		path, err := harness.Tool(ctx, name)
		if err != nil {
			return "", err
		}
		out, err := exec.CommandContext(ctx, path, "--version").Output()
		if err != nil {
			return "", fmt.Errorf("ask %s for its version: %w", path, err)
		}
		first, _, _ := strings.Cut(string(out), "\n")
		versions = append(versions, filepath.Base(path)+" ("+first+")")
	}
	return fmt.Sprintf("%s, %d cores, %.0f GiB, %s; load average %s before, %s after.\n",
		time.Now().Format(time.DateOnly), runtime.NumCPU(), memory/1024, strings.Join(versions, ", "), loadBefore, load()), nil
}

// comparisonTable 是比较的 Markdown 表：各轮的中位数，比值都对第一种。
func comparisonTable(c *comparison, s settings) string {
	if s.rounds == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Medians of %d rounds with %d users. Operations per second, and milliseconds of the server process's CPU per operation; "+
		"in brackets, how many times as fast as the CRD, and what share of its CPU.\n\n", s.rounds, s.objects)
	b.WriteString("| operation | clients |")
	for _, measure := range []string{"per s", "CPU ms"} {
		for _, v := range c.variants {
			fmt.Fprintf(&b, " %s: %s |", v.name, measure)
		}
	}
	b.WriteString("\n|---|--:|" + strings.Repeat("--:|", 2*len(c.variants)) + "\n")
	for _, r := range c.rows {
		fmt.Fprintf(&b, "| %s | %d |", r.operation, r.clients)
		c.cells(&b, r, "%.0f", measurement.rate)
		c.cells(&b, r, "%.3f", measurement.cpuEach)
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "| resident after creating them, MiB | |")
	for _, v := range c.variants {
		fmt.Fprintf(&b, " %.0f |", median(c.resident[v.name]))
	}
	b.WriteString(strings.Repeat(" |", len(c.variants)) + "\n")
	return b.String()
}

// cells 写一行里每种的中位数和它对第一种的比值。
func (c *comparison) cells(b *strings.Builder, r row, format string, value func(measurement) float64) {
	first := medianOf(c.measured[r][c.variants[0].name], value)
	for i, v := range c.variants {
		m := medianOf(c.measured[r][v.name], value)
		fmt.Fprintf(b, " "+format, m)
		if i > 0 && first > 0 {
			fmt.Fprintf(b, " (%.2f×)", m/first)
		}
		b.WriteString(" |")
	}
}

// startTable 是启动的 Markdown 表。
func startTable(all []starts, times int) string {
	if len(all) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Medians of %d starts of the standalone server, embedded etcd included.\n\n", times)
	b.WriteString("| situation | ready after, s | slowest, s | CPU until ready, s | resident once idle, MiB |\n|---|--:|--:|--:|--:|\n")
	for _, s := range all {
		ready := func(m start) float64 { return m.ready.Seconds() }
		slowest := slices.MaxFunc(s.measured, func(a, b start) int { return int(a.ready - b.ready) })
		fmt.Fprintf(&b, "| %s | %.2f | %.2f | %.2f | %.0f |\n", s.situation, medianOf(s.measured, ready), slowest.ready.Seconds(),
			medianOf(s.measured, func(m start) float64 { return m.cpu.Seconds() }),
			medianOf(s.measured, func(m start) float64 { return m.resident }))
	}
	return b.String()
}
