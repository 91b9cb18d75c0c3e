package kind

import (
	"context"
	"fmt"
	"maps"
	"strconv"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/objectvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kubellm/kubellm/internal/external"
)

// Secret 声明一个交给平台、再也读不回来的秘密：只写的属性 <Name>_wo，以及换了它就要跟着换的 <Name>_wo_version。
// 它是一段文字（Key）或一个对象（Keys）。
type Secret[M any] struct {
	Name        string
	Description string
	// Key 是文字交给平台时的键。
	Key string
	// Keys 是对象里各个键与它们的说明；属性名是键的 snake_case。
	Keys map[string]string
	// Validators 是 <Name>_wo 另外的校验，用于文字。
	Validators []validator.String
	// Check 是平台收下它的规则，在写任何东西之前查；错误里不得有秘密的内容。可为 nil。
	Check func(model M, data external.SecretData) error
}

func (s *Secret[M]) valueName() string   { return s.Name + "_wo" }
func (s *Secret[M]) versionName() string { return s.Name + "_wo_version" }

// attributes 是两个属性；没有秘密的种类一个也没有。
func (s *Secret[M]) attributes() map[string]schema.Attribute {
	if s == nil {
		return nil
	}
	return map[string]schema.Attribute{
		s.valueName(): s.valueAttribute(),
		s.versionName(): schema.Int64Attribute{
			Optional: true,
			MarkdownDescription: fmt.Sprintf("Any number; change it to have `%[1]s` handed in again. A plan shows it as unset when what the platform holds is "+
				"not what Terraform handed in, and apply then hands `%[1]s` in again. "+
				"Removing both attributes leaves on the platform what was handed in.", s.valueName()),
			Validators: []validator.Int64{int64validator.AlsoRequires(path.MatchRoot(s.valueName()))},
		},
	}
}

// valueAttribute 是秘密本身：一段文字，或每个键一段。
func (s *Secret[M]) valueAttribute() schema.Attribute {
	description := s.Description + fmt.Sprintf(" Write-only: it is neither in the state nor in a plan, and is handed in when `%s` changes. "+
		"Needs Terraform or OpenTofu 1.11 or later.", s.versionName())
	requires := path.MatchRoot(s.versionName())
	if len(s.Keys) == 0 {
		return schema.StringAttribute{
			Optional: true, WriteOnly: true, Sensitive: true, MarkdownDescription: description,
			Validators: append([]validator.String{stringvalidator.LengthAtLeast(1), stringvalidator.AlsoRequires(requires)}, s.Validators...),
		}
	}
	attributes := map[string]schema.Attribute{}
	for key, text := range s.Keys {
		attributes[attributeName(key)] = schema.StringAttribute{
			Optional: true, WriteOnly: true, Sensitive: true, MarkdownDescription: text,
			Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
		}
	}
	return schema.SingleNestedAttribute{
		Optional: true, WriteOnly: true, Sensitive: true, MarkdownDescription: description,
		Attributes: attributes, Validators: []validator.Object{objectvalidator.AlsoRequires(requires)},
	}
}

// data 从配置里取出秘密；一个键也没写的为空。
func (s *Secret[M]) data(ctx context.Context, config configuration) (external.SecretData, diag.Diagnostics) {
	data, at := external.SecretData{}, path.Root(s.valueName())
	if len(s.Keys) == 0 {
		var value types.String
		diags := config.GetAttribute(ctx, at, &value)
		if !value.IsNull() {
			data[s.Key] = []byte(value.ValueString())
		}
		return data, diags
	}
	var value types.Object
	diags := config.GetAttribute(ctx, at, &value)
	for key := range s.Keys {
		if text, ok := value.Attributes()[attributeName(key)].(types.String); ok && !text.IsNull() {
			data[key] = []byte(text.ValueString())
		}
	}
	return data, diags
}

// types 是两个属性的类型。
func (s *Secret[M]) types() map[string]attr.Type {
	out := map[string]attr.Type{}
	for name, attribute := range s.attributes() {
		out[name] = attribute.GetType()
	}
	return out
}

// version 是计划或状态里的版本，没写为 null。
func (s *Secret[M]) version(values map[string]attr.Value) types.Int64 {
	if s == nil {
		return types.Int64Null()
	}
	version, ok := values[s.versionName()].(types.Int64)
	if !ok {
		return types.Int64Null()
	}
	return version
}

// withVersion 把版本换成 version。
func (s *Secret[M]) withVersion(values map[string]attr.Value, version types.Int64) map[string]attr.Value {
	if s == nil {
		return values
	}
	values = maps.Clone(values)
	values[s.versionName()] = version
	return values
}

// known 是观察时要的：版本与上次交入后记住的，不含秘密本身。
func (s *Secret[M]) known(values map[string]attr.Value, last external.Handover) *external.Secret {
	version := s.version(values)
	if version.IsNull() {
		return nil
	}
	return &external.Secret{Source: strconv.FormatInt(version.ValueInt64(), 10), Last: last}
}

// taken 是写入时要的：还带着配置里的秘密。版本与 before 不同就是要交入，平台不会收的在这里就说清楚，那时还什么都没写。
func (t task[M, T, L]) taken(ctx context.Context, config tfsdk.Config, plan decoded[M], before types.Int64, last external.Handover) *external.Secret {
	declared := t.kind.Secret
	secret := declared.known(plan.values, last)
	if secret == nil {
		return nil
	}
	at := path.Root(declared.valueName())
	data, diags := declared.data(ctx, config)
	t.diags.Append(diags...)
	if len(data) == 0 {
		t.diags.AddAttributeError(at, t.summary(), fmt.Sprintf("%s turned out to be null, so there is nothing to hand in. Nothing was changed.", at))
		return nil
	}
	if !declared.version(plan.values).Equal(before) {
		t.check(plan.model, data)
	}
	secret.Data = data
	return secret
}

// check 按平台的规则查秘密。
func (t task[M, T, L]) check(model M, data external.SecretData) {
	declared := t.kind.Secret
	if declared.Check == nil {
		return
	}
	if err := declared.Check(model, data); err != nil {
		t.diags.AddAttributeError(path.Root(declared.valueName()), t.summary(),
			fmt.Sprintf("The platform does not take this as the %s: %s. Nothing was changed.", declared.Name, err))
	}
}

// failHandIn 用于对象已写成、秘密却没有交成：两者都要说清楚，错误指到秘密那一行。
func (t task[M, T, L]) failHandIn(err error, next string) {
	declared := t.kind.Secret
	t.diags.AddAttributeError(path.Root(declared.valueName()), fmt.Sprintf("Cannot hand in the %s of the %s %q", declared.Name, t.kind.Title, t.id()),
		fmt.Sprintf("%s\n\nThe %s itself is written as configured and is in the state; only the %s could not be handed in. %s",
			sentence(err), t.kind.Title, declared.Name, next))
}

// warnHandedInByOther 说明计划为什么要把秘密再交一次。
func (t task[M, T, L]) warnHandedInByOther() {
	declared := t.kind.Secret
	t.diags.AddAttributeWarning(path.Root(declared.versionName()), fmt.Sprintf("The %s of the %s %q changed outside of Terraform", declared.Name, t.kind.Title, t.id()),
		fmt.Sprintf("What the platform holds is not what Terraform handed in: someone else handed in since, or the answer to the last apply was lost. Apply "+
			"hands in %[1]s again. To keep what is there instead, remove %[1]s and %[2]s from the configuration.",
			declared.valueName(), declared.versionName()))
}
