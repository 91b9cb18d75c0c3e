//go:build !linux

package harness

import (
	"context"
	"errors"
	"os/exec"
	"strconv"
	"strings"
)

// awaitHalted 等到 ps 说进程停住了：这里的系统不能只看停住而不收走退出状态。
func awaitHalted(pid int) error {
	return Wait(context.Background(), "process "+strconv.Itoa(pid)+" to halt", func(ctx context.Context) error {
		state, err := exec.CommandContext(ctx, "ps", "-o", "state=", "-p", strconv.Itoa(pid)).Output()
		if err != nil {
			return Permanent(err)
		}
		if !strings.HasPrefix(string(state), "T") {
			return errors.New("it still runs")
		}
		return nil
	})
}
