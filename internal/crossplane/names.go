package crossplane

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	xpmeta "github.com/crossplane/crossplane-runtime/v2/pkg/meta"
	"github.com/crossplane/crossplane-runtime/v2/pkg/reconciler/managed"
	"github.com/crossplane/crossplane-runtime/v2/pkg/resource"

	"github.com/kubellm/kubellm/apis/meta"
)

// externalName 是平台对象的名字：外部名标注，没有时就是托管资源自己的名字。
func externalName(mg resource.Managed) string {
	if name := xpmeta.GetExternalName(mg); name != "" {
		return name
	}
	return mg.GetName()
}

// nameInitializer 只在内存里补上外部名，随后加 finalizer 的那次写入顺带存下，省一次写。
type nameInitializer struct{ kube client.Client }

func (i nameInitializer) Initialize(ctx context.Context, mg resource.Managed) error {
	if xpmeta.GetExternalName(mg) != "" {
		return nil
	}
	// 接管必须点名：默认外部名只是碰巧同名，不足以说明用户知道自己要接管谁。
	if wanted := mg.GetAnnotations()[meta.AdoptAnnotation]; wanted != "" {
		return unready(mg, fmt.Errorf("annotation %s is set, but %s is not: set it to the name of the platform object that is to be adopted",
			meta.AdoptAnnotation, xpmeta.AnnotationKeyExternalName))
	}
	xpmeta.SetExternalName(mg, externalName(mg))
	if xpmeta.FinalizerExists(mg, managed.FinalizerName) {
		// finalizer 早已加过（有人删掉了外部名），不会再有那次写入。
		if err := i.kube.Update(ctx, mg); err != nil {
			return fmt.Errorf("cannot set annotation %s: %w", xpmeta.AnnotationKeyExternalName, err)
		}
	}
	return nil
}

// namedResolver 在解析引用之后重新补上外部名：解析会用服务器的回答覆盖内存里的对象。
type namedResolver struct{ managed.ReferenceResolver }

func (r namedResolver) ResolveReferences(ctx context.Context, mg resource.Managed) error {
	if err := r.ReferenceResolver.ResolveReferences(ctx, mg); err != nil {
		return unready(mg, err)
	}
	xpmeta.SetExternalName(mg, externalName(mg))
	return nil
}
