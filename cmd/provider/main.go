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

	"github.com/kubellm/kubellm/internal/version"
)

func main() {
	if err := command(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

// command 解析参数并运行，直到收到停止的信号。
func command(args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	flags := defaultOptions()
	err := flags.parse(args)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return nil
	case err != nil:
		return fmt.Errorf("%w; --help lists the flags", err)
	case flags.version:
		_, err := fmt.Println(version.String())
		return err
	}
	return run(ctx, flags)
}
