package crossplane

import (
	"fmt"
	"testing"

	xpv2 "github.com/crossplane/crossplane/apis/v2/core/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/crossplane/crossplane-runtime/v2/pkg/resource"

	clusterscopedmodel "github.com/kubellm/kubellm/apis/managed/clusterscoped/model/v1alpha1"
	forprovider "github.com/kubellm/kubellm/apis/managed/forprovider/model/v1alpha1"
	"github.com/kubellm/kubellm/apis/managed/forprovider/secret"
	namespacedmodel "github.com/kubellm/kubellm/apis/managed/namespaced/model/v1alpha1"
	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// modelScopes 是两种作用域；同样的测试两边都跑。模型在平台上与 ns 同名的命名空间里，凭据与连接 Secret 在控制面的 ns 里。
var modelScopes = map[string]func(ns, name string) modelResource{
	"namespaced": func(ns, name string) modelResource {
		mg := &namespacedmodel.Model{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}}
		mg.Spec.ForProvider.CredentialsSecretRef = &secret.SetReference{Name: name}
		mg.Spec.WriteConnectionSecretToReference = &xpv2.LocalSecretReference{Name: name + "-connection"}
		return modelResource{Managed: mg, params: smallModel(&mg.Spec.ForProvider.ModelParameters),
			seen:   func() *forprovider.ModelObservation { return mg.Status.AtProvider },
			gave:   func() *secret.Handover { return mg.Status.Credentials },
			plural: "models.model.kubellm.m.crossplane.io"}
	},
	"cluster-scoped": func(ns, name string) modelResource {
		mg := &clusterscopedmodel.Model{ObjectMeta: metav1.ObjectMeta{Name: name}}
		mg.Spec.ForProvider.Namespace = ns
		mg.Spec.ForProvider.CredentialsSecretRef = &secret.NamespacedSetReference{Namespace: ns, SetReference: secret.SetReference{Name: name}}
		mg.Spec.WriteConnectionSecretToReference = &xpv2.SecretReference{Namespace: ns, Name: name + "-connection"}
		return modelResource{Managed: mg, params: smallModel(&mg.Spec.ForProvider.ModelParameters),
			seen:   func() *forprovider.ModelObservation { return mg.Status.AtProvider },
			gave:   func() *secret.Handover { return mg.Status.Credentials },
			plural: "models.model.kubellm.crossplane.io"}
	},
}

// modelResource 是两种作用域之一的模型，连同它共用的那部分。
type modelResource struct {
	resource.Managed
	params *forprovider.ModelParameters
	seen   func() *forprovider.ModelObservation
	gave   func() *secret.Handover
	plural string
}

// smallModel 写上一个模型最少要写的。
func smallModel(params *forprovider.ModelParameters) *forprovider.ModelParameters {
	params.Source = &forprovider.ModelSource{HuggingFace: &forprovider.HuggingFaceSource{Repo: "Qwen/Qwen3-8B"}}
	params.Engine = &forprovider.Engine{Type: ptrTo(modelv1alpha1.EngineVLLM)}
	return params
}

// model 取平台上的模型，必须存在。
func (p *platformServer) model(t *testing.T, ns, name string) *modelv1alpha1.Model {
	t.Helper()
	found, err := p.iam.ModelV1alpha1().Models(ns).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// noModel 断言平台上没有这个模型。
func (p *platformServer) noModel(t *testing.T, ns, name string) {
	t.Helper()
	if _, err := p.iam.ModelV1alpha1().Models(ns).Get(t.Context(), name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("model %s/%s: got error %v, want not found", ns, name, err)
	}
}

// awaitTokens 等平台上的凭据版本变成另一个，而托管资源记着它；平台上后来才有的命名空间没有人通知，重试最多隔一分钟。
func awaitTokens(t *testing.T, ns string, mg modelResource, before, what string) string {
	t.Helper()
	var version string
	await(t, shared, mg.Managed, "synced with "+what, 3*promptly, func(got resource.Managed) error {
		found, err := platform.iam.ModelV1alpha1().Models(ns).Get(t.Context(), mg.GetName(), metav1.GetOptions{})
		if err != nil {
			return err
		}
		version = found.Status.CredentialsVersion
		if gave := mg.gave(); version == "" || version == before || gave == nil || gave.Version != version {
			return fmt.Errorf("the platform has version %q, remembered is %+v, Synced is: %s", version, gave, got.GetCondition(xpv2.TypeSynced).Message)
		}
		return isSynced(got)
	})
	return version
}
