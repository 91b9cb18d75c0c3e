// kubellm-controller 运行平台自己的控制器；它只通过 API 与平台服务器打交道，可以在任何地方运行。
package main

import (
	"os"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/kubellm/kubellm/cmd/kubellm-controller/app"
)

func main() {
	if err := app.NewCommand().ExecuteContext(ctrl.SetupSignalHandler()); err != nil {
		os.Exit(1)
	}
}
