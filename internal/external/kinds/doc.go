// Package kinds 列出外部层会驱动的平台种类：每个种类一个文件，只有描述，没有逻辑。
package kinds
