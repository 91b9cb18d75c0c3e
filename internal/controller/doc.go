// Package controller 之下是平台自己的控制器，一个种类一个包；index 与 status 是它们共用的两块。
package controller
