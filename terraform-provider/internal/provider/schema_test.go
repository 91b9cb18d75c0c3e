package provider

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	apiresource "k8s.io/apimachinery/pkg/api/resource"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	iamv1alpha1 "github.com/kubellm/kubellm/apis/iam/v1alpha1"
	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// specs 把每个资源与它所写的平台 spec 对应起来。
var specs = map[string]reflect.Type{
	"kubellm_user":         reflect.TypeFor[iamv1alpha1.UserSpec](),
	"kubellm_role":         reflect.TypeFor[iamv1alpha1.RoleSpec](),
	"kubellm_role_binding": reflect.TypeFor[iamv1alpha1.RoleBindingSpec](),
	"kubellm_cluster":      reflect.TypeFor[clusterv1alpha1.ClusterSpec](),
	"kubellm_model":        reflect.TypeFor[modelv1alpha1.ModelSpec](),
}

// schemas 用插件协议取出全部 schema，与 Terraform 看到的一样。
func schemas(t *testing.T) *tfprotov6.GetProviderSchemaResponse {
	t.Helper()
	server, err := providerserver.NewProtocol6WithError(New("test")())()
	if err != nil {
		t.Fatalf("serve the provider: %v", err)
	}
	resp, err := server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatalf("get the schemas: %v", err)
	}
	for _, d := range resp.Diagnostics {
		t.Errorf("the schemas have a problem: %s: %s", d.Summary, d.Detail)
	}
	return resp
}

func TestSchemasAreValid(t *testing.T) {
	schemas(t)
	ctx, p := t.Context(), New("test")()
	var ps provider.SchemaResponse
	p.Schema(ctx, provider.SchemaRequest{}, &ps)
	check(t, "the provider", ps.Schema.ValidateImplementation(ctx).HasError())
	for _, build := range p.Resources(ctx) {
		var schema resource.SchemaResponse
		build().Schema(ctx, resource.SchemaRequest{}, &schema)
		check(t, "resource", schema.Schema.ValidateImplementation(ctx).HasError())
		var identity resource.IdentitySchemaResponse
		build().(resource.ResourceWithIdentity).IdentitySchema(ctx, resource.IdentitySchemaRequest{}, &identity)
		check(t, "identity", identity.IdentitySchema.ValidateImplementation(ctx).HasError())
	}
	for _, build := range p.DataSources(ctx) {
		var schema datasource.SchemaResponse
		build().Schema(ctx, datasource.SchemaRequest{}, &schema)
		check(t, "data source", schema.Schema.ValidateImplementation(ctx).HasError())
	}
	for _, build := range p.(provider.ProviderWithListResources).ListResources(ctx) {
		var schema list.ListResourceSchemaResponse
		build().ListResourceConfigSchema(ctx, list.ListResourceSchemaRequest{}, &schema)
		check(t, "list", schema.Schema.ValidateImplementation(ctx).HasError())
	}
}

func check(t *testing.T, what string, bad bool) {
	t.Helper()
	if bad {
		t.Errorf("the schema of %s is not valid", what)
	}
}

// TestEveryKindHasAllForms 保证一个种类要么样样都有，要么不存在。
func TestEveryKindHasAllForms(t *testing.T) {
	all := schemas(t)
	if len(all.ResourceSchemas) != len(definitions) {
		t.Errorf("%d resources for %d kinds", len(all.ResourceSchemas), len(definitions))
	}
	for name := range all.ResourceSchemas {
		if all.DataSourceSchemas[name] == nil || all.DataSourceSchemas[name+"s"] == nil {
			t.Errorf("%s lacks a data source for one or for many", name)
		}
		if all.ListResourceSchemas[name] == nil {
			t.Errorf("%s cannot be listed", name)
		}
	}
}

// refused 是平台一概拒绝的字段，写了也没有用，所以没有属性。
var refused = map[string][]string{"kubellm_model": {
	"adapters.source.s3", "adapters.source.hugging_face.revision", "adapters.source.hugging_face.file",
	"adapters.source.hugging_face.token_secret_ref", "adapters.source.oci.pull_secret_ref",
}}

// TestDataSourcesReplaceNothing 保证数据源的说明不说换一个对象：读的人什么也没换。
func TestDataSourcesReplaceNothing(t *testing.T) {
	replaces := func(attributes []*tfprotov6.SchemaAttribute) []string {
		var out []string
		for len(attributes) > 0 {
			attribute := attributes[0]
			attributes = attributes[1:]
			if strings.Contains(attribute.Description, "replaces the ") {
				out = append(out, attribute.Name)
			}
			if attribute.NestedType != nil {
				attributes = append(attributes, attribute.NestedType.Attributes...)
			}
		}
		return out
	}
	all := schemas(t)
	for name, schema := range all.DataSourceSchemas {
		if said := replaces(schema.Block.Attributes); len(said) > 0 {
			t.Errorf("data source %s says of %v that it is replaced", name, said)
		}
	}
	if said := replaces(all.ResourceSchemas["kubellm_model"].Block.Attributes); len(said) != 5 {
		t.Errorf("resource kubellm_model says of %v that it is replaced, want five attributes", said)
	}
}

// TestAttributesAreTheSpec 保证属性就是 spec 字段名的 snake_case，一个不多、一个不少：
// 平台加了字段而 Terraform 没跟上时在这里失败。
func TestAttributesAreTheSpec(t *testing.T) {
	all := schemas(t)
	common := []string{"name", "namespace", "labels", "annotations", "timeouts", "plan"}
	for name, schema := range all.ResourceSchemas {
		spec, ok := specs[name]
		if !ok {
			t.Errorf("%s: the test does not know its spec; add it to specs", name)
			continue
		}
		var got []string
		for _, attribute := range schema.Block.Attributes {
			// 只写的秘密不在 spec 里，由 TestSecretsAreWriteOnly 检查。
			if !slices.Contains(common, attribute.Name) && !isSecret(attribute.Name) {
				got = append(got, shape(attribute)...)
			}
		}
		want := slices.DeleteFunc(fieldShape(spec, ""), func(field string) bool {
			return slices.ContainsFunc(refused[name], func(path string) bool { return field == path || strings.HasPrefix(field, path+".") })
		})
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: attributes %v, want the fields of %s: %v", name, got, spec, want)
		}
	}
}

// isSecret 说一个属性是不是只写的秘密或它的版本。
func isSecret(name string) bool {
	return strings.HasSuffix(name, "_wo") || strings.HasSuffix(name, "_wo_version")
}

// TestSecretsAreWriteOnly 交给平台的秘密只能是只写的，并且各有一个不是秘密的版本说何时再交。
func TestSecretsAreWriteOnly(t *testing.T) {
	found := 0
	for name, schema := range schemas(t).ResourceSchemas {
		attributes := map[string]*tfprotov6.SchemaAttribute{}
		for _, attribute := range schema.Block.Attributes {
			attributes[attribute.Name] = attribute
		}
		for attribute, is := range attributes {
			if !is.WriteOnly {
				continue
			}
			found++
			version := attributes[attribute+"_version"]
			if !strings.HasSuffix(attribute, "_wo") || !is.Sensitive || version == nil || version.WriteOnly || version.Sensitive {
				t.Errorf("%s.%s is no write-only secret with a version of its own", name, attribute)
			}
		}
	}
	if found == 0 {
		t.Error("no resource takes a secret in, so the test shows nothing")
	}
}

// shape 列出一个属性及其嵌套属性。
func shape(attribute *tfprotov6.SchemaAttribute) []string {
	out := []string{attribute.Name}
	if attribute.NestedType != nil {
		for _, nested := range attribute.NestedType.Attributes {
			for _, inner := range shape(nested) {
				out = append(out, attribute.Name+"."+inner)
			}
		}
	}
	return out
}

// fieldShape 列出一个 API 结构体的字段，名字是 JSON 名的 snake_case。
func fieldShape(in reflect.Type, prefix string) []string {
	var out []string
	for i := range in.NumField() {
		field := in.Field(i)
		jsonName, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		name := prefix + snake(jsonName)
		out = append(out, name)
		inner := field.Type
		for inner.Kind() == reflect.Slice || inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct && inner != reflect.TypeFor[apiresource.Quantity]() {
			out = append(out, fieldShape(inner, name+".")...)
		}
	}
	return out
}

func snake(camel string) string {
	var b strings.Builder
	for i, r := range strings.ReplaceAll(camel, "TLS", "Tls") {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// TestNothingThatChangesByItself 保证 schema 里没有会让第二次计划不空的东西，文档也没有漏写。
func TestNothingThatChangesByItself(t *testing.T) {
	for name, schema := range schemas(t).ResourceSchemas {
		for _, attribute := range schema.Block.Attributes {
			// 平台的打算是写入时说的话，照原样留着，不会自己变。
			if attribute.Computed && attribute.Name != "plan" {
				t.Errorf("%s.%s is computed: everything in a resource is the user's", name, attribute.Name)
			}
			if attribute.Description == "" {
				t.Errorf("%s.%s has no description", name, attribute.Name)
			}
		}
	}
}

func TestSensitiveProviderAttributes(t *testing.T) {
	cases := map[string]struct {
		reason    string
		sensitive bool
	}{
		"token":              {"a token is an identity", true},
		"client_key":         {"a key is an identity", true},
		"client_certificate": {"a certificate is public", false},
		"server":             {"errors must show the address", false},
		"kubeconfig":         {"a path is no secret", false},
	}
	attributes := map[string]*tfprotov6.SchemaAttribute{}
	for _, attribute := range schemas(t).Provider.Block.Attributes {
		attributes[attribute.Name] = attribute
	}
	for name, c := range cases {
		if attributes[name] == nil || attributes[name].Sensitive != c.sensitive {
			t.Errorf("%s: attribute %s should be there with sensitive %v", c.reason, name, c.sensitive)
		}
	}
}

// TestUserAgent 保证审计看得出是谁在写。
func TestUserAgent(t *testing.T) {
	t.Setenv("TF_APPEND_USER_AGENT", "ci/7")
	if got, want := userAgent("1.2.3", "1.11.4"), "terraform-provider-kubellm/1.2.3 Terraform/1.11.4 ci/7"; got != want {
		t.Errorf("userAgent() = %q, want %q", got, want)
	}
}
