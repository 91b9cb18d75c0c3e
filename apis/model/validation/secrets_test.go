package validation

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/model"
)

// planted 是误写进各个字段的密文。
const planted = "NotForAnyEyes"

// forms 是密文的几种样子：光的、带着键的、在地址里的、带着各种不许的字的、太长的、像参数的。
var forms = []string{
	planted, "hf_" + planted, "TOKEN=" + planted, "https://user:" + planted + "@example.org/x y", "../" + planted, planted + "\x00", " " + planted,
	strings.Repeat(planted, 4000), "--api-key=" + planted, "--hf_token=" + planted, "-n" + planted, "--api-key." + planted, "--lora-modules=" + planted, "-hf=" + planted,
	"LLAMA_ARG_API_KEY=" + planted, "HF_TOKEN=" + planted, "--fim-" + planted + "-default", planted + ".gguf=", "--load-format=" + planted,
}

// plain 是放不下密文、写错了值得重复给人看的：从几个里选一个的，和给别的对象、标签、产品起的名字。
var plain = []string{
	"engine.type", "engine.delivery", "deletionPolicy", "rollout.type", "cache.accessMode", "cache.storageClassName", "placement.", "resources.",
	"servedName", "adapters[0].name", "adapters[1].name",
}

// laden 是处处都写了的模型，一个引擎一份：各引擎的检查不一样。
func laden(engine model.EngineType, delivery model.Delivery) []*model.Model {
	sources := []model.ModelSource{
		{HuggingFace: &model.HuggingFaceSource{Repo: "a/b", Revision: ptr.To("main"), File: ptr.To("x.gguf"), TokenSecretRef: &model.SecretKeyReference{Name: "s", Key: "k"}}},
		{OCI: &model.OCISource{Image: "r/i:1", PullSecretRef: &model.SecretKeyReference{Name: "s", Key: "k"}}},
		{S3: &model.S3Source{Bucket: "models", Prefix: ptr.To("x.gguf"), Endpoint: ptr.To("https://h"), Region: ptr.To("eu"), CredentialsSecretRef: &model.SecretReference{Name: "s"}}},
		{PVC: &model.PVCSource{ClaimName: "c", Path: ptr.To("x.gguf")}},
		{HuggingFace: &model.HuggingFaceSource{Repo: "a/b"}, PVC: &model.PVCSource{ClaimName: "c"}},
	}
	models := make([]*model.Model, 0, len(sources))
	for i := range sources {
		models = append(models, &model.Model{ObjectMeta: metav1.ObjectMeta{Name: "chat", Namespace: "default"}, Spec: model.ModelSpec{
			Source: sources[i],
			Engine: model.Engine{
				Type: engine, Delivery: ptr.To(delivery), Image: ptr.To("r/i:1"), Args: []string{"--seed", "1"},
				Env: []model.EnvVar{{Name: "A", Value: "1"}, {Name: "A", Value: "2"}},
			},
			Adapters: []model.Adapter{{Name: "x", Source: *sources[i].DeepCopy()}, {Name: "x", Source: *sources[i].DeepCopy()}},
			Cache:    &model.Cache{StorageClassName: ptr.To("nfs")},
		}})
	}
	return models
}

// leaves 走遍一个值里的字符串，逐个给出它的路径与改写它的办法。
func leaves(v reflect.Value, path string, visit func(path string, leaf reflect.Value)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			leaves(v.Elem(), path, visit)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				leaves(v.Field(i), path+"."+strings.ToLower(f.Name[:1])+f.Name[1:], visit)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			leaves(v.Index(i), fmt.Sprintf("%s[%d]", path, i), visit)
		}
	case reflect.String:
		visit(strings.TrimPrefix(path, "."), v)
	}
}

// TestErrorsRepeatNoSecrets 人会把令牌贴错地方：贴在哪里、贴成什么样子，回答都不重复它。
// 回答会进审计日志、终端的记录与工单。
func TestErrorsRepeatNoSecrets(t *testing.T) {
	visited, refused := map[string]bool{}, 0
	for _, engine := range []model.EngineType{model.EngineVLLM, model.EngineSGLang, model.EngineLlamaCpp} {
		for _, delivery := range []model.Delivery{model.DeliveryDeployment, model.DeliveryKServe} {
			for _, m := range laden(engine, delivery) {
				leaves(reflect.ValueOf(&m.Spec), "", func(path string, leaf reflect.Value) {
					if isPlain(path) {
						return
					}
					visited[path] = true
					was := leaf.String()
					defer leaf.SetString(was)
					for _, form := range forms {
						leaf.SetString(form)
						errs := ValidateModel(m)
						if len(errs) > 0 {
							refused++
						}
						if text := fmt.Sprint(errs.ToAggregate()); strings.Contains(text, planted) {
							t.Errorf("%s with %.40q: the answer repeats it: %.300s", path, form, text)
						}
					}
				})
			}
		}
	}
	for _, path := range []string{"engine.args[0]", "engine.env[1].value", "engine.image", "source.s3.endpoint", "adapters[1].source.huggingFace.tokenSecretRef.name"} {
		if !visited[path] {
			t.Errorf("%s was not tried; tried were %v", path, visited)
		}
	}
	if refused < 1000 {
		t.Errorf("only %d of the models were refused: most of what is planted must be wrong somehow to show anything", refused)
	}
}

// TestErrorsRepeatNoSecretsGivenTwice 重名的回答要说是哪个名字；名字不成样子时，那里面多半有值。
func TestErrorsRepeatNoSecretsGivenTwice(t *testing.T) {
	for _, form := range forms {
		m := laden(model.EngineVLLM, model.DeliveryDeployment)[0]
		m.Spec.Engine.Env = []model.EnvVar{{Name: "KEY=" + form}, {Name: "KEY=" + form}}
		if text := fmt.Sprint(ValidateModel(m).ToAggregate()); strings.Contains(text, planted) {
			t.Errorf("two variables with %.40q: the answer repeats it: %.300s", form, text)
		}
	}
}

func isPlain(path string) bool {
	for _, prefix := range plain {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}
