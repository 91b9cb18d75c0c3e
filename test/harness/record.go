package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Record 认定一个进程，写进状态文件后，另一个程序据此停止的一定是同一个进程。
type Record struct {
	Name string `json:"name"`
	PID  int    `json:"pid"`
	// Started 是系统记录的进程开始时刻：进程号会被重用，开始时刻不会相同。
	Started string `json:"started"`
	LogFile string `json:"logFile"`
}

// Record 返回认定当前进程的记录。
func (p *Process) Record() (Record, error) {
	pid := p.PID()
	started, err := startTime(pid)
	if err != nil {
		return Record{}, fmt.Errorf("record %s: %w", p.spec.Name, err)
	}
	return Record{Name: p.spec.Name, PID: pid, Started: started, LogFile: p.spec.LogFile}, nil
}

// Running 报告记录的那个进程是否还在；进程号已属于别人时不算。
func (r Record) Running() bool {
	started, err := startTime(r.PID)
	return err == nil && started == r.Started
}

// Stop 停止记录的那个进程：SIGTERM，grace 之后 SIGKILL；已经不在则什么也不做。
func (r Record) Stop(ctx context.Context, grace time.Duration) error {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if !r.Running() {
			return nil
		}
		if err := syscall.Kill(r.PID, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("stop %s: send %v to pid %d: %w", r.Name, sig, r.PID, err)
		}
		wait, cancel := context.WithTimeout(ctx, grace)
		err := Wait(wait, r.Name+" to stop", func(context.Context) error {
			if r.Running() {
				return fmt.Errorf("pid %d is still running", r.PID)
			}
			return nil
		})
		cancel()
		if err == nil || ctx.Err() != nil {
			return err
		}
	}
	return fmt.Errorf("stop %s: pid %d outlived SIGKILL by %s", r.Name, r.PID, grace)
}

// errGone 是进程已不存在或只剩僵尸。
var errGone = errors.New("the process is gone")

// startTime 返回系统记录的进程开始时刻：Linux 读 /proc，别的系统问 ps。
func startTime(pid int) (string, error) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		out, err := exec.Command("ps", "-o", "lstart=", "-p", strconv.Itoa(pid)).Output()
		if started := strings.TrimSpace(string(out)); err == nil && started != "" {
			return started, nil
		}
		return "", fmt.Errorf("pid %d: %w", pid, errGone)
	}
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", fmt.Errorf("pid %d: %w", pid, errGone)
	}
	// 第二栏是括号里的程序名，可能含空格；其后第 1 栏是状态，第 20 栏是开始时刻。
	fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return "", fmt.Errorf("pid %d: %w", pid, errGone)
	}
	return fields[19], nil
}
