package kind

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kubellm/kubellm/internal/external"
)

// id 是一个对象给人看、也用来导入的名字：集群级的是名字，命名空间里的是 namespace/name。
func id(key external.Key) string {
	if key.Namespace == "" {
		return key.Name
	}
	return key.String()
}

func (t task[M, T, L]) id() string { return id(t.key) }

// keyOf 是对象的位置。
func keyOf(object external.Object) external.Key {
	return external.Key{Namespace: object.GetNamespace(), Name: object.GetName()}
}

// located 是在那个位置上的一个空对象。
func (k *Kind[M, T, L]) located(key external.Key) T {
	object := k.External.New()
	object.SetNamespace(key.Namespace)
	object.SetName(key.Name)
	return object
}

// configuredKey 由属性 name 与 namespace 得出位置；还不知道的部分为空。
func (k *Kind[M, T, L]) configuredKey(ctx context.Context, from configuration) (external.Key, diag.Diagnostics) {
	var name, namespace types.String
	diags := from.GetAttribute(ctx, path.Root(attrName), &name)
	if k.External.Namespaced {
		diags.Append(from.GetAttribute(ctx, path.Root(attrNamespace), &namespace)...)
	}
	return external.Key{Namespace: namespace.ValueString(), Name: name.ValueString()}, diags
}

// attributesOf 让拆开的属性也能按名字读取。
type attributesOf map[string]attr.Value

func (a attributesOf) GetAttribute(_ context.Context, at path.Path, target any) diag.Diagnostics {
	text, ok := a[at.String()].(types.String)
	into, fits := target.(*types.String)
	if !ok || !fits {
		return diag.Diagnostics{diag.NewErrorDiagnostic("Broken provider", fmt.Sprintf("The attribute %s is no text. Please report this.", at))}
	}
	*into = text
	return nil
}

// importKey 由导入的 id 或身份得出位置。
func (k *Kind[M, T, L]) importKey(ctx context.Context, req resource.ImportStateRequest) (external.Key, diag.Diagnostics) {
	if req.ID == "" && req.Identity != nil {
		return k.configuredKey(ctx, req.Identity)
	}
	if !k.External.Namespaced {
		return external.Key{Name: req.ID}, nil
	}
	namespace, name, found := strings.Cut(req.ID, "/")
	if !found || namespace == "" || name == "" || strings.Contains(name, "/") {
		return external.Key{Name: req.ID}, diag.Diagnostics{diag.NewErrorDiagnostic("Malformed import ID",
			fmt.Sprintf("%q does not say which %s is meant: the ID is namespace/name, for example %q.", req.ID, k.Title, "default/"+k.Name))}
	}
	return external.Key{Namespace: namespace, Name: name}, nil
}

// identify 写下身份：位置就是平台上找到对象所需的一切，而且永不改变。
func identify(ctx context.Context, identity *tfsdk.ResourceIdentity, key external.Key) diag.Diagnostics {
	diags := identity.SetAttribute(ctx, path.Root(attrName), key.Name)
	if key.Namespace != "" {
		diags.Append(identity.SetAttribute(ctx, path.Root(attrNamespace), key.Namespace)...)
	}
	return diags
}
