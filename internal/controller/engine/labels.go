package engine

import (
	"maps"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	cluster "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	model "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

const (
	labelName      = "app.kubernetes.io/name"
	labelInstance  = "app.kubernetes.io/instance"
	labelComponent = "app.kubernetes.io/component"
	labelManagedBy = "app.kubernetes.io/managed-by"

	managedBy = "kubellm"

	// AnnotationCredentials 变了，副本就换；值是不透明的版本，看不出凭证。
	AnnotationCredentials = "model.kubellm.io/credentials-version"
	// AnnotationSource 在 Secret 上，是它为之而来的来源的摘要：来源没变，换来的凭证才给得了还照从前的样子跑着的。
	AnnotationSource = "model.kubellm.io/source"
	// LabelAutoscaled 在 Deployment 上，那里有过 ScaledObject、还没有看到它没了时有：
	// 不再自动伸缩之后，重启了的、接手了别人留下的，凭它知道还有一个要收。
	LabelAutoscaled = "model.kubellm.io/autoscaled"
)

// selector 选中一个模型在一个成员上的 Pod。它不可变，所以只用不会变的：名字而不是 UID，
// 这样以 Orphan 删除之后又建起来的同名模型接得回留下的 Deployment。
func selector(m *model.Model) map[string]string {
	return map[string]string{labelInstance: m.Name, labelManagedBy: managedBy}
}

// Selector 是选中这些 Pod 的写法，供 scale 子资源。KServe 的 Pod 上只有平台自己的标签。
func Selector(m *model.Model) string {
	if delivery(m) == model.DeliveryKServe {
		return labels.SelectorFromSet(map[string]string{model.LabelModelUID: string(m.UID)}).String()
	}
	return labels.SelectorFromSet(selector(m)).String()
}

// ownLabels 只有平台自己的：凭它们观察与收走。
func ownLabels(in Input) map[string]string {
	return map[string]string{model.LabelModelUID: string(in.Model.UID), cluster.LabelClusterUID: clusterUID(in)}
}

// objectLabels 在放到成员上的每个对象上：收走时凭后两个认，引擎的名字给看的人。
func objectLabels(in Input) map[string]string {
	l := selector(in.Model)
	l[labelName], l[labelComponent] = binary(in.Model.Spec.Engine.Type), "model-server"
	maps.Copy(l, ownLabels(in))
	return l
}

func clusterUID(in Input) string {
	if in.Placement.ClusterUID != "" {
		return in.Placement.ClusterUID
	}
	return string(in.Cluster.UID)
}

// objectMeta 是模型命名空间里一个对象的元数据；suffix 接在模型的名字后面。
func objectMeta(in Input, suffix string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: in.Model.Name + suffix, Namespace: Namespace(in), Labels: objectLabels(in)}
}
