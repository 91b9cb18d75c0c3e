package apiserver

import (
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	genericopenapi "k8s.io/apiserver/pkg/endpoints/openapi"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/kube-openapi/pkg/common"

	"github.com/kubellm/kubellm/apis/generated/openapi"
)

func addOpenAPI(config *genericapiserver.Config) {
	external := published(Scheme)
	namer := genericopenapi.NewDefinitionNamer(external)
	definitions := served(external, openapi.GetOpenAPIDefinitions)
	config.OpenAPIConfig = genericapiserver.DefaultOpenAPIConfig(definitions, namer)
	config.OpenAPIConfig.Info.Title = "KubeLLM"
	config.OpenAPIV3Config = genericapiserver.DefaultOpenAPIV3Config(definitions, namer)
	config.OpenAPIV3Config.Info.Title = "KubeLLM"
}

// published 去掉内部版本：核心种类的外部类型也登记为内部类型，不去掉的话文档里会出现没有人能用的版本。
func published(scheme *runtime.Scheme) *runtime.Scheme {
	external := runtime.NewScheme()
	for gvk := range scheme.AllKnownTypes() {
		if gvk.Version == runtime.APIVersionInternal {
			continue
		}
		obj, err := scheme.New(gvk)
		utilruntime.Must(err)
		external.AddKnownTypeWithName(gvk, obj)
	}
	return external
}

// coreModels 是 k8s.io/api 里类型的模型名前缀；那些包里的种类大多不在这里提供。
const coreModels = "io.k8s.api."

// served 只留下登记过的类型和它们用到的：整个 core/v1 的定义一直留在内存里要占好几兆。
func served(scheme *runtime.Scheme, all common.GetOpenAPIDefinitions) common.GetOpenAPIDefinitions {
	return func(ref common.ReferenceCallback) map[string]common.OpenAPIDefinition {
		definitions := all(ref)
		kept := make(map[string]common.OpenAPIDefinition, len(definitions))
		var keep func(name string)
		keep = func(name string) {
			definition, known := definitions[name]
			if _, done := kept[name]; done || !known {
				return
			}
			kept[name] = definition
			for _, dependency := range definition.Dependencies {
				keep(dependency)
			}
		}
		for name := range definitions {
			if !strings.HasPrefix(name, coreModels) {
				keep(name)
			}
		}
		for gvk := range scheme.AllKnownTypes() {
			if name, err := scheme.ToOpenAPIDefinitionName(gvk); err == nil {
				keep(name)
			}
		}
		return kept
	}
}
