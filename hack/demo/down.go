package main

import (
	"context"
	"fmt"
)

// down 停止状态文件里记下的进程，再连同数据与日志一起收走；有一个停不掉就都留着，好让人去看。
func down(ctx context.Context, d *demo) error {
	if d.running() > 0 {
		heading("Stopping what make demo started")
	} else {
		fmt.Println("The demo is not running.")
	}
	if err := d.stop(ctx); err != nil {
		return err
	}
	return d.clear()
}
