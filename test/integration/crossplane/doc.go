// Package crossplane 用真实的 etcd、kube-apiserver、平台服务器、控制器与 provider 进程检验 Crossplane 一侧的全部承诺。
// 只有测试；各测试共用一个平台与一个控制面，轮询间隔一小时，所以看到的修复都是推送来的。
package crossplane
