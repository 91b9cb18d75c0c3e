package kind

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"k8s.io/apimachinery/pkg/api/validation"
)

// reservedPrefix 的标签与注解由平台与外部层使用，配置里写它们等于伪造归属。
const reservedPrefix = "kubellm.io/"

// ObjectName 在计划时就拒绝平台不会接受的对象名；未知值留到知道时由平台检查。
func ObjectName() validator.String { return objectName{} }

// objectName 的 problems 说出一个名字错在哪里；为 nil 就按一般的对象名查。
type objectName struct {
	problems func(name string) []string
}

func (objectName) Description(context.Context) string {
	return "must be a name that the platform takes for such an object"
}

func (v objectName) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (v objectName) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	name, of := req.ConfigValue.ValueString(), v.problems
	if of == nil {
		of = func(name string) []string { return validation.NameIsDNSSubdomain(name, false) }
	}
	if problems := of(name); len(problems) > 0 {
		resp.Diagnostics.AddAttributeError(req.Path, "Malformed name",
			fmt.Sprintf("%q cannot be the name of an object on the platform: %s.", name, strings.Join(problems, "; ")))
	}
}

// unreservedKeys 拒绝平台自己的键。
func unreservedKeys() validator.Map { return reservedKeys{} }

type reservedKeys struct{}

func (reservedKeys) Description(context.Context) string {
	return "must not set keys that start with " + reservedPrefix
}

func (v reservedKeys) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (reservedKeys) ValidateMap(_ context.Context, req validator.MapRequest, resp *validator.MapResponse) {
	for key := range req.ConfigValue.Elements() {
		if strings.HasPrefix(key, reservedPrefix) {
			resp.Diagnostics.AddAttributeError(req.Path.AtMapKey(key), "Reserved key",
				fmt.Sprintf("Keys that start with %q are the platform's own: %q cannot be set. Remove it, or choose another prefix.", reservedPrefix, key))
		}
	}
}
