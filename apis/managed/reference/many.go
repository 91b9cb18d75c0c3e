package reference

import (
	"context"
	"fmt"

	xpv2 "github.com/crossplane/crossplane/apis/v2/core/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/crossplane/crossplane-runtime/v2/pkg/reference"
	"github.com/crossplane/crossplane-runtime/v2/pkg/resource"
)

// Fields 是一个可以由几个引用给出的列表：值与引用都就地更新。
type Fields struct {
	// Path 是字段在托管资源里的路径，错误里告诉用户是哪一个。
	Path     string
	Values   *[]string
	Refs     *[]xpv2.Reference
	Selector *xpv2.Selector
}

// ResolveMany 把几个引用换成被引用者的外部名；与 Resolve 一样只看引用者的作用域与命名空间。
func ResolveMany(ctx context.Context, c client.Reader, from client.Object, to To, f Fields) error {
	mg, isManaged := from.(resource.Managed)
	target, targetIsManaged := to.Object.(resource.Managed)
	list, listIsManaged := to.List.(resource.ManagedList)
	if !isManaged || !targetIsManaged || !listIsManaged {
		return fmt.Errorf("%s: %T cannot refer to %T: not a managed resource", f.Path, from, to.Object)
	}
	response, err := reference.NewAPIResolver(c, mg).ResolveMultiple(ctx, reference.MultiResolutionRequest{
		CurrentValues: *f.Values,
		References:    *f.Refs,
		Selector:      f.Selector,
		To:            reference.To{Managed: target, List: list},
		Extract:       reference.ExternalName(),
		Namespace:     mg.GetNamespace(),
	})
	if err != nil {
		return unresolved(f.Path, to, mg, f.Selector, err)
	}
	*f.Values, *f.Refs = response.ResolvedValues, response.ResolvedReferences
	return nil
}
