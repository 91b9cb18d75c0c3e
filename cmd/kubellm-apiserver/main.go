// kubellm-apiserver 是平台的 API 服务器：不带参数即以内嵌 etcd 独立运行。
package main

import (
	"os"

	"k8s.io/component-base/cli"

	"github.com/kubellm/kubellm/cmd/kubellm-apiserver/app"
)

func main() {
	os.Exit(cli.Run(app.NewCommand()))
}
