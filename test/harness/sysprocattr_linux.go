package harness

import "syscall"

// sysProcAttr 让演示的进程自成会话，终端里的 Ctrl-C 和启动者的退出都不波及它们；
// 测试的进程则随测试程序一起结束，超时或 panic 时来不及清理也不会留下孤儿。
func sysProcAttr(detached bool) *syscall.SysProcAttr {
	if detached {
		return &syscall.SysProcAttr{Setsid: true}
	}
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
