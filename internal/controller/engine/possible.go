package engine

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	model "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// possible 是一个模型可能有的对象的种类与名字的后缀。
var possible = []struct {
	kind   schema.GroupVersionKind
	suffix string
}{
	{corev1.SchemeGroupVersion.WithKind("Secret"), credentialsSuffix},
	{corev1.SchemeGroupVersion.WithKind("Secret"), pullSuffix},
	{corev1.SchemeGroupVersion.WithKind("PersistentVolumeClaim"), cacheSuffix},
	{appsv1.SchemeGroupVersion.WithKind("Deployment"), ""},
	{corev1.SchemeGroupVersion.WithKind("Service"), ""},
	{schema.FromAPIVersionAndKind(kedaVersion, "ScaledObject"), ""},
	{schema.FromAPIVersionAndKind(kserveVersion, "LLMInferenceService"), ""},
}

// Possible 是叫这个名字的模型可能有的对象，不管此刻要不要：同名的 Model 留下过的都在其中。命名空间是共用的，不算。
func Possible(in Input) []*metav1.PartialObjectMetadata {
	all := make([]*metav1.PartialObjectMetadata, 0, len(possible))
	for _, p := range possible {
		object := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: in.Model.Name + p.suffix, Namespace: Namespace(in)}}
		object.SetGroupVersionKind(p.kind)
		all = append(all, object)
	}
	return all
}

// PlacedFor 报告有这些标签的对象是平台为叫这个名字的模型放的，不管是哪一个。
func PlacedFor(m *model.Model, placed map[string]string) bool {
	return placed[model.LabelModelUID] != "" && labels.SelectorFromSet(selector(m)).Matches(labels.Set(placed))
}
