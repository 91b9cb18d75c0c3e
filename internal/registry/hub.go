package registry

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
)

// RegisterAsHub 登记上游的外部类型，让它们同时充当内部类型，不另造一份。
// 外部的先登记：错误信息取先登记的那个名字。
func RegisterAsHub(scheme *runtime.Scheme, version schema.GroupVersion, types ...runtime.Object) {
	scheme.AddKnownTypes(version, types...)
	scheme.AddKnownTypes(HubVersion(version), types...)
	metav1.AddToGroupVersion(scheme, version)
	utilruntime.Must(scheme.SetVersionPriority(version))
}

// HubVersion 是一个组的内部版本。
func HubVersion(version schema.GroupVersion) schema.GroupVersion {
	return schema.GroupVersion{Group: version.Group, Version: runtime.APIVersionInternal}
}
