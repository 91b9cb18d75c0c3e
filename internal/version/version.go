// Package version 说出这个程序是哪一版；发布时由链接参数写入。
package version

// version 由 -ldflags "-X github.com/kubellm/kubellm/internal/version.version=v1.2.3" 覆盖。
var version = "v0.1.0-dev"

// String 返回版本号，形如 v0.1.0。
func String() string { return version }
