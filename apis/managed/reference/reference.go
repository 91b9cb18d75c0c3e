// Package reference 解析托管资源之间的引用：一个字段的值可以直接写出，也可以指向（按名或按标签选择）另一个托管资源。
// 命名空间级资源只在自己的命名空间里找，免得借引用窥探别人的命名空间。
package reference

import (
	"context"
	"fmt"

	xpv2 "github.com/crossplane/crossplane/apis/v2/core/v2"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/crossplane/crossplane-runtime/v2/pkg/reference"
	"github.com/crossplane/crossplane-runtime/v2/pkg/resource"
)

// Field 是一个可以由引用给出的字段：值、引用与选择器都就地更新。
type Field struct {
	// Path 是字段在托管资源里的路径，错误里告诉用户是哪一个。
	Path     string
	Value    **string
	Ref      **xpv2.Reference
	Selector *xpv2.Selector
}

// To 是被引用的种类：一个空对象和一个空列表，作用域与引用者相同。
type To struct {
	// Kind 是给人看的种类名。
	Kind   string
	Object client.Object
	List   client.ObjectList
}

// Resolve 把引用换成被引用者的外部名。方法集是生成的，而生成器要求包先能编译，所以参数只要求 client.Object，在此断言。
func Resolve(ctx context.Context, c client.Reader, from client.Object, to To, f Field) error {
	mg, isManaged := from.(resource.Managed)
	target, targetIsManaged := to.Object.(resource.Managed)
	list, listIsManaged := to.List.(resource.ManagedList)
	if !isManaged || !targetIsManaged || !listIsManaged {
		return fmt.Errorf("%s: %T cannot refer to %T: not a managed resource", f.Path, from, to.Object)
	}
	response, err := reference.NewAPIResolver(c, mg).Resolve(ctx, reference.ResolutionRequest{
		CurrentValue: reference.FromPtrValue(*f.Value),
		Reference:    *f.Ref,
		Selector:     f.Selector,
		To:           reference.To{Managed: target, List: list},
		Extract:      reference.ExternalName(),
		Namespace:    mg.GetNamespace(),
	})
	if err != nil {
		return unresolved(f.Path, to, mg, f.Selector, err)
	}
	*f.Value = reference.ToPtrValue(response.ResolvedValue)
	*f.Ref = response.ResolvedReference
	return nil
}

// unresolved 说出哪个字段解析不了；按标签选的还说出在哪里找过什么，上游只说没有选中的。
func unresolved(path string, to To, from client.Object, selector *xpv2.Selector, err error) error {
	if selector == nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	which := labels.FormatLabels(selector.MatchLabels)
	if ptr.Deref(selector.MatchControllerRef, false) {
		which += " and the same controller"
	}
	where := ""
	if namespace := from.GetNamespace(); namespace != "" {
		where = fmt.Sprintf(" in namespace %q", namespace)
	}
	return fmt.Errorf("%s: select the managed resources %s with the labels %s%s: %w", path, to.Kind, which, where, err)
}
