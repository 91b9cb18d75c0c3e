package model

import (
	"context"
	"fmt"
	"strings"

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

// exactlyOne 要求对象里恰好写了这些属性中的一个，说得出写了哪几个；现成的 ExactlyOneOf 把路径表达式印给人看，也不说有哪几个。
type exactlyOne []string

func (e exactlyOne) Description(context.Context) string {
	return "must have exactly one of " + e.list()
}

func (e exactlyOne) MarkdownDescription(ctx context.Context) string { return e.Description(ctx) }

func (e exactlyOne) list() string {
	last := len(e) - 1
	return strings.Join(e[:last], ", ") + " and " + e[last]
}

func (e exactlyOne) ValidateObject(_ context.Context, req validator.ObjectRequest, resp *validator.ObjectResponse) {
	var has []string
	for _, name := range e {
		value := req.ConfigValue.Attributes()[name]
		switch {
		case value == nil || value.IsUnknown():
			return
		case !value.IsNull():
			has = append(has, name)
		}
	}
	if len(has) == 1 {
		return
	}
	is := "none of them"
	if len(has) > 1 {
		is = strings.Join(has, " and ")
	}
	resp.Diagnostics.AddAttributeError(req.Path, "Not exactly one source",
		fmt.Sprintf("%s takes exactly one of %s, and has %s.", req.Path, e.list(), is))
}
