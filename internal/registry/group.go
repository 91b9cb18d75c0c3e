package registry

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apiserver/pkg/registry/generic"
	"k8s.io/apiserver/pkg/registry/rest"
	genericapiserver "k8s.io/apiserver/pkg/server"
)

// Installer 是去掉类型参数之后的种类声明，让一个组能把不同类型的种类放进同一张表。
type Installer interface {
	GroupResource() schema.GroupResource
	Install(scheme *runtime.Scheme, versions []schema.GroupVersion, getter generic.RESTOptionsGetter, housing Housing, into map[string]rest.Storage) error
}

// Tidier 是启动之后有东西要收拾的种类。
type Tidier interface {
	// TidyUp 收拾上一个进程断在半路的东西；返回错误表示没做完，可以再来。
	TidyUp(ctx context.Context) error
}

// Group 是一个 API 组：它的外部版本（优先者在前）与种类。
type Group struct {
	Name      string
	Versions  []schema.GroupVersion
	Resources []Installer
	// Protobuf 表示类型有 protobuf 形式；client-go 对核心种类默认就用它。
	Protobuf bool
}

// APIGroupInfo 构造服务端安装一个组所需的一切；同一份存储服务于全部版本，housing 管着它们放进命名空间的东西。
func (g Group) APIGroupInfo(scheme *runtime.Scheme, codecs serializer.CodecFactory, getter generic.RESTOptionsGetter, housing Housing) (*genericapiserver.APIGroupInfo, error) {
	storage := map[string]rest.Storage{}
	for _, resource := range g.Resources {
		if err := resource.Install(scheme, g.Versions, getter, housing, storage); err != nil {
			return nil, fmt.Errorf("install %s: %w", resource.GroupResource(), err)
		}
	}
	info := genericapiserver.NewDefaultAPIGroupInfo(g.Name, scheme, runtime.NewParameterCodec(scheme), codecs)
	if !g.Protobuf {
		info.NegotiatedSerializer = withoutProtobuf{codecs}
	}
	for _, version := range g.Versions {
		info.VersionedResourcesStorageMap[version.Version] = storage
	}
	return &info, nil
}

// withoutProtobuf 不提供 protobuf：平台自己的种类没有 protobuf 形式，提供了却编不出来，
// 优先要 protobuf、其次要 JSON 的客户端就会得到 406 而不是 JSON。
type withoutProtobuf struct {
	serializer.CodecFactory
}

func (w withoutProtobuf) SupportedMediaTypes() []runtime.SerializerInfo {
	return slices.DeleteFunc(slices.Clone(w.CodecFactory.SupportedMediaTypes()), func(info runtime.SerializerInfo) bool {
		return info.MediaType == runtime.ContentTypeProtobuf
	})
}
