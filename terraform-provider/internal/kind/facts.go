package kind

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kubellm/kubellm/internal/external"
)

// Facts 是平台对一个种类的观察，来自 status；它们自己会变，进了资源计划就永远不空，所以只有数据源显示。
type Facts[T external.Object] struct {
	attributes map[string]schema.Attribute
	read       func(ctx context.Context, object T) (map[string]attr.Value, diag.Diagnostics)
}

// FactsOf 由属性与取值的函数得出 Facts；F 是属性的 Go 模型。
func FactsOf[F any, T external.Object](attributes map[string]schema.Attribute, from func(object T) F) *Facts[T] {
	of := make(map[string]attr.Type, len(attributes))
	for name, attribute := range attributes {
		of[name] = attribute.GetType()
	}
	return &Facts[T]{
		attributes: attributes,
		read: func(ctx context.Context, object T) (map[string]attr.Value, diag.Diagnostics) {
			values, diags := types.ObjectValueFrom(ctx, of, from(object))
			return values.Attributes(), diags
		},
	}
}
