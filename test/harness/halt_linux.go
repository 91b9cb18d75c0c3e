package harness

import (
	"errors"

	"golang.org/x/sys/unix"
)

// awaitHalted 等到进程的每个线程都停住。kill(2) 返回时信号只是挂上了，机器忙的时候线程还会跑上十几毫秒，足够回答一个请求；
// waitid(2) 在最后一个线程停住时才返回。WNOWAIT 把退出状态留给 Wait 去收。
func awaitHalted(pid int) error {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WSTOPPED|unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
