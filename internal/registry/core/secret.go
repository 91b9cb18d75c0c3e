package core

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/internal/registry"
)

// Secret 声明密文。
func Secret() *registry.Resource[*corev1.Secret, *corev1.SecretList] {
	return &registry.Resource[*corev1.Secret, *corev1.SecretList]{
		Kind: "Secret", Plural: "secrets", Singular: "secret", Namespaced: true, Uncategorized: true,
		New:     func() *corev1.Secret { return &corev1.Secret{} },
		NewList: func() *corev1.SecretList { return &corev1.SecretList{} },
		Columns: []registry.Column[*corev1.Secret]{
			{Name: "Type", Description: "What the secret is for.", Value: func(s *corev1.Secret) any { return string(s.Type) }},
			{Name: "Data", Type: "integer", Description: "The number of keys.", Value: func(s *corev1.Secret) any { return len(s.Data) }},
		},
		Fields: []registry.Field[*corev1.Secret]{
			{Path: "type", Value: func(s *corev1.Secret) string { return string(s.Type) }},
		},
		Prepare:        func(_ context.Context, obj, old *corev1.Secret) { prepareSecret(obj, old) },
		Validate:       validateSecret,
		ValidateUpdate: validateSecretUpdate,
	}
}

// prepareSecret 补上类型；更新时不写类型就是不改类型。
func prepareSecret(secret, old *corev1.Secret) {
	foldStringData(secret)
	switch {
	case secret.Type != "":
	case old != nil:
		secret.Type = old.Type
	default:
		secret.Type = corev1.SecretTypeOpaque
	}
}

// foldStringData 把只写的 stringData 并进 data。解码时就并：字段归属因此记在真正存下的 data 上。
func foldStringData(secret *corev1.Secret) {
	if len(secret.StringData) > 0 && secret.Data == nil {
		secret.Data = make(map[string][]byte, len(secret.StringData))
	}
	for key, value := range secret.StringData {
		secret.Data[key] = []byte(value)
	}
	secret.StringData = nil
}

func immutable(secret *corev1.Secret) bool { return ptr.Deref(secret.Immutable, false) }
