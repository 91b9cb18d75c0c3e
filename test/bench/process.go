package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/kubellm/kubellm/test/harness"
)

const (
	// tick 是 /proc/PID/stat 里处理器时间的单位；Linux 对用户程序固定为每秒一百个。
	tick = 10 * time.Millisecond
	// 半秒内只用了不到百分之十的一个核，就算安静了；别人占着机器时等的也只是这个进程自己的事。
	quietWindow, quietCPU = 500 * time.Millisecond, 50 * time.Millisecond
	quietTimeout          = 30 * time.Second
)

// cpuTime 是一个进程至今用掉的处理器时间，含内核里的。
func cpuTime(pid int) (time.Duration, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("read the CPU time of pid %d: %w", pid, err)
	}
	// 第二栏是括号里的程序名，可能含空格；其后第 12、13 栏是用户态与内核态的时间。
	fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
	if len(fields) < 13 {
		return 0, fmt.Errorf("read the CPU time of pid %d: /proc has %d fields after the name", pid, len(fields))
	}
	var sum time.Duration
	for _, field := range fields[11:13] {
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read the CPU time of pid %d: %w", pid, err)
		}
		sum += time.Duration(ticks) * tick
	}
	return sum, nil
}

// residentMiB 是一个进程此刻的常驻内存，MiB。
func residentMiB(pid int) (float64, error) {
	return kibibytes(fmt.Sprintf("/proc/%d/status", pid), "VmRSS:")
}

// peakResidentMiB 是一个进程至今最多时的常驻内存，MiB。
func peakResidentMiB(pid int) (float64, error) {
	return kibibytes(fmt.Sprintf("/proc/%d/status", pid), "VmHWM:")
}

// kibibytes 从 /proc 的一个文件里取一行以 kB 计的值，换成 MiB。
func kibibytes(file, key string) (float64, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return 0, fmt.Errorf("read %s of %s: %w", key, file, err)
	}
	for line := range strings.Lines(string(raw)) {
		if value, found := strings.CutPrefix(line, key); found {
			kib, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 64)
			if err != nil {
				return 0, fmt.Errorf("read %s of %s: %w", key, file, err)
			}
			return kib / 1024, nil
		}
	}
	return 0, fmt.Errorf("read %s of %s: there is no such line", key, file)
}

// awaitQuiet 等一个进程把启动或上一步留下的事做完，免得算到下一步头上。
func awaitQuiet(ctx context.Context, p *harness.Process) error {
	ctx, cancel := context.WithTimeout(ctx, quietTimeout)
	defer cancel()
	return harness.Wait(ctx, p.Name()+" to become idle", func(ctx context.Context) error {
		before, err := cpuTime(p.PID())
		if err != nil {
			return harness.Permanent(err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(quietWindow):
		}
		after, err := cpuTime(p.PID())
		if err != nil {
			return harness.Permanent(err)
		}
		if used := after - before; used >= quietCPU {
			return fmt.Errorf("it used %s of CPU in %s", used, quietWindow)
		}
		return nil
	})
}

// load 是一、五、十五分钟的平均负载。
func load() string {
	raw, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	fields := strings.Fields(string(raw))
	return strings.Join(fields[:min(3, len(fields))], " ")
}
