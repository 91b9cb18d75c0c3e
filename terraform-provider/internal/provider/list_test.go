package provider

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// configured 是一个已配置好的提供者，直接说插件协议：旧的 terraform 没有 query 命令，协议却人人都有。
func configured(t *testing.T) (tfprotov6.ProviderServer, *tfprotov6.GetProviderSchemaResponse) {
	t.Helper()
	server, err := providerserver.NewProtocol6WithError(New("test")())()
	if err != nil {
		t.Fatal(err)
	}
	all := schemas(t)
	values := map[string]tftypes.Value{}
	for _, attribute := range all.Provider.Block.Attributes {
		values[attribute.Name] = tftypes.NewValue(tftypes.String, nil)
	}
	values["kubeconfig"] = tftypes.NewValue(tftypes.String, platform.Kubeconfig)
	resp, err := server.ConfigureProvider(t.Context(), &tfprotov6.ConfigureProviderRequest{
		TerraformVersion: "1.14.0", Config: dynamic(t, all.Provider.ValueType(), values),
	})
	if err != nil || len(resp.Diagnostics) > 0 {
		t.Fatalf("configure the provider: %v %v", err, resp)
	}
	return server, all
}

func dynamic(t *testing.T, of tftypes.Type, values map[string]tftypes.Value) *tfprotov6.DynamicValue {
	t.Helper()
	out, err := tfprotov6.NewDynamicValue(of, tftypes.NewValue(of, values))
	if err != nil {
		t.Fatal(err)
	}
	return &out
}

// TestListFindsWhatToImport 列出可导入的对象：身份是名字，附带的属性就是导入后会有的。
func TestListFindsWhatToImport(t *testing.T) {
	name := unique("listed")
	manual(t, name)
	server, all := configured(t)
	text := func(value any) tftypes.Value { return tftypes.NewValue(tftypes.String, value) }
	cases := map[string]struct {
		reason   string
		selector any
		email    any
		limit    int64
		want     int
		failure  bool
	}{
		"ByLabel":   {reason: "by a label", selector: "stage=manual,team=search", limit: 100, want: 1},
		"Nothing":   {reason: "what is not there is not found", email: "nobody-at-all@example.com", limit: 100},
		"Limited":   {reason: "as many as wanted", limit: 1, want: 1},
		"Malformed": {reason: "a malformed selector is an error and not an empty result", selector: "a in (", limit: 100, failure: true},
	}
	for label, c := range cases {
		t.Run(label, func(t *testing.T) {
			stream, err := server.(tfprotov6.ListResourceServer).ListResource(t.Context(), &tfprotov6.ListResourceRequest{
				TypeName:        "kubellm_user",
				IncludeResource: true,
				Limit:           c.limit,
				Config: dynamic(t, all.ListResourceSchemas["kubellm_user"].ValueType(), map[string]tftypes.Value{
					"label_selector": text(c.selector), "email": text(c.email),
				}),
			})
			if err != nil {
				t.Fatal(err)
			}
			var results []tfprotov6.ListResourceResult
			failed := false
			for result := range stream.Results {
				failed = failed || len(result.Diagnostics) > 0
				results = append(results, result)
			}
			if failed != c.failure {
				t.Fatalf("%s: failed is %v: %+v", c.reason, failed, results)
			}
			if c.failure {
				return
			}
			if len(results) != c.want {
				t.Fatalf("%s: %d results, want %d", c.reason, len(results), c.want)
			}
			if c.selector != nil {
				checkListed(t, all, results[0], name)
			}
		})
	}
}

// checkListed 检查一个结果的名字、身份与属性。
func checkListed(t *testing.T, all *tfprotov6.GetProviderSchemaResponse, result tfprotov6.ListResourceResult, name string) {
	t.Helper()
	whole, err := result.Resource.Unmarshal(all.ResourceSchemas["kubellm_user"].ValueType())
	if err != nil {
		t.Fatal(err)
	}
	var attributes map[string]tftypes.Value
	if err := whole.As(&attributes); err != nil {
		t.Fatal(err)
	}
	identity, err := result.Identity.IdentityData.Unmarshal(tftypes.Object{AttributeTypes: map[string]tftypes.Type{"name": tftypes.String}})
	if err != nil {
		t.Fatal(err)
	}
	wanted := tftypes.NewValue(tftypes.String, name)
	if result.DisplayName != name || !attributes["name"].Equal(wanted) ||
		!attributes["email"].Equal(tftypes.NewValue(tftypes.String, "manual@example.com")) ||
		!attributes["suspended"].IsNull() {
		t.Errorf("the listed user is %q, identity %s, attributes %v", result.DisplayName, identity, attributes)
	}
	var at map[string]tftypes.Value
	if err := identity.As(&at); err != nil || !at["name"].Equal(wanted) {
		t.Errorf("the identity of the listed user is %s, want its name %q (%v)", identity, name, err)
	}
}
