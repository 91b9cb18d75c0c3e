package apiserver

import (
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	clusterinstall "github.com/kubellm/kubellm/apis/cluster/install"
	iaminstall "github.com/kubellm/kubellm/apis/iam/install"
	modelinstall "github.com/kubellm/kubellm/apis/model/install"
	"github.com/kubellm/kubellm/internal/credentials"
	"github.com/kubellm/kubellm/internal/registry"
	"github.com/kubellm/kubellm/internal/registry/core"
	"github.com/kubellm/kubellm/internal/registry/review"
)

var (
	// Scheme 登记服务端认识的全部类型。
	Scheme = runtime.NewScheme()
	// Codecs 由 Scheme 得到编解码器；长列表边编码边发送，不在内存里攒出整份。
	Codecs = serializer.NewCodecFactory(Scheme, serializer.WithStreamingCollectionEncodingToJSON(), serializer.WithStreamingCollectionEncodingToProtobuf())
)

func init() {
	iaminstall.Install(Scheme)
	clusterinstall.Install(Scheme)
	modelinstall.Install(Scheme)
	registry.RegisterAsHub(Scheme, autoscalingv1.SchemeGroupVersion, &autoscalingv1.Scale{})
	core.Install(Scheme)
	review.Install(Scheme)
	utilruntime.Must(credentials.AddToScheme(Scheme))

	// 这些类型不属于任何平台的组，但每个 API 服务器都要能说。
	unversioned := schema.GroupVersion{Version: "v1"}
	metav1.AddToGroupVersion(Scheme, unversioned)
	Scheme.AddUnversionedTypes(unversioned,
		&metav1.Status{}, &metav1.APIVersions{}, &metav1.APIGroupList{}, &metav1.APIGroup{}, &metav1.APIResourceList{})
}
