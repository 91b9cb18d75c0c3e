// Package app 是 kubellm-apiserver 的命令行：读配置、一次报出全部错误、然后运行。
package app

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	genericapiserver "k8s.io/apiserver/pkg/server"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/component-base/logs"
	"k8s.io/component-base/term"

	"github.com/kubellm/kubellm/cmd/kubellm-apiserver/app/options"
	"github.com/kubellm/kubellm/cmd/kubellm-apiserver/app/server"
	"github.com/kubellm/kubellm/internal/version"
)

// NewCommand 构造根命令。
func NewCommand() *cobra.Command {
	opts := options.New()
	flags := opts.Flags()
	command := &cobra.Command{
		Use:   "kubellm-apiserver",
		Short: "The API server of the KubeLLM platform",
		Long: `The API server of the KubeLLM platform.

Without flags it runs standalone: with an embedded etcd, its own certificate
authority and its own RBAC. The kubeconfig of the administrator is written to
<data-dir>/admin.kubeconfig.`,
		Version:       version.String(),
		SilenceUsage:  true,
		SilenceErrors: false,
		Args:          cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return run(command, opts)
		},
	}
	for _, set := range flags.FlagSets {
		command.Flags().AddFlagSet(set)
	}
	columns, _, _ := term.TerminalSize(command.OutOrStdout())
	cliflag.SetUsageAndHelpFunc(command, flags, columns)
	return command
}

func run(command *cobra.Command, opts *options.Options) error {
	if err := opts.LoadFile(command.Flags()); err != nil {
		return err
	}
	if err := opts.Complete(); err != nil {
		return fmt.Errorf("complete the configuration: %w", err)
	}
	if errs := opts.Validate(); len(errs) > 0 {
		return fmt.Errorf("the configuration is not usable:\n%w", errors.Join(errs...))
	}
	if err := opts.ApplyLogging(); err != nil {
		return err
	}
	defer logs.FlushLogs()
	return server.Run(genericapiserver.SetupSignalContext(), opts)
}
