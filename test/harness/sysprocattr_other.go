//go:build !linux

package harness

import "syscall"

// sysProcAttr 让演示的进程自成会话，终端里的 Ctrl-C 和启动者的退出都不波及它们。
// 这里的系统没有"父进程死则死"，测试的进程留在同一进程组里随 Ctrl-C 结束。
func sysProcAttr(detached bool) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: detached}
}
