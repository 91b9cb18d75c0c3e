package model

import (
	"context"
	"fmt"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/model"
	"github.com/kubellm/kubellm/internal/registry/handin"
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

// confirm 要求改动密文去向的人自己也拿得到它：点名的 Secret 要能读，交来的凭据要能交。
// 新点名、换镜像、参数、环境变量或来源都算，不然他让自己的程序拿到它就行；换到别的集群也算，
// 不然他让它被抄到自己当管理员的成员上就行。
// 别的改动（副本数、几个集群、finalizer）不问，控制器与只管伸缩的人才不必有读 Secret 的权利。
func confirm(ctx context.Context, guard Guard, handedIn *handin.Intake[*model.Model, *model.ModelCredentials], obj, old *model.Model) error {
	var changed []string
	if old != nil {
		if changed = diverted(obj, old); len(changed) == 0 {
			return nil
		}
	}
	for _, use := range secretUses(obj) {
		if err := guard.ConfirmSecret(ctx, auth.SecretUse{Resource: models, Name: obj.Name, Field: use.field, Changed: changed}, obj.Namespace, use.name); err != nil {
			return err
		}
	}
	return handedIn.Confirm(ctx, guard, obj, changed)
}

// diverted 列出改了的、决定密文到谁手里的字段：拿着它的程序，与它被送去的地方。
func diverted(obj, old *model.Model) []string {
	is, was := &obj.Spec, &old.Spec
	here, there := ptr.Deref(is.Placement, model.Placement{}), ptr.Deref(was.Placement, model.Placement{})
	var changed []string
	for _, part := range []struct {
		path    string
		is, was any
	}{
		{"spec.source", is.Source, was.Source},
		{"spec.adapters", is.Adapters, was.Adapters},
		{"spec.engine.image", is.Engine.Image, was.Engine.Image},
		{"spec.engine.args", is.Engine.Args, was.Engine.Args},
		{"spec.engine.env", is.Engine.Env, was.Engine.Env},
		{"spec.placement.clusterNames", here.ClusterNames, there.ClusterNames},
		{"spec.placement.clusterSelector", here.ClusterSelector, there.ClusterSelector},
		{"spec.placement.tolerations", here.Tolerations, there.Tolerations},
	} {
		if !apiequality.Semantic.DeepEqual(part.is, part.was) {
			changed = append(changed, part.path)
		}
	}
	return changed
}
