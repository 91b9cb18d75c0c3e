// Package external 是从外部驱动平台的唯一一层：观察、比较、应用、接管、删除、监视与错误分类都只在这里写一次。
// Crossplane 与 Terraform 的适配器只把自己的对象翻译成 Desired，再把 Observation 与 Error 翻译回去；
// 本包因此不认识其中任何一个工具链。
//
// 每个种类由一个 Kind 描述（见 kinds 子包）；一份凭据对应一个 Platform，同一凭据的所有资源共用它的
// 连接、缓存与指标；Client 是某个种类在某个 Platform 上的轻量句柄。
package external
