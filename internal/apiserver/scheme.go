package apiserver

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"

	clusterinstall "github.com/kubellm/kubellm/apis/cluster/install"
	iaminstall "github.com/kubellm/kubellm/apis/iam/install"
)

var (
	// Scheme 登记服务端认识的全部类型。
	Scheme = runtime.NewScheme()
	// Codecs 由 Scheme 得到编解码器；长列表边编码边发送，不在内存里攒出整份。
	Codecs = serializer.NewCodecFactory(Scheme, serializer.WithStreamingCollectionEncodingToJSON())
)

func init() {
	iaminstall.Install(Scheme)
	clusterinstall.Install(Scheme)

	// 这些类型不属于任何平台的组，但每个 API 服务器都要能说。
	unversioned := schema.GroupVersion{Version: "v1"}
	metav1.AddToGroupVersion(Scheme, unversioned)
	Scheme.AddUnversionedTypes(unversioned,
		&metav1.Status{}, &metav1.APIVersions{}, &metav1.APIGroupList{}, &metav1.APIGroup{}, &metav1.APIResourceList{})
}
