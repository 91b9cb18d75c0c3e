package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	model "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

const (
	// kserveVersion 是每个有 LLMInferenceService 的 KServe 都提供的版本；较新的 v1alpha2 字段相同，旧的没有它。
	kserveVersion = "serving.kserve.io/v1alpha1"
	// kserveMain 与 kserveInit 是 KServe 的预设里容器的名字，写出来的只是覆盖。
	kserveMain = "main"
	kserveInit = "storage-initializer"
	// kserveArgs 是预设留给用户参数的变量。
	kserveArgs = "VLLM_ADDITIONAL_ARGS"

	// AnnotationRevision 由 KServe 抄到它的 Pod 上：它的 Ready 不管副本是不是新的，只有凭这个认得出。
	AnnotationRevision = "model.kubellm.io/revision"
)

// llmInferenceService 交给 KServe：命令、探针的地址、路由由它的预设决定，这里只写要盖过的。
func llmInferenceService(in Input) (client.Object, error) {
	m := in.Model
	template, err := kserveTemplate(in)
	if err != nil {
		return nil, fmt.Errorf("render the pod of model %s/%s for KServe on cluster %s: %w", m.Namespace, m.Name, in.Placement.Cluster, err)
	}
	spec := map[string]any{
		"model":    kserveModel(m),
		"replicas": int64(*replicas(in)),
		// 只有平台自己的：KServe 用 app.kubernetes.io 的标签选它的 Pod，盖掉就选不中了。
		"labels":   stringMap(ownLabels(in)),
		"router":   map[string]any{"route": map[string]any{}, "gateway": map[string]any{}, "scheduler": map[string]any{}},
		"template": template,
	}
	if accelerated(m) && *m.Spec.Resources.Accelerator.Count > 1 {
		spec["parallelism"] = map[string]any{"tensor": int64(*m.Spec.Resources.Accelerator.Count)}
	}
	annotations := stringMap(credentialAnnotations(in))
	annotations[AnnotationRevision] = revisionOf(spec, annotations)
	spec["annotations"] = annotations
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": kserveVersion, "kind": "LLMInferenceService",
		"metadata": map[string]any{"name": m.Name, "namespace": Namespace(in), "labels": stringMap(objectLabels(in))},
		"spec":     spec,
	}}, nil
}

// revisionOf 是副本该有的样子的摘要：副本的个数不算，凭证的版本算。映射的键按次序编码，同样的内容总得同样的摘要。
func revisionOf(spec, annotations map[string]any) string {
	content := maps.Clone(spec)
	delete(content, "replicas")
	content["annotations"] = annotations
	// 内容出自转换器与字面量，必能编码。
	text, _ := json.Marshal(content)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// Revision 是 objects 里交给 KServe 的副本该有的样子；不交给 KServe 的为空。
func Revision(objects []client.Object) string {
	for _, object := range objects {
		if u, ok := object.(*unstructured.Unstructured); ok && u.GetKind() == "LLMInferenceService" {
			revision, _, _ := unstructured.NestedString(u.Object, "spec", "annotations", AnnotationRevision)
			return revision
		}
	}
	return ""
}

func kserveModel(m *model.Model) map[string]any {
	out := map[string]any{"uri": kserveURI(&m.Spec.Source), "name": ServedName(m)}
	if len(m.Spec.Adapters) == 0 {
		return out
	}
	adapters := slices.SortedFunc(slices.Values(m.Spec.Adapters), func(a, b model.Adapter) int { return strings.Compare(a.Name, b.Name) })
	list := make([]any, 0, len(adapters))
	for i := range adapters {
		list = append(list, map[string]any{"name": adapters[i].Name, "uri": kserveURI(&adapters[i].Source)})
	}
	out["lora"] = map[string]any{"adapters": list}
	return out
}

// kserveURI 是 KServe 的写法；oci+native 用镜像卷，与平台自己交付时一样。
func kserveURI(source *model.ModelSource) string {
	switch {
	case source.HuggingFace != nil:
		uri := "hf://" + source.HuggingFace.Repo
		if revision := ptr.Deref(source.HuggingFace.Revision, ""); revision != "" {
			uri += ":" + revision
		}
		return uri
	case source.OCI != nil:
		return "oci+native://" + source.OCI.Image
	case source.S3 != nil:
		return s3URL(source.S3)
	}
	return "pvc://" + path.Join(source.PVC.ClaimName, ptr.Deref(source.PVC.Path, ""))
}

// kserveTemplate 只含要盖过预设的：资源、放在哪些节点上、启动多久、凭证给谁。
func kserveTemplate(in Input) (map[string]any, error) {
	m := in.Model
	pod := corev1.PodSpec{
		EnableServiceLinks: ptr.To(false), AutomountServiceAccountToken: ptr.To(false),
		ImagePullSecrets: pullSecrets(in), Affinity: affinity(in), Tolerations: tolerations(m),
		Containers: []corev1.Container{{
			Name: kserveMain, Image: Image(m), Resources: requirements(m), Env: kserveEnv(m),
			StartupProbe: &corev1.Probe{PeriodSeconds: startupPeriod, FailureThreshold: startupThreshold(m)},
		}},
		Volumes: []corev1.Volume{sharedMemory(m)},
	}
	if env := slices.Concat(kserveS3Env(m), credentialEnv(in)); len(env) > 0 {
		pod.InitContainers = []corev1.Container{{Name: kserveInit, Env: env}}
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&pod)
	if err != nil {
		return nil, err
	}
	for _, list := range []string{"containers", "initContainers"} {
		dropEmptyResources(content[list])
	}
	return content, nil
}

// dropEmptyResources 去掉空着却写出来的字段：合并时它会把预设的抹掉。
func dropEmptyResources(containers any) {
	list, _ := containers.([]any)
	for i := range list {
		container, _ := list[i].(map[string]any)
		if resources, _ := container["resources"].(map[string]any); len(resources) == 0 {
			delete(container, "resources")
		}
	}
}

func kserveS3Env(m *model.Model) []corev1.EnvVar {
	if m.Spec.Source.S3 == nil {
		return nil
	}
	return slices.DeleteFunc(s3Env(m.Spec.Source.S3), func(v corev1.EnvVar) bool { return strings.HasPrefix(v.Name, "RUNAI_") })
}

// kserveEnv 是引擎的环境。参数经由预设的变量传递；预设会用 shell 重读它，校验因此只放行原样通得过的字。
func kserveEnv(m *model.Model) []corev1.EnvVar {
	args := flags{}
	args.number("--max-model-len", m.Spec.Engine.ContextLength)
	args.add(m.Spec.Engine.Args...)
	env := userEnv(m)
	if len(args) == 0 {
		return env
	}
	return append([]corev1.EnvVar{{Name: kserveArgs, Value: literal(strings.Join(args, " "))}}, env...)
}
