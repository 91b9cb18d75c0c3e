package engine

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	model "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

const (
	credentialsSuffix = "-credentials"
	pullSuffix        = "-pull"
)

// CredentialKeys 是模型与适配器的来源用得上的凭证，按字母次序；别的不该到成员上去。
func CredentialKeys(m *model.Model) []string {
	keys := map[string]bool{}
	for _, source := range sources(m) {
		switch {
		case source.HuggingFace != nil:
			keys[model.CredentialToken] = true
		case source.OCI != nil:
			keys[model.CredentialDockerConfigJSON] = true
		case source.S3 != nil:
			keys[model.CredentialAccessKeyID], keys[model.CredentialSecretAccessKey] = true, true
		}
	}
	return slices.Sorted(maps.Keys(keys))
}

func sources(m *model.Model) []*model.ModelSource {
	all := []*model.ModelSource{&m.Spec.Source}
	for i := range m.Spec.Adapters {
		all = append(all, &m.Spec.Adapters[i].Source)
	}
	return all
}

// given 是会有的凭证。没有凭证也能取公开的模型，所以没有的不渲染；计划里看不到凭证，凭引用与版本推断。
func given(in Input) map[string]bool {
	keys := map[string]bool{}
	for _, key := range CredentialKeys(in.Model) {
		switch {
		case in.Credentials != nil:
			keys[key] = len(in.Credentials[key]) > 0
		case in.Held != nil:
			keys[key] = in.Held.Has(key)
		default:
			keys[key] = in.Model.Status.CredentialsVersion != "" || referred(&in.Model.Spec.Source, key)
		}
	}
	return keys
}

// referred 说来源是不是点名了一个装着这个凭证的 Secret。
func referred(source *model.ModelSource, key string) bool {
	switch key {
	case model.CredentialToken:
		return source.HuggingFace != nil && source.HuggingFace.TokenSecretRef != nil
	case model.CredentialDockerConfigJSON:
		return source.OCI != nil && source.OCI.PullSecretRef != nil
	}
	return source.S3 != nil && source.S3.CredentialsSecretRef != nil
}

// secrets 把用得上的凭证放到成员上：引擎读的一个，拉镜像的另一个，因为 kubelet 只认它自己的类型。
func secrets(in Input) []client.Object {
	var objects []client.Object
	keys, data := given(in), map[string][]byte{}
	for _, key := range []string{model.CredentialToken, model.CredentialAccessKeyID, model.CredentialSecretAccessKey} {
		if keys[key] {
			data[key] = in.Credentials[key]
		}
	}
	if len(data) > 0 {
		objects = append(objects, secret(in, credentialsSuffix, corev1.SecretTypeOpaque, data))
	}
	if keys[model.CredentialDockerConfigJSON] {
		objects = append(objects, secret(in, pullSuffix, corev1.SecretTypeDockerConfigJson, map[string][]byte{
			corev1.DockerConfigJsonKey: in.Credentials[model.CredentialDockerConfigJSON],
		}))
	}
	return objects
}

func secret(in Input, suffix string, kind corev1.SecretType, data map[string][]byte) client.Object {
	return &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: objectMeta(in, suffix), Type: kind, Data: data,
	}
}

// pullSecrets 让 kubelet 拉得到私有的镜像卷。
func pullSecrets(in Input) []corev1.LocalObjectReference {
	if !given(in)[model.CredentialDockerConfigJSON] {
		return nil
	}
	return []corev1.LocalObjectReference{{Name: in.Model.Name + pullSuffix}}
}

// credentialEnv 把凭证交给引擎：只经 Secret，从不写在参数或清单里。
func credentialEnv(in Input) []corev1.EnvVar {
	keys := given(in)
	var env []corev1.EnvVar
	for _, v := range []struct{ name, key string }{
		{"AWS_ACCESS_KEY_ID", model.CredentialAccessKeyID},
		{"AWS_SECRET_ACCESS_KEY", model.CredentialSecretAccessKey},
		{"HF_TOKEN", model.CredentialToken},
	} {
		if !keys[v.key] {
			continue
		}
		env = append(env, corev1.EnvVar{Name: v.name, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
			LocalObjectReference: corev1.LocalObjectReference{Name: in.Model.Name + credentialsSuffix}, Key: v.key,
		}}})
	}
	return env
}

// credentialAnnotations 在 Pod 模板上：凭证换了，副本随之重启，否则旧的一直用到出错。
func credentialAnnotations(in Input) map[string]string {
	if in.CredentialsVersion == "" || !slices.Contains(slices.Collect(maps.Values(given(in))), true) {
		return nil
	}
	return map[string]string{AnnotationCredentials: in.CredentialsVersion}
}
