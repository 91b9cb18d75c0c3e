package main

import "runtime/debug"

// release 由构建时的 -X main.release=… 写入；没有写入时取模块自己的版本。
var release string

func version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
