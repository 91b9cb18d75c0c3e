package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// defaultReadyTimeout 给两核的慢机器留足余量；真出错时进程退出会立刻被发现，不必等满。
	defaultReadyTimeout = 90 * time.Second
	// defaultGrace 是 SIGTERM 之后等多久才 SIGKILL：比部件自己收尾的期限（至多三十秒）长。
	defaultGrace = time.Minute
	// failureLogLines 是出错信息里带上的日志行数，足以看到原因而不淹没它。
	failureLogLines = 25
)

// Spec 说明怎样启动一个部件、怎样算就绪。
type Spec struct {
	// Name 出现在错误与日志文件名里，例如 kube-apiserver。
	Name string
	// Path 与 Args 是可执行文件和参数；Env 加在当前环境之后。
	Path string
	Args []string
	Env  []string
	// Dir 是工作目录；空则沿用当前目录。
	Dir string
	// LogFile 收标准输出和标准错误；重启时接着写。
	LogFile string
	// Ready 返回 nil 即就绪；为 nil 时进程一起来就算就绪。
	Ready func(context.Context) error
	// ReadyTimeout、Grace 为零时取默认值。
	ReadyTimeout time.Duration
	Grace        time.Duration
	// StopStatus 是它收到 SIGTERM 之后正常的退出状态；有的部件收了尾仍以 1 退出。
	StopStatus int
	// Detached 让进程在启动它的程序退出后继续运行（演示）；否则随之结束（测试被打断时不留下孤儿）。
	Detached bool
}

// Process 是一个已启动的部件；方法可并发调用。
type Process struct {
	spec Spec

	mu     sync.Mutex
	cmd    *exec.Cmd
	exited chan struct{}
	exit   error
	// ending 表示当前进程是我们叫它结束的。
	ending bool
}

// Start 启动部件并等它就绪；未能就绪时先结束它再返回带最后几行日志的错误。
func Start(ctx context.Context, spec Spec) (*Process, error) {
	if spec.ReadyTimeout == 0 {
		spec.ReadyTimeout = defaultReadyTimeout
	}
	if spec.Grace == 0 {
		spec.Grace = defaultGrace
	}
	p := &Process{spec: spec}
	if err := p.launch(); err != nil {
		return nil, err
	}
	if err := p.WaitReady(ctx); err != nil {
		return nil, errors.Join(err, p.Kill())
	}
	return p, nil
}

// launch 启动一个新的操作系统进程，日志直接写文件：启动者退出后也不会断。
func (p *Process) launch() error {
	if err := os.MkdirAll(filepath.Dir(p.spec.LogFile), 0o755); err != nil {
		return fmt.Errorf("start %s: make the folder of its log: %w", p.spec.Name, err)
	}
	log, err := os.OpenFile(p.spec.LogFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("start %s: open its log: %w", p.spec.Name, err)
	}
	defer func() { _ = log.Close() }()

	cmd := exec.Command(p.spec.Path, p.spec.Args...)
	cmd.Env = append(os.Environ(), p.spec.Env...)
	cmd.Dir = p.spec.Dir
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = sysProcAttr(p.spec.Detached)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: run %s: %w", p.spec.Name, p.spec.Path, err)
	}

	exited := make(chan struct{})
	p.mu.Lock()
	p.cmd, p.exited, p.exit, p.ending = cmd, exited, nil, false
	p.mu.Unlock()
	go func() {
		err := cmd.Wait()
		p.mu.Lock()
		p.exit = err
		p.mu.Unlock()
		close(exited)
	}()
	return nil
}

// WaitReady 轮询就绪条件，直到就绪、进程退出、超时或 ctx 结束。
func (p *Process) WaitReady(ctx context.Context) error {
	if p.spec.Ready == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, p.spec.ReadyTimeout)
	defer cancel()
	exited := p.Exited()
	err := Wait(ctx, p.spec.Name+" to become ready", func(ctx context.Context) error {
		select {
		case <-exited:
			return Permanent(p.exitError())
		default:
			return p.spec.Ready(ctx)
		}
	})
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w\n%s", err, p.LogTail(failureLogLines))
}

// exitError 说明进程怎样结束的。
func (p *Process) exitError() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.exit == nil {
		return fmt.Errorf("%s exited with status 0", p.spec.Name)
	}
	return fmt.Errorf("%s exited: %w", p.spec.Name, p.exit)
}

// Died 在部件没人叫就自己退出了的时候返回原因和最后几行日志；在跑、或由 Stop、Kill 结束的返回 nil。
func (p *Process) Died() error {
	p.mu.Lock()
	ending := p.ending
	p.mu.Unlock()
	if ending || p.Running() {
		return nil
	}
	return fmt.Errorf("%w\n%s", p.exitError(), p.LogTail(failureLogLines))
}

// end 记下接下来的退出是我们要的。
func (p *Process) end() {
	p.mu.Lock()
	p.ending = true
	p.mu.Unlock()
}

// Name 返回部件名。
func (p *Process) Name() string { return p.spec.Name }

// PID 返回当前进程号。
func (p *Process) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cmd.Process.Pid
}

// Exited 返回当前进程结束时关闭的通道；Restart 之后须重新取。
func (p *Process) Exited() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.exited
}

// Running 报告进程是否还在。
func (p *Process) Running() bool {
	select {
	case <-p.Exited():
		return false
	default:
		return true
	}
}

// Halt 停住部件，返回时它已经什么都不做了；连接还在，只是没有回答。
func (p *Process) Halt() error {
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	if err := awaitHalted(p.PID()); err != nil {
		return fmt.Errorf("wait for %s (pid %d) to halt: %w", p.spec.Name, p.PID(), err)
	}
	return nil
}

// Resume 让停住的部件继续。
func (p *Process) Resume() error { return p.Signal(syscall.SIGCONT) }

// Signal 发送信号；停住与继续用 Halt 与 Resume。
func (p *Process) Signal(sig os.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.cmd.Process.Signal(sig); err != nil {
		return fmt.Errorf("send %v to %s (pid %d): %w", sig, p.spec.Name, p.cmd.Process.Pid, err)
	}
	return nil
}

// Stop 发 SIGTERM，宽限期内不退出则 SIGKILL 并返回错误；非零退出也是错误，已经退出的不是。
func (p *Process) Stop() error {
	if !p.Running() {
		return nil
	}
	p.end()
	// 停住的进程收不到 SIGTERM，先让它继续。
	_ = p.Resume()
	if err := p.Signal(syscall.SIGTERM); err != nil && p.Running() {
		return err
	}
	select {
	case <-p.Exited():
		return p.cleanExit()
	case <-time.After(p.spec.Grace):
	}
	return errors.Join(
		fmt.Errorf("%s did not stop within %s of SIGTERM and was killed\n%s", p.spec.Name, p.spec.Grace, p.LogTail(failureLogLines)),
		p.Kill())
}

// cleanExit 把未处理 SIGTERM 而被它终止的进程也算作正常结束，其余的非零状态是错误。
func (p *Process) cleanExit() error {
	p.mu.Lock()
	exit := p.exit
	p.mu.Unlock()
	var status *exec.ExitError
	if exit == nil {
		return nil
	}
	if errors.As(exit, &status) {
		if ws, ok := status.Sys().(syscall.WaitStatus); ok && ws.Signaled() && ws.Signal() == syscall.SIGTERM {
			return nil
		}
		if status.Exited() && status.ExitCode() == p.spec.StopStatus {
			return nil
		}
	}
	return fmt.Errorf("%s did not stop cleanly: %w\n%s", p.spec.Name, exit, p.LogTail(failureLogLines))
}

// Kill 发 SIGKILL 并等进程消失：模拟断电，不给它收尾的机会。
func (p *Process) Kill() error {
	if !p.Running() {
		return nil
	}
	p.end()
	if err := p.Signal(syscall.SIGKILL); err != nil && p.Running() {
		return err
	}
	select {
	case <-p.Exited():
		return nil
	case <-time.After(defaultGrace):
		return fmt.Errorf("%s (pid %d) is still there %s after SIGKILL", p.spec.Name, p.PID(), defaultGrace)
	}
}

// Restart 以同样的参数、数据目录和端口重新启动（还在跑就先正常停止），并等它就绪。
func (p *Process) Restart(ctx context.Context) error {
	if err := p.Stop(); err != nil {
		return err
	}
	if err := p.launch(); err != nil {
		return err
	}
	return p.WaitReady(ctx)
}

// Reboot 断了电再起来：不给它收尾的机会。这一次可以多给几个参数，下一次不再有它们。
func (p *Process) Reboot(ctx context.Context, args ...string) error {
	if err := p.Kill(); err != nil {
		return err
	}
	usual := p.spec.Args
	p.spec.Args = slices.Concat(usual, args)
	defer func() { p.spec.Args = usual }()
	return p.Restart(ctx)
}

// LogFile 返回日志文件路径。
func (p *Process) LogFile() string { return p.spec.LogFile }

// LogTail 返回最后 n 行日志，前面标明来源。
func (p *Process) LogTail(n int) string { return LogTail(p.spec.Name, p.spec.LogFile, n) }

// LogTail 返回 file 的最后 n 行，前面标明是谁的日志、在哪里。
func LogTail(name, file string, n int) string {
	raw, err := os.ReadFile(file)
	if err != nil {
		return fmt.Sprintf("(the log of %s cannot be read: %v)", name, err)
	}
	lines := strings.Split(string(bytes.TrimRight(raw, "\n")), "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return fmt.Sprintf("last lines of %s:\n  %s", file, strings.Join(lines, "\n  "))
}
