package model

import (
	"context"
	"fmt"

	apiequality "k8s.io/apimachinery/pkg/api/equality"

	"github.com/kubellm/kubellm/apis/model"
	"github.com/kubellm/kubellm/internal/service/auth"
)

// secretUse 是 spec 里一处对 Secret 的点名。
type secretUse struct{ field, name string }

// secretUses 列出模型与它的适配器点名的全部 Secret。
func secretUses(m *model.Model) []secretUse {
	uses := sourceUses(&m.Spec.Source, "spec.source")
	for i := range m.Spec.Adapters {
		uses = append(uses, sourceUses(&m.Spec.Adapters[i].Source, fmt.Sprintf("spec.adapters[%d].source", i))...)
	}
	return uses
}

func sourceUses(source *model.ModelSource, path string) []secretUse {
	var uses []secretUse
	if source.HuggingFace != nil && source.HuggingFace.TokenSecretRef != nil {
		uses = append(uses, secretUse{path + ".huggingFace.tokenSecretRef", source.HuggingFace.TokenSecretRef.Name})
	}
	if source.OCI != nil && source.OCI.PullSecretRef != nil {
		uses = append(uses, secretUse{path + ".oci.pullSecretRef", source.OCI.PullSecretRef.Name})
	}
	if source.S3 != nil && source.S3.CredentialsSecretRef != nil {
		uses = append(uses, secretUse{path + ".s3.credentialsSecretRef", source.S3.CredentialsSecretRef.Name})
	}
	return uses
}

// confirmSecrets 要求改动密文去向的人自己也能读那些 Secret：新点名的人要能读，
// 换镜像、参数、环境变量或来源的人也要能读，不然他让自己的程序拿到它就行。
// 别的改动（副本数、finalizer）不问，控制器与只管伸缩的人才不必有读 Secret 的权利。
func confirmSecrets(ctx context.Context, guard Guard, obj, old *model.Model) error {
	if old != nil && apiequality.Semantic.DeepEqual(reach(obj), reach(old)) {
		return nil
	}
	for _, use := range secretUses(obj) {
		if err := guard.ConfirmSecret(ctx, auth.SecretUse{Resource: models, Name: obj.Name, Field: use.field}, obj.Namespace, use.name); err != nil {
			return err
		}
	}
	return nil
}

// reach 是决定密文到谁手里的那部分 spec。
func reach(m *model.Model) []any {
	engine := m.Spec.Engine
	return []any{m.Spec.Source, m.Spec.Adapters, engine.Image, engine.Args, engine.Env}
}
