// Package app 是控制器进程的命令、选项与装配。
package app

import (
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/kubellm/kubellm/internal/version"
)

// name 是程序、它的租约与它所记事件的名字。
const name = "kubellm-controller"

// NewCommand 返回根命令；用法错误写给人看，此后的一切写成 JSON 日志。
func NewCommand() *cobra.Command {
	options := NewOptions()
	cmd := &cobra.Command{
		Use:   name,
		Short: "Run the controllers of the KubeLLM platform",
		Long: "kubellm-controller keeps the status of users, role bindings, clusters and models up to date on a KubeLLM\n" +
			"platform server, gives every new user a default role binding, watches the member clusters and applies\n" +
			"to them what the models need. Several instances may run; the one that holds the lease works.",
		Version:      version.String(),
		Args:         cobra.NoArgs,
		SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			options.Complete()
			if err := errors.Join(options.Validate()...); err != nil {
				return fmt.Errorf("the command line is not usable:\n%w", err)
			}
			setLogger(options.LogLevel)
			if err := Run(cmd.Context(), options); err != nil {
				ctrl.Log.Error(err, "The controller stops because of an error")
				cmd.SilenceErrors = true
				return err
			}
			return nil
		},
	}
	options.AddFlags(cmd.Flags())
	return cmd
}

// setLogger 把 controller-runtime 与 client-go 的日志都写成标准错误上的 JSON。
func setLogger(level string) {
	logger := logr.FromSlogHandler(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: levels[level]}))
	ctrl.SetLogger(logger)
	klog.SetLogger(logger)
}
