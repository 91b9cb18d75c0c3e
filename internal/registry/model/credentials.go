package model

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubellm/kubellm/apis/model"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/credentials"
	"github.com/kubellm/kubellm/internal/registry"
	"github.com/kubellm/kubellm/internal/registry/handin"
)

// maxCredential 比最长的令牌与镜像仓库配置都宽裕。
const maxCredential = 64 << 10

var dataIn = field.NewPath("spec", "data")

// intake 说明 models/credentials 收的是来源要的那几样。
func intake(store credentials.Store) *handin.Intake[*model.Model, *model.ModelCredentials] {
	return &handin.Intake[*model.Model, *model.ModelCredentials]{
		Resource: models, Singular: "model", Kind: model.Kind("ModelCredentials"),
		New:   func() *model.ModelCredentials { return &model.ModelCredentials{} },
		Check: check,
		Data:  func(in *model.ModelCredentials) map[string][]byte { return in.Spec.Data },
		Fill:  func(out *model.ModelCredentials, data map[string][]byte) { out.Spec.Data = data },
		Stamp: func(out *model.ModelCredentials, version string) { out.Status.Version = version },
		Version: &registry.Published[*model.Model]{
			Path: fieldpath.MakePathOrDie("status", "credentialsVersion"),
			Get:  func(owner *model.Model) string { return owner.Status.CredentialsVersion },
			Set:  func(owner *model.Model, version string) { owner.Status.CredentialsVersion = version },
		},
		Store: store,
	}
}

// check 是收下之前的全部检查；错误里没有凭据的内容。
func check(in *model.ModelCredentials, owner *model.Model) field.ErrorList {
	needed, named := credentialKeys(owner)
	if needed.Len() == 0 {
		return field.ErrorList{field.Forbidden(dataIn, unneeded(owner, named))}
	}
	list := strings.Join(sets.List(needed), ", ")
	if len(in.Spec.Data) == 0 {
		return field.ErrorList{field.Required(dataIn, fmt.Sprintf("the sources of model %q take: %s", owner.Name, list))}
	}
	var errs field.ErrorList
	for _, key := range slices.Sorted(maps.Keys(in.Spec.Data)) {
		if !needed.Has(key) {
			errs = append(errs, field.Forbidden(dataIn.Key(key), fmt.Sprintf("the sources of model %q do not take it: they take %s", owner.Name, list)))
			continue
		}
		errs = append(errs, checkValue(key, in.Spec.Data[key])...)
	}
	if !needed.Has(v1alpha1.CredentialAccessKeyID) {
		// 不收的那一半，另一半也不必要。
		return errs
	}
	return append(errs, checkPair(in.Spec.Data)...)
}

// unneeded 说出为什么一样也不收。
func unneeded(owner *model.Model, named []string) string {
	if len(named) == 0 {
		return fmt.Sprintf("the sources of model %q take no credentials", owner.Name)
	}
	return fmt.Sprintf("model %q takes its credentials from the Secrets that %s name: remove these references first, or change the Secrets", owner.Name, strings.Join(named, " and "))
}

// checkValue 头尾的空白（多半是文件末尾的换行）会让服务方拒绝一个其实对的令牌，早说为好。
func checkValue(key string, value []byte) field.ErrorList {
	at, text := dataIn.Key(key), string(value)
	switch {
	case len(value) == 0:
		return field.ErrorList{field.Required(at, "it is empty")}
	case len(value) > maxCredential:
		return field.ErrorList{field.TooLong(at, "", maxCredential)}
	case key == v1alpha1.CredentialDockerConfigJSON:
		var config struct {
			Auths map[string]json.RawMessage `json:"auths"`
		}
		if json.Unmarshal(value, &config) != nil || len(config.Auths) == 0 {
			return field.ErrorList{field.Invalid(at, field.OmitValueType{}, "must be a Docker configuration in JSON with at least one registry under auths")}
		}
	case strings.TrimSpace(text) != text:
		return field.ErrorList{field.Invalid(at, field.OmitValueType{}, "must not start or end with white space, such as the line end of a file")}
	}
	return nil
}

// checkPair 两半的钥匙缺一半就没有用，而交一次就换掉上一次的全部。
func checkPair(data map[string][]byte) field.ErrorList {
	_, id := data[v1alpha1.CredentialAccessKeyID]
	_, secret := data[v1alpha1.CredentialSecretAccessKey]
	switch {
	case id && !secret:
		return field.ErrorList{field.Required(dataIn.Key(v1alpha1.CredentialSecretAccessKey), "it goes with accessKeyID; what is handed in replaces all that was handed in before")}
	case secret && !id:
		return field.ErrorList{field.Required(dataIn.Key(v1alpha1.CredentialAccessKeyID), "it goes with secretAccessKey; what is handed in replaces all that was handed in before")}
	}
	return nil
}

// credentialKeys 是模型与适配器的来源要的键，一个模型只有一套；已经点名 Secret 的不要，列在 named 里。
func credentialKeys(m *model.Model) (needed sets.Set[string], named []string) {
	needed = sourceKeys(&m.Spec.Source)
	for i := range m.Spec.Adapters {
		needed = needed.Union(sourceKeys(&m.Spec.Adapters[i].Source))
	}
	for _, use := range secretUses(m) {
		named = append(named, use.field)
	}
	if len(named) > 0 {
		needed = needed.Difference(sourceKeys(&m.Spec.Source))
	}
	return needed, named
}

func sourceKeys(source *model.ModelSource) sets.Set[string] {
	switch {
	case source.HuggingFace != nil:
		return sets.New(v1alpha1.CredentialToken)
	case source.OCI != nil:
		return sets.New(v1alpha1.CredentialDockerConfigJSON)
	case source.S3 != nil:
		return sets.New(v1alpha1.CredentialAccessKeyID, v1alpha1.CredentialSecretAccessKey)
	default:
		return sets.New[string]()
	}
}
