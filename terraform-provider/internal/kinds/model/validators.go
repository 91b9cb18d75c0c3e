package model

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

// noNulls 与 noRepeats 不许列表里有 null，不许有重复的。
var noNulls, noRepeats validator.List = naming{listvalidator.NoNullValues()}, naming{listvalidator.UniqueValues()}

// naming 在话里说出是哪个属性：嵌套的属性，Terraform 只指得到资源的开头。
type naming struct{ validator.List }

func (n naming) ValidateList(ctx context.Context, req validator.ListRequest, resp *validator.ListResponse) {
	var inner validator.ListResponse
	n.List.ValidateList(ctx, req, &inner)
	for _, d := range inner.Diagnostics {
		resp.Diagnostics.AddAttributeError(req.Path, d.Summary(), fmt.Sprintf("%s: %s", req.Path, d.Detail()))
	}
}
