package engine

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	cluster "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	model "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// Input 是一处放置的全部所知。
type Input struct {
	Model     *model.Model
	Cluster   *cluster.Cluster
	Placement model.ModelPlacement
	// Credentials 只含 CredentialKeys 说的那些；计划里为 nil，那时凭 Model 自己看会不会有。
	Credentials map[string][]byte
	// Held 是内容不在手上时有的那些凭证：此时 Secret 只有键，填上内容之前不能放上去。
	Held sets.Set[string]
	// CredentialsVersion 是不透明的版本：凭证换了，它就变，副本随之重启。
	CredentialsVersion string
}

// Render 按应用的次序返回对象，就是 Manifests 打印的那些，另加 Secret 的内容：
// Namespace、Secret、PersistentVolumeClaim，然后 Deployment、Service、ScaledObject，或者 LLMInferenceService。
func Render(in Input) ([]client.Object, error) {
	in.Model = defaulted(in.Model)
	e, err := engineOf(in.Model)
	if err != nil {
		return nil, err
	}
	objects := []client.Object{namespaceOf(in)}
	objects = append(objects, secrets(in)...)
	if delivery(in.Model) == model.DeliveryKServe {
		service, err := llmInferenceService(in)
		if err != nil {
			return nil, err
		}
		objects = append(objects, service)
	} else {
		objects = append(objects, deployed(in, e)...)
	}
	for i, object := range objects {
		if objects[i], err = plain(object); err != nil {
			return nil, fmt.Errorf("render %s %s for model %s/%s on cluster %s: %w",
				object.GetObjectKind().GroupVersionKind().Kind, object.GetName(), in.Model.Namespace, in.Model.Name, in.Placement.Cluster, err)
		}
	}
	return objects, nil
}

// deployed 是平台自己运行引擎时的对象。
func deployed(in Input, e backend) []client.Object {
	var objects []client.Object
	if in.Model.Spec.Cache != nil {
		objects = append(objects, cacheClaim(in))
	}
	objects = append(objects, deployment(in, e), service(in))
	if in.Model.Spec.Scaling.Autoscaling != nil {
		objects = append(objects, scaledObject(in, e))
	}
	return objects
}

// defaulted 补上没写的；来自服务端的已经补过，那时什么也不变。
func defaulted(m *model.Model) *model.Model {
	m = m.DeepCopy()
	spec := &m.Spec
	model.SetDefaults_ModelSpec(spec)
	model.SetDefaults_Engine(&spec.Engine)
	model.SetDefaults_Resources(spec.Resources)
	if spec.Resources.Accelerator != nil {
		model.SetDefaults_AcceleratorRequest(spec.Resources.Accelerator)
	}
	model.SetDefaults_Scaling(spec.Scaling)
	if spec.Scaling.Autoscaling != nil {
		model.SetDefaults_Autoscaling(spec.Scaling.Autoscaling)
	}
	if spec.Cache != nil {
		model.SetDefaults_Cache(spec.Cache)
	}
	model.SetDefaults_Rollout(spec.Rollout)
	return m
}

// plain 去掉状态与空着的 spec，只留要应用的：写出来的就归我们了，哪怕是空的。
func plain(object client.Object) (client.Object, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return nil, err
	}
	delete(content, "status")
	if spec, ok := content["spec"].(map[string]any); ok && len(spec) == 0 {
		delete(content, "spec")
	}
	return &unstructured.Unstructured{Object: content}, nil
}

// Endpoint 是成员集群里请求模型的地址。KServe 的由它自己决定，在它的状态里。
func Endpoint(in Input) string {
	if delivery(in.Model) == model.DeliveryKServe {
		return ""
	}
	return fmt.Sprintf("http://%s.%s.svc:%d/v1", in.Model.Name, Namespace(in), port)
}

// Namespace 是成员上放这个模型的命名空间。
func Namespace(in Input) string {
	if in.Placement.Namespace != "" {
		return in.Placement.Namespace
	}
	return ptr.Deref(in.Cluster.Spec.WorkloadNamespacePrefix, cluster.DefaultWorkloadNamespacePrefix) + in.Model.Namespace
}

// Image 是在用的镜像；交给 KServe 又没有指定时由它决定，答空。
func Image(m *model.Model) string {
	if image := ptr.Deref(m.Spec.Engine.Image, ""); image != "" {
		return image
	}
	e, err := engineOf(m)
	if err != nil || delivery(m) == model.DeliveryKServe {
		return ""
	}
	return e.image(accelerated(m))
}

// ServedName 是请求里的模型名。
func ServedName(m *model.Model) string { return ptr.Deref(m.Spec.ServedName, m.Name) }

func delivery(m *model.Model) model.Delivery {
	return ptr.Deref(m.Spec.Engine.Delivery, model.DeliveryDeployment)
}

func suspended(m *model.Model) bool { return ptr.Deref(m.Spec.Suspended, false) }

// accelerated 说副本用不用加速器。
func accelerated(m *model.Model) bool {
	return m.Spec.Resources != nil && m.Spec.Resources.Accelerator != nil
}

// namespaceOf 只带标签：成员上的命名空间归成员的管理员，安全级别一类的从不改。
// 同一命名空间里的模型共用它，所以没有哪个模型的 UID。
func namespaceOf(in Input) client.Object {
	return &corev1.Namespace{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
		ObjectMeta: metav1.ObjectMeta{Name: Namespace(in), Labels: map[string]string{
			labelManagedBy: managedBy, cluster.LabelClusterUID: clusterUID(in),
		}},
	}
}
