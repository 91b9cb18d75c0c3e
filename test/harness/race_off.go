//go:build !race

package harness

// raceEnabled 为真时测试程序带着竞争检测器，它启动的本仓库部件也就带上：多数并发发生在那些进程里。
const raceEnabled = false
