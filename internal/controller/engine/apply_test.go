package engine

import (
	"context"
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	kjson "sigs.k8s.io/json"

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

// TestAMemberAcceptsWhatIsRendered 让真的 kube-apiserver 逐个校验：多一个它不认得的字段、少一个必填的，都要在这里现形。
func TestAMemberAcceptsWhatIsRendered(t *testing.T) {
	server := harness.NewKubeAPIServer(t, harness.KubeAPIServerOptions{})
	crds, err := filepath.Glob(filepath.Join("testdata", "crds", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, crd := range crds {
		harness.MustKubectl(t, server.Kubeconfig, "", "create", "-f", crd)
	}
	harness.MustKubectl(t, server.Kubeconfig, "", "create", "namespace", base().Placement.Namespace)
	config, err := harness.RESTConfig(server.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	member, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"ScaledObject", "LLMInferenceService"} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := harness.Wait(ctx, "the member serves "+kind, func(ctx context.Context) error {
			_, err := member.Resource(resources[kind]).List(ctx, metav1.ListOptions{})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
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

// TestTheTemplateForKServeIsAPod 它的 CRD 有几万行，模板照 Pod 的类型校验就够。
func TestTheTemplateForKServeIsAPod(t *testing.T) {
	each(t, func(t *testing.T, in Input) {
		object := ofKind(render(t, in), "LLMInferenceService")
		if object == nil {
			t.Skip("not by KServe")
		}
		template, _, err := unstructured.NestedMap(object.Object, "spec", "template")
		if err != nil {
			t.Fatal(err)
		}
		content, err := json.Marshal(template)
		if err != nil {
			t.Fatal(err)
		}
		var pod corev1.PodSpec
		strict, err := kjson.UnmarshalStrict(content, &pod)
		if err != nil || len(strict) > 0 {
			t.Errorf("the template is no pod: %v %v", err, strict)
		}
		if len(pod.Containers) != 1 || pod.Containers[0].Command != nil || pod.Containers[0].Args != nil {
			t.Error("the command is KServe's to make")
		}
	})
}
