// Package provider 是 kubellm 提供者本身：它的配置，以及它有哪些种类。
package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/kubellm/kubellm/terraform-provider/internal/kind"
	"github.com/kubellm/kubellm/terraform-provider/internal/kinds/cluster"
	"github.com/kubellm/kubellm/terraform-provider/internal/kinds/model"
	"github.com/kubellm/kubellm/terraform-provider/internal/kinds/role"
	"github.com/kubellm/kubellm/terraform-provider/internal/kinds/rolebinding"
	"github.com/kubellm/kubellm/terraform-provider/internal/kinds/user"
)

// definitions 是提供者的全部种类；加一个种类只在这里加一行。
var definitions = []kind.Definition{
	user.Kind,
	role.Kind,
	rolebinding.Kind,
	cluster.Kind,
	model.Kind,
}

type kubellm struct{ version string }

var (
	_ provider.ProviderWithListResources  = (*kubellm)(nil)
	_ provider.ProviderWithValidateConfig = (*kubellm)(nil)
)

// New 给出提供者的工厂；version 用在 User-Agent 里。
func New(version string) func() provider.Provider {
	return func() provider.Provider { return &kubellm{version: version} }
}

func (p *kubellm) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "kubellm"
	resp.Version = p.version
}

func (p *kubellm) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	resp.Schema = configSchema()
}

// ValidateConfig 在还不连接平台时就说出写得自相矛盾的配置。
func (p *kubellm) ValidateConfig(ctx context.Context, req provider.ValidateConfigRequest, resp *provider.ValidateConfigResponse) {
	var model configModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(model.contradictions()...)
	}
}

// Configure 只弄清连接哪里、用什么身份，不连接：平台可能要由同一次 apply 建起来。
func (p *kubellm) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	var model configModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	set, diags := model.resolve()
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	if len(set.unknown) > 0 && req.ClientCapabilities.DeferralAllowed {
		resp.Deferred = &provider.Deferred{Reason: provider.DeferredReasonProviderConfigUnknown}
	}
	connection := &kind.Connection{
		Source:    set.source(),
		UserAgent: userAgent(p.version, req.TerraformVersion),
		Load:      set.restConfig,
	}
	resp.ResourceData = connection
	resp.DataSourceData = connection
	resp.ListResourceData = connection
}

func (p *kubellm) Resources(context.Context) []func() resource.Resource {
	return each(func(d kind.Definition) func() resource.Resource { return d.Resource })
}

func (p *kubellm) DataSources(context.Context) []func() datasource.DataSource {
	all := each(func(d kind.Definition) func() datasource.DataSource { return d.DataSource })
	all = append(all, each(func(d kind.Definition) func() datasource.DataSource { return d.DataSources })...)
	for _, definition := range definitions {
		if plan, ok := definition.Plan(); ok {
			all = append(all, func() datasource.DataSource { return plan })
		}
	}
	return all
}

func (p *kubellm) ListResources(context.Context) []func() list.ListResource {
	return each(func(d kind.Definition) func() list.ListResource { return d.List })
}

// each 从每个种类取出一样东西。
func each[R any](of func(kind.Definition) R) []R {
	out := make([]R, 0, len(definitions))
	for _, definition := range definitions {
		out = append(out, of(definition))
	}
	return out
}

// userAgent 让平台的审计看得出是哪个版本的什么在写；TF_APPEND_USER_AGENT 是 Terraform 的惯例。
func userAgent(version, terraform string) string {
	agent := fmt.Sprintf("terraform-provider-kubellm/%s Terraform/%s", version, terraform)
	if more := environment("TF_APPEND_USER_AGENT"); more != "" {
		agent += " " + more
	}
	return agent
}
