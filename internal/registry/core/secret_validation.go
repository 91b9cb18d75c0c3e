package core

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// hidden 代替错误里的值：错误会进日志与审计，密文的内容绝不能跟着去。
const hidden = "(hidden)"

// requiredKeys 是各知名类型必有的键：使用它们的程序按这些名字取，缺了要到那时才知道。
var requiredKeys = map[corev1.SecretType][]string{
	corev1.SecretTypeTLS:              {corev1.TLSCertKey, corev1.TLSPrivateKeyKey},
	corev1.SecretTypeDockerConfigJson: {corev1.DockerConfigJsonKey},
	corev1.SecretTypeDockercfg:        {corev1.DockerConfigKey},
	corev1.SecretTypeSSHAuth:          {corev1.SSHAuthPrivateKey},
}

func validateSecret(secret *corev1.Secret) field.ErrorList {
	var errs field.ErrorList
	data := field.NewPath("data")
	size := 0
	for _, key := range slices.Sorted(maps.Keys(secret.Data)) {
		for _, message := range validation.IsConfigMapKey(key) {
			errs = append(errs, field.Invalid(data.Key(key), key, message))
		}
		size += len(secret.Data[key])
	}
	if size > corev1.MaxSecretSize {
		errs = append(errs, field.TooLong(data, hidden, corev1.MaxSecretSize))
	}
	return append(errs, validateSecretType(secret, data)...)
}

func validateSecretType(secret *corev1.Secret, data *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, key := range requiredKeys[secret.Type] {
		if _, found := secret.Data[key]; !found {
			errs = append(errs, field.Required(data.Key(key), fmt.Sprintf("a secret of type %s needs it", secret.Type)))
		}
	}
	switch secret.Type {
	case corev1.SecretTypeDockerConfigJson:
		errs = append(errs, validateJSON(secret.Data, data, corev1.DockerConfigJsonKey)...)
	case corev1.SecretTypeDockercfg:
		errs = append(errs, validateJSON(secret.Data, data, corev1.DockerConfigKey)...)
	case corev1.SecretTypeBasicAuth:
		_, name := secret.Data[corev1.BasicAuthUsernameKey]
		_, password := secret.Data[corev1.BasicAuthPasswordKey]
		if !name && !password {
			errs = append(errs, field.Required(data.Key(corev1.BasicAuthUsernameKey), fmt.Sprintf("a secret of type %s needs it, or %s", secret.Type, corev1.BasicAuthPasswordKey)))
		}
	}
	return errs
}

func validateJSON(values map[string][]byte, data *field.Path, key string) field.ErrorList {
	value, found := values[key]
	if !found || json.Valid(value) {
		return nil
	}
	return field.ErrorList{field.Invalid(data.Key(key), hidden, "must be JSON")}
}

// validateSecretUpdate 守住不可变的：类型决定谁在用它，声明不可变的内容有人在缓存。
func validateSecretUpdate(secret, old *corev1.Secret) field.ErrorList {
	var errs field.ErrorList
	if secret.Type != old.Type {
		errs = append(errs, field.Invalid(field.NewPath("type"), secret.Type, fmt.Sprintf("is immutable and is %s: delete the secret and create it again", old.Type)))
	}
	if !immutable(old) {
		return errs
	}
	if !immutable(secret) {
		errs = append(errs, field.Forbidden(field.NewPath("immutable"), "cannot be unset once it is true: delete the secret and create it again"))
	}
	if !apiequality.Semantic.DeepEqual(secret.Data, old.Data) {
		errs = append(errs, field.Forbidden(field.NewPath("data"), "cannot be changed because immutable is true: delete the secret and create it again"))
	}
	return errs
}
