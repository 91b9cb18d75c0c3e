package main

import (
	"context"
	"fmt"
)

// down 停止状态文件里记下的进程；数据与日志留着，下一次 make demo 才清掉。
func down(ctx context.Context, d *demo) error {
	if d.running() == 0 {
		if err := d.stop(ctx); err != nil {
			return err
		}
		fmt.Println("The demo is not running.")
		return nil
	}
	heading("Stopping what make demo started")
	if err := d.stop(ctx); err != nil {
		return err
	}
	say("the logs are still in %s", d.path("logs"))
	return nil
}
