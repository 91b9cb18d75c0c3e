// Package core 声明独立模式下平台自己提供的核心种类：控制器、kubectl 与两条工具链都指望它们在，
// 而这里没有 kube-apiserver 来提供。k8s.io/api 的外部类型同时充当内部类型，不另造一份。
package core

import (
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubellm/kubellm/internal/registry"
)

// Groups 列出核心种类所在的组；eventTTL 是事件保留的时间。
func Groups(namespaces *registry.Resource[*corev1.Namespace, *corev1.NamespaceList], eventTTL time.Duration) []registry.Group {
	event := Event(eventTTL)
	return []registry.Group{
		{
			Name:      corev1.GroupName,
			Versions:  []schema.GroupVersion{corev1.SchemeGroupVersion},
			Resources: []registry.Installer{namespaces, Secret(), event},
			Protobuf:  true,
		},
		{
			Name:      eventsv1.GroupName,
			Versions:  []schema.GroupVersion{eventsv1.SchemeGroupVersion},
			Resources: []registry.Installer{modernEvent(event)},
			Protobuf:  true,
		},
		{
			Name:      coordinationv1.GroupName,
			Versions:  []schema.GroupVersion{coordinationv1.SchemeGroupVersion},
			Resources: []registry.Installer{Lease()},
			Protobuf:  true,
		},
	}
}
