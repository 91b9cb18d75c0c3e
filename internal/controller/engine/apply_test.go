package engine

import (
	"encoding/json"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/kubellm/kubellm/test/harness"
)

// resources 是渲染的各个种类在成员上的名字。
var resources = map[string]schema.GroupVersionResource{
	"Namespace":             {Version: "v1", Resource: "namespaces"},
	"Secret":                {Version: "v1", Resource: "secrets"},
	"Service":               {Version: "v1", Resource: "services"},
	"PersistentVolumeClaim": {Version: "v1", Resource: "persistentvolumeclaims"},
	"Deployment":            {Group: "apps", Version: "v1", Resource: "deployments"},
	"ScaledObject":          {Group: "keda.sh", Version: "v1alpha1", Resource: "scaledobjects"},
	"LLMInferenceService":   {Group: "serving.kserve.io", Version: "v1alpha1", Resource: "llminferenceservices"},
}

// TestAMemberAcceptsWhatIsRendered 让真的 kube-apiserver 照 KServe 与 KEDA 自己发布的 CRD 逐个校验：
// 多一个它不认得的字段、少一个必填的，都要在这里现形。
func TestAMemberAcceptsWhatIsRendered(t *testing.T) {
	server := harness.NewKubeAPIServer(t, harness.KubeAPIServerOptions{})
	for _, crd := range []string{"llminferenceservices.yaml", "scaledobjects.yaml"} {
		harness.InstallCRD(t, server.Kubeconfig, crd)
	}
	harness.MustKubectl(t, server.Kubeconfig, "", "create", "namespace", base().Placement.Namespace)
	member, err := dynamic.NewForConfig(harness.Config(t, server.Kubeconfig))
	if err != nil {
		t.Fatal(err)
	}
	each(t, func(t *testing.T, in Input) {
		for _, object := range render(t, in) {
			if err := dryApply(t, member, object); err != nil {
				t.Errorf("the member refuses %s %s: %v", object.GetKind(), object.GetName(), err)
			}
		}
	})
	t.Run("TheCheckItself", func(t *testing.T) {
		object := ofKind(render(t, base()), "Deployment")
		if err := unstructured.SetNestedField(object.Object, true, "spec", "template", "spec", "noSuchField"); err != nil {
			t.Fatal(err)
		}
		if err := dryApply(t, member, object); !apierrors.IsBadRequest(err) && !apierrors.IsInternalError(err) {
			t.Errorf("a field that does not exist was accepted: %v", err)
		}
	})
}

// dryApply 是服务端应用的预演，不认得的字段算错。
func dryApply(t *testing.T, member dynamic.Interface, object *unstructured.Unstructured) error {
	t.Helper()
	content, err := json.Marshal(object.Object)
	if err != nil {
		t.Fatal(err)
	}
	options := metav1.PatchOptions{FieldManager: "kubellm", DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict}
	_, err = member.Resource(resources[object.GetKind()]).Namespace(object.GetNamespace()).Patch(t.Context(), object.GetName(), types.ApplyPatchType, content, options)
	return err
}

// TestKServeMakesTheCommand 命令是 KServe 的预设的：写了就盖掉它，引擎起不来。
func TestKServeMakesTheCommand(t *testing.T) {
	each(t, func(t *testing.T, in Input) {
		object := ofKind(render(t, in), "LLMInferenceService")
		if object == nil {
			t.Skip("not by KServe")
		}
		template, _, err := unstructured.NestedMap(object.Object, "spec", "template")
		if err != nil {
			t.Fatal(err)
		}
		var pod corev1.PodSpec
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(template, &pod); err != nil {
			t.Fatal(err)
		}
		if len(pod.Containers) != 1 || pod.Containers[0].Command != nil || pod.Containers[0].Args != nil {
			t.Error("the command is KServe's to make")
		}
	})
}
