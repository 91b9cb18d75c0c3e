//go:build race

package crossplane

// raceBuild 让 provider 进程也带着竞态检测；测到竞态的进程以非零状态退出，测试随之失败。
const raceBuild = true
