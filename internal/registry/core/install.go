package core

import (
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"github.com/kubellm/kubellm/internal/registry"
)

// Install 只登记真正提供的类型。
func Install(scheme *runtime.Scheme) {
	registry.RegisterAsHub(scheme, corev1.SchemeGroupVersion,
		&corev1.Namespace{}, &corev1.NamespaceList{},
		&corev1.Secret{}, &corev1.SecretList{},
		&corev1.Event{}, &corev1.EventList{},
	)
	registry.RegisterAsHub(scheme, coordinationv1.SchemeGroupVersion, &coordinationv1.Lease{}, &coordinationv1.LeaseList{})
	installEvents(scheme)
	scheme.AddTypeDefaultingFunc(&corev1.Secret{}, func(obj any) { foldStringData(obj.(*corev1.Secret)) })
}

// installEvents 让 events.k8s.io 的事件以核心组的事件为内部类型，两个组因此读写同一份数据。
func installEvents(scheme *runtime.Scheme) {
	external := eventsv1.SchemeGroupVersion
	scheme.AddKnownTypes(external, &eventsv1.Event{}, &eventsv1.EventList{})
	scheme.AddKnownTypes(registry.HubVersion(external), &corev1.Event{}, &corev1.EventList{})
	metav1.AddToGroupVersion(scheme, external)
	utilruntime.Must(scheme.SetVersionPriority(external))
	utilruntime.Must(addEventConversions(scheme))
}
