package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/kubellm/kubellm/test/harness"
)

// grace 是 make demo-down 给每个部件收尾的时间。
const grace = 20 * time.Second

// demo 是演示的落脚处与它启动的进程；状态文件让另一次运行能停止恰好这些进程。
type demo struct {
	// root 是仓库，dir 放这次演示的一切，bin 是 make build 构建的部件所在。
	root, dir, bin string
	started        []harness.Record
	// written 是这一幕开始时各日志的长短，见 mark。
	written map[string]int64
}

func newDemo(root, dir, bin string) (*demo, error) {
	d := &demo{root: root, dir: dir, bin: bin}
	raw, err := os.ReadFile(d.path("state.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return d, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what an earlier demo started: %w", err)
	}
	if err := json.Unmarshal(raw, &d.started); err != nil {
		return nil, fmt.Errorf("read what an earlier demo started from %s: %w", d.path("state.json"), err)
	}
	return d, nil
}

// binary 返回本仓库构建的部件的路径。
func (d *demo) binary(name string) string { return filepath.Join(d.bin, name) }

// clear 收走演示的目录：数据、凭据与日志。
func (d *demo) clear() error {
	if _, err := os.Stat(d.dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := os.RemoveAll(d.dir); err != nil {
		return fmt.Errorf("remove what the demo wrote: %w", err)
	}
	say("removed %s with its data and logs", d.dir)
	return nil
}

// path 返回演示目录里的路径。
func (d *demo) path(elements ...string) string {
	return filepath.Join(append([]string{d.dir}, elements...)...)
}

// remember 在每个部件启动后立即落盘：此后无论怎样中断，都停得掉它。
func (d *demo) remember(p *harness.Process) error {
	record, err := p.Record()
	if err != nil {
		return errors.Join(err, p.Stop())
	}
	d.started = append(d.started, record)
	raw, err := json.MarshalIndent(d.started, "", "  ")
	if err != nil {
		return errors.Join(fmt.Errorf("encode the demo's state: %w", err), p.Stop())
	}
	if err := os.WriteFile(d.path("state.json"), append(raw, '\n'), 0o600); err != nil {
		return errors.Join(fmt.Errorf("save the demo's state: %w", err), p.Stop())
	}
	return nil
}

// running 数出还在跑的部件。
func (d *demo) running() int {
	count := 0
	for _, record := range d.started {
		if record.Running() {
			count++
		}
	}
	return count
}

// stop 按启动的相反次序停止：先是客户端，最后才是存储。
func (d *demo) stop(ctx context.Context) error {
	var errs []error
	for _, record := range slices.Backward(d.started) {
		if !record.Running() {
			continue
		}
		say("stopping %s (pid %d)", record.Name, record.PID)
		errs = append(errs, record.Stop(ctx, grace))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	d.started = nil
	if err := os.Remove(d.path("state.json")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget the demo's state: %w", err)
	}
	return nil
}
