// Package apiserver 以陌生使用者的眼光检验平台服务器：它作为进程运行，请求来自真实的 kubectl、
// 生成的客户端和裸 HTTP；每个测试断言的是应有的行为，而不是现有的实现。
package apiserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/kubellm/kubellm/test/harness"
)

// shared 是大多数测试共用的服务器；会停掉或弄坏服务器的测试各自另起一个。
var shared *platform

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// run 启动共用的服务器，跑完测试，停下它，再查它的日志：全部测试走过之后日志才完整。
func run(m *testing.M) (code int, err error) {
	ctx := context.Background()
	binary, err := harness.Build(ctx, "kubellm-apiserver")
	if err != nil {
		return 1, err
	}
	dir, err := os.MkdirTemp("", "kubellm-shared-")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	started, err := harness.StartPlatform(ctx, harness.PlatformOptions{Binary: binary, Dir: dir, Args: []string{"--v=2"}})
	if err != nil {
		return 1, err
	}
	if shared, err = adopt(started); err != nil {
		return 1, errors.Join(err, started.Stop())
	}
	code = m.Run()
	if code != 0 {
		fmt.Fprintln(os.Stderr, started.LogTail(20))
	}
	return code, errors.Join(started.Stop(), inspectLog(started.LogFile()))
}
