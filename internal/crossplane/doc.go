// Package crossplane 是外部层（internal/external）之上的 Crossplane 适配器：一个通用的连接器与外部客户端、
// 一个通用的 Setup，驱动所有种类和两种作用域。种类只在 kinds.go 里各占一行。
//
// 一个托管资源的路：种类的控制器（setup.go）→ 外部名（names.go）与引用 → 凭据（credentials.go）→
// 共享的 Platform → 观察、创建、更新、删除（external.go）。平台上的变化由外部层的监视推送回来（drift.go），
// 轮询只是兜底。
package crossplane
