package model

import (
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupName 是模型资源的 API 组名。
const GroupName = "model.kubellm.io"

// SchemeGroupVersion 是内部版本的组版本。
var SchemeGroupVersion = schema.GroupVersion{Group: GroupName, Version: runtime.APIVersionInternal}

var (
	schemeBuilder = runtime.NewSchemeBuilder(addKnownTypes)
	// AddToScheme 登记内部类型。
	AddToScheme = schemeBuilder.AddToScheme
)

// Kind 返回带组名的 GroupKind，用于错误与校验信息。
func Kind(kind string) schema.GroupKind { return SchemeGroupVersion.WithKind(kind).GroupKind() }

// Resource 返回带组名的 GroupResource。
func Resource(resource string) schema.GroupResource {
	return SchemeGroupVersion.WithResource(resource).GroupResource()
}

func addKnownTypes(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(SchemeGroupVersion,
		&Model{}, &ModelList{},
		&ModelCredentials{},
	)
	return nil
}
