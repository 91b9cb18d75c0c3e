// Command terraform-provider-kubellm 是 Terraform 与 OpenTofu 的插件进程，由它们启动，不由人直接运行。
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"

	"github.com/kubellm/kubellm/internal/version"
	"github.com/kubellm/kubellm/terraform-provider/internal/provider"
)

func main() {
	debug := flag.Bool("debug", false, "print the TF_REATTACH_PROVIDERS value and wait, so that a debugger can be attached")
	flag.Parse()

	err := providerserver.Serve(context.Background(), provider.New(version.String()), providerserver.ServeOpts{
		Address:         "registry.terraform.io/kubellm/kubellm",
		Debug:           *debug,
		ProtocolVersion: 6,
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "terraform-provider-kubellm: serve the plugin protocol:", err)
		os.Exit(1)
	}
}
