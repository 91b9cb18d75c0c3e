package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

const (
	// fileClass 与 cacheClass 是预先备好的卷的类，没有人会动态地造它们。
	fileClass, cacheClass = "depot-files", "depot-cache"

	onGPU = `"resources":{"accelerator":{"count":1},"memory":"16Gi"}`
	onCPU = `"resources":{"cpu":"2","memory":"4Gi"}`
)

// TestModelSources 每种引擎配每种来源，连同适配器与缓存：清单都过得了真的成员的 API 服务器，副本都就绪，
// 文件从要的地方来。
func TestModelSources(t *testing.T) {
	register(t, "depot", env.alpha, clusterv1alpha1.DeletionOrphan)
	tests := []struct {
		name, engine, source, rest string
		// shows 是 Pod 里看得出文件从哪里来的。
		shows string
	}{
		{"vllm-hub", "VLLM", `"huggingFace":{"repo":"Qwen/Qwen3-8B","revision":"main"}`, onGPU, `"--revision","main"`},
		{"vllm-image", "VLLM", `"oci":{"image":"registry.example.org/models/qwen3:8b"}`, onGPU, `"reference":"registry.example.org/models/qwen3:8b"`},
		{"vllm-bucket", "VLLM", `"s3":{"bucket":"models","prefix":"qwen3","region":"us-east-1"}`, onGPU, `"s3://models/qwen3"`},
		{"vllm-volume", "VLLM", `"pvc":{"claimName":"models","path":"qwen3"}`, onGPU, `"claimName":"models"`},
		{"vllm-adapters", "VLLM", `"huggingFace":{"repo":"Qwen/Qwen3-8B"}`,
			onGPU + `,"adapters":[{"name":"tone","source":{"huggingFace":{"repo":"example/tone"}}},{"name":"style","source":{"pvc":{"claimName":"models","path":"style"}}}]`, `"--lora-modules"`},
		{"vllm-cached", "VLLM", `"huggingFace":{"repo":"Qwen/Qwen3-8B"}`,
			onGPU + `,"cache":{"size":"1Gi","storageClassName":"` + cacheClass + `"}`, `"claimName":"vllm-cached-cache"`},
		{"sglang-hub", "SGLang", `"huggingFace":{"repo":"Qwen/Qwen3-8B"}`, onGPU, `"--model-path","Qwen/Qwen3-8B"`},
		{"sglang-image", "SGLang", `"oci":{"image":"registry.example.org/models/qwen3:8b"}`, onGPU, `"reference":"registry.example.org/models/qwen3:8b"`},
		{"sglang-bucket", "SGLang", `"s3":{"bucket":"models","prefix":"qwen3","endpoint":"https://minio.example.org:9000"}`, onGPU, `"s3://models/qwen3"`},
		{"sglang-volume", "SGLang", `"pvc":{"claimName":"models"}`, onGPU, `"claimName":"models"`},
		{"sglang-adapters", "SGLang", `"huggingFace":{"repo":"Qwen/Qwen3-8B"}`,
			onGPU + `,"adapters":[{"name":"tone","source":{"oci":{"image":"registry.example.org/adapters/tone:1"}}}]`, `"reference":"registry.example.org/adapters/tone:1"`},
		{"llama-hub", "LlamaCpp", `"huggingFace":{"repo":"Qwen/Qwen3-0.6B-GGUF","file":"Qwen3-0.6B-Q8_0.gguf"}`, onCPU, `"--hf-file","Qwen3-0.6B-Q8_0.gguf"`},
		{"llama-image", "LlamaCpp", `"oci":{"image":"registry.example.org/models/qwen3:gguf"}`, onCPU, `"reference":"registry.example.org/models/qwen3:gguf"`},
		{"llama-bucket", "LlamaCpp", `"s3":{"bucket":"models","prefix":"qwen3.gguf","region":"us-east-1"}`, onCPU, `"rclone/rclone:`},
		{"llama-volume", "LlamaCpp", `"pvc":{"claimName":"models","path":"qwen3.gguf"}`, onCPU, `"claimName":"models"`},
	}
	staticVolume(t, env.alpha, fileClass)
	staticVolume(t, env.alpha, cacheClass)
	claimModels(t, env.alpha)
	for _, test := range tests {
		image := `"image":"example.org/engine:1"`
		if test.engine == "LlamaCpp" {
			image = `"contextLength":4096`
		}
		deploySpec(t, test.name, fmt.Sprintf(`"source":{%s},"engine":{"type":%q,%s},%s,"placement":{"clusterNames":["depot"]}`, test.source, test.engine, image, test.rest))
	}
	for _, test := range tests {
		m := awaitModel(t, test.name, "serving", promptly, serves("depot"))
		pods := podsOf(t, env.alpha, m)
		if d := awaitServing(t, env.alpha, m, 1); len(pods) != 1 || d.Spec.Template.Spec.Containers[0].Image != m.Status.Image {
			t.Errorf("%s: it runs %s in %d pods, want %s in one", test.name, d.Spec.Template.Spec.Containers[0].Image, len(pods), m.Status.Image)
			continue
		}
		raw, err := json.Marshal(pods[0].Spec)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(raw), test.shows) {
			t.Errorf("%s: the pod does not show %s: %s", test.name, test.shows, raw)
		}
	}
}

// claimModels 备好来源用的 PersistentVolumeClaim，就像管成员的人那样；测试结束时删掉。
func claimModels(t *testing.T, m *harness.Member) {
	t.Helper()
	ensureNamespace(t, m)
	given(t, m.Client().CoreV1().PersistentVolumeClaims(workloads), modelsClaim())
}

// modelsClaim 要一个装着来源的卷。
func modelsClaim() *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "models"},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany}, StorageClassName: ptr.To(fileClass),
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
		},
	}
}

// staticVolume 备好一个这个类的卷；测试结束时删掉。
func staticVolume(t *testing.T, m *harness.Member, class string) {
	t.Helper()
	given(t, m.Client().CoreV1().PersistentVolumes(), &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: class},
		Spec: corev1.PersistentVolumeSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany}, StorageClassName: class,
			Capacity:                      corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("10Gi")},
			PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimRetain,
			PersistentVolumeSource:        corev1.PersistentVolumeSource{NFS: &corev1.NFSVolumeSource{Server: "files.example.org", Path: "/" + class}},
		},
	})
}
