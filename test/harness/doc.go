// Package harness 把真实的部件（etcd、kube-apiserver、带假节点的成员集群、平台服务器、控制器、Crossplane 提供者）作为进程
// 启动在本机空闲端口上；集成测试和 make demo 共用它，所以测试看到的就是演示里跑的。
package harness
