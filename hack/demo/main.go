// demo 在一台机器上把整个平台跑起来给人看：同一个平台由 kubectl、Crossplane 与 Terraform 同时驱动，
// 全是真实的部件。make demo 运行 up，make demo-down 运行 down。
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/kubellm/kubellm/test/harness"
)

func main() {
	root, err := harness.Root()
	if err == nil {
		err = run(os.Args[1:], root, filepath.Join(root, ".demo"), filepath.Join(root, "bin"))
	}
	report(err)
}

// report 把失败说给人听，并让 make 知道。
func report(err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "\nThe demo failed: %v\n", err)
		os.Exit(1)
	}
}

// run 选出命令并执行；Ctrl-C 与 SIGTERM 让它停下并收拾干净。
func run(args []string, root, dir, bin string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	commands := map[string]func(context.Context, *demo) error{"up": up, "down": down}
	if len(args) != 1 || commands[args[0]] == nil {
		return fmt.Errorf("usage: demo up|down; make demo and make demo-down run it")
	}
	d, err := newDemo(root, dir, bin)
	if err != nil {
		return err
	}
	// 例子以相对路径给出，印出的命令在仓库根目录里原样可用。
	if err := os.Chdir(d.root); err != nil {
		return fmt.Errorf("enter the repository: %w", err)
	}
	return commands[args[0]](ctx, d)
}
