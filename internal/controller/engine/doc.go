// Package engine 把一个 Model 的一处放置渲染成成员集群上的对象。它是纯函数：同样的输入总是同样的输出，
// 所以事先的计划与真正应用的是同一份。命令一律是 exec 形式的参数列表，从不经过 shell。
// 输入要先经过 apis/model/validation；那里拒绝的组合，这里不再解释。
package engine
