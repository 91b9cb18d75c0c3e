package provider

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// configModel 是提供者的配置块。
type configModel struct {
	Kubeconfig        types.String `tfsdk:"kubeconfig"`
	Context           types.String `tfsdk:"context"`
	Server            types.String `tfsdk:"server"`
	Token             types.String `tfsdk:"token"`
	CACertificate     types.String `tfsdk:"ca_certificate"`
	ClientCertificate types.String `tfsdk:"client_certificate"`
	ClientKey         types.String `tfsdk:"client_key"`
}

func configSchema() schema.Schema {
	return schema.Schema{
		MarkdownDescription: "Manages users, roles, role bindings, member clusters and models of a KubeLLM platform. Configure it either with " +
			"`kubeconfig` (and `context`), or with `server` and credentials. There is no default: the provider never guesses a platform.",
		Attributes: map[string]schema.Attribute{
			"kubeconfig": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "Path of a kubeconfig file of the platform; `~` is the home directory. " + standsIn("kubeconfig") +
					" `~/.kube/config` and `KUBECONFIG` are never read by themselves.",
			},
			"context": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Context of the kubeconfig file. Defaults to its current context. " + standsIn("context"),
			},
			"server": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "URL of the platform, `https://host:port`. " + standsIn("server"),
			},
			"token": schema.StringAttribute{
				Optional:            true,
				Sensitive:           true,
				MarkdownDescription: "Bearer token to authenticate with at `server`. " + standsIn("token"),
			},
			"ca_certificate": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "Certificates (PEM) that the certificate of `server` is verified with, for example " +
					"`file(\"ca.crt\")`. Defaults to those that the machine trusts. " + standsIn("ca_certificate"),
			},
			"client_certificate": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Client certificate (PEM) to authenticate with at `server`. " + standsIn("client_certificate"),
			},
			"client_key": schema.StringAttribute{
				Optional:            true,
				Sensitive:           true,
				MarkdownDescription: "Private key (PEM) of `client_certificate`. " + standsIn("client_key"),
			},
		},
	}
}

// variable 是替代一个属性的环境变量。
func variable(attribute string) string { return "KUBELLM_" + strings.ToUpper(attribute) }

func standsIn(attribute string) string {
	return fmt.Sprintf("The environment variable `%s` stands in for it.", variable(attribute))
}

// environment 读环境变量；单独成函数，让人一眼看到提供者读哪些。
func environment(name string) string { return os.Getenv(name) }

// field 是一个属性和配置里给它的值。
type field struct {
	name  string
	value types.String
}

// given 说配置给了它值，哪怕值要到 apply 才知道。空串不算：那多半是没填的变量。
func (f field) given() bool {
	return f.value.IsUnknown() || f.value.ValueString() != ""
}

// ways 是配置的两种写法；它们不能混用，混用时没有哪种理解不会让人意外。
func (m configModel) ways() (byKubeconfig, byServer []field) {
	return []field{
			{"kubeconfig", m.Kubeconfig},
			{"context", m.Context},
		}, []field{
			{"server", m.Server},
			{"token", m.Token},
			{"ca_certificate", m.CACertificate},
			{"client_certificate", m.ClientCertificate},
			{"client_key", m.ClientKey},
		}
}

func givenNames(fields []field) []string {
	var names []string
	for _, f := range fields {
		if f.given() {
			names = append(names, f.name)
		}
	}
	return names
}

// contradictions 报告把两种写法混在一起的配置。
func (m configModel) contradictions() diag.Diagnostics {
	byKubeconfig, byServer := m.ways()
	one, other := givenNames(byKubeconfig), givenNames(byServer)
	if len(one) == 0 || len(other) == 0 {
		return nil
	}
	return diag.Diagnostics{diag.NewAttributeErrorDiagnostic(path.Root(other[0]), "Contradictory provider configuration",
		fmt.Sprintf("The provider is given both %s and %s. A kubeconfig file already says which server to talk to and with which credentials: "+
			"remove either the one or the other.", strings.Join(one, ", "), strings.Join(other, ", ")))}
}

// resolve 从配置与环境变量得出设置。配置里写了哪种写法就只看那一种的环境变量，
// 免得终端里留着的变量悄悄改变一份写明了的配置。
func (m configModel) resolve() (settings, diag.Diagnostics) {
	if diags := m.contradictions(); diags.HasError() {
		return settings{}, diags
	}
	byKubeconfig, byServer := m.ways()
	configured := len(givenNames(byKubeconfig)) + len(givenNames(byServer))
	var fields []field
	switch {
	case len(givenNames(byKubeconfig)) > 0:
		fields = byKubeconfig
	case len(givenNames(byServer)) > 0:
		fields = byServer
	default:
		fields = slices.Concat(byKubeconfig, byServer)
	}
	set := settings{values: map[string]string{}, origins: map[string]string{}}
	for _, f := range fields {
		set.take(f)
	}
	if configured == 0 {
		if diags := set.environmentContradictions(); diags.HasError() {
			return settings{}, diags
		}
	}
	if len(set.unknown) > 0 {
		return set, nil
	}
	return set, set.check()
}
