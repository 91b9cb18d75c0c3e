// provider 是 Crossplane 的 KubeLLM provider：把控制面里的托管资源变成平台上的对象，并让它们保持一致。
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/pflag"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

// command 解析参数并运行到 ctx 结束。
func command(ctx context.Context, args []string) error {
	flags := defaultOptions()
	err := flags.parse(args)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return nil
	case err != nil:
		return fmt.Errorf("%w; --help lists the flags", err)
	case flags.version:
		_, err := fmt.Println(version())
		return err
	}
	return run(ctx, flags)
}
