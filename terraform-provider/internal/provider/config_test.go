package provider

import (
	"bytes"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/kubellm/kubellm/test/harness"
)

// clearEnvironment 让测试不受机器上环境变量的影响。
func clearEnvironment(t *testing.T) {
	t.Helper()
	for _, f := range allFields(configModel{}) {
		t.Setenv(variable(f.name), "")
	}
}

func allFields(m configModel) []field {
	byKubeconfig, byServer := m.ways()
	return slices.Concat(byKubeconfig, byServer)
}

func TestResolve(t *testing.T) {
	ca, err := harness.NewCA("test")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := ca.IssueClient(harness.Identity{User: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	certificate, key := string(pair.Cert), string(pair.Key)
	some := types.StringValue
	cases := map[string]struct {
		reason      string
		config      configModel
		environment map[string]string
		want        map[string]string
		unknown     []string
		// failure 是错误里必须有的话，failsAt 是错误所指的属性。
		failure string
		failsAt string
	}{
		"Nothing": {
			reason:  "with nothing configured, no platform is guessed",
			failure: "never guesses",
		},
		"Kubeconfig": {
			reason: "the simplest way",
			config: configModel{Kubeconfig: some("/k"), Context: some("c")},
			want:   map[string]string{"kubeconfig": "/k", "context": "c"},
		},
		"KubeconfigFromEnvironment": {
			reason:      "pipelines often use environment variables",
			environment: map[string]string{"KUBELLM_KUBECONFIG": "/k", "KUBELLM_CONTEXT": "c"},
			want:        map[string]string{"kubeconfig": "/k", "context": "c"},
		},
		"ConfigurationWins": {
			reason:      "what is configured is not changed by what is left in a terminal",
			config:      configModel{Kubeconfig: some("/k")},
			environment: map[string]string{"KUBELLM_KUBECONFIG": "/other", "KUBELLM_SERVER": "https://other", "KUBELLM_TOKEN": "t"},
			want:        map[string]string{"kubeconfig": "/k"},
		},
		"TokenFromEnvironment": {
			reason:      "the server in the configuration and the token in the environment is a common split",
			config:      configModel{Server: some("https://p:1"), CACertificate: some(string(ca.PEM))},
			environment: map[string]string{"KUBELLM_TOKEN": "t", "KUBELLM_KUBECONFIG": "/other"},
			want:        map[string]string{"server": "https://p:1", "ca_certificate": string(ca.PEM), "token": "t"},
		},
		"ClientCertificate": {
			reason: "a client certificate goes with its key",
			config: configModel{Server: some("https://p:1"), ClientCertificate: some(certificate), ClientKey: some(key)},
			want:   map[string]string{"server": "https://p:1", "client_certificate": certificate, "client_key": key},
		},
		"Both": {
			reason:  "of two ways mixed, every reading would surprise somebody",
			config:  configModel{Kubeconfig: some("/k"), Server: types.StringUnknown()},
			failure: "both kubeconfig and server",
			failsAt: "server",
		},
		"BothInEnvironment": {
			reason:      "they do not mix in the environment either",
			environment: map[string]string{"KUBELLM_KUBECONFIG": "/k", "KUBELLM_SERVER": "https://p"},
			failure:     "KUBELLM_KUBECONFIG and KUBELLM_SERVER",
		},
		"EmptyStrings": {
			reason:  "an empty variable is as good as none, and not this machine",
			config:  configModel{Server: some(""), Kubeconfig: some("")},
			failure: "never guesses",
		},
		"ContextAlone": {
			reason:  "a context without a file makes no sense",
			config:  configModel{Context: some("c")},
			failure: "no file is given",
			failsAt: "kubeconfig",
		},
		"TokenAlone": {
			reason:  "a token without a server does not mean any server",
			config:  configModel{Token: some("s3cret")},
			failure: "nothing is assumed",
			failsAt: "server",
		},
		"NoCredentials": {
			reason:  "nobody may do anything anonymously, so it is said early",
			config:  configModel{Server: some("https://p:1")},
			failure: "nothing to authenticate with",
			failsAt: "token",
		},
		"PlainHTTP": {
			reason:  "a token does not travel in clear",
			config:  configModel{Server: some("http://p:1"), Token: some("s3cret")},
			failure: "https://host:port",
			failsAt: "server",
		},
		"PasswordInURL": {
			reason:  "the address shows in errors, so it has no password",
			config:  configModel{Server: some("https://u:s3cret@p:1"), Token: some("s3cret")},
			failure: "without user and password",
			failsAt: "server",
		},
		"PathForCertificate": {
			reason:  "a path is what is most often given by mistake",
			config:  configModel{Server: some("https://p:1"), Token: some("s3cret"), CACertificate: some("/etc/ca.crt")},
			failure: "file(\"ca.crt\")",
			failsAt: "ca_certificate",
		},
		"CertificateWithoutKey": {
			reason:  "a certificate without its key is of no use",
			config:  configModel{Server: some("https://p:1"), ClientCertificate: some(certificate)},
			failure: "together with client_key",
			failsAt: "client_key",
		},
		"MalformedKey": {
			reason:  "it says that they do not match and does not print the key",
			config:  configModel{Server: some("https://p:1"), ClientCertificate: some(certificate), ClientKey: some("s3cret")},
			failure: "not a pair",
			failsAt: "client_certificate",
		},
		"Unknown": {
			reason:  "what is known only at apply is no error at plan",
			config:  configModel{Server: types.StringUnknown(), Token: types.StringUnknown()},
			want:    map[string]string{},
			unknown: []string{"server", "token"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			clearEnvironment(t)
			for variable, value := range c.environment {
				t.Setenv(variable, value)
			}
			got, diags := c.config.resolve()
			if c.failure != "" {
				checkFailure(t, c.reason, diags, c.failure, c.failsAt)
				return
			}
			if diags.HasError() {
				t.Fatalf("%s: unexpected %v", c.reason, diags)
			}
			if !maps.Equal(got.values, c.want) || !slices.Equal(got.unknown, c.unknown) {
				t.Errorf("%s: got %v, unknown %v; want %v, unknown %v", c.reason, got.values, got.unknown, c.want, c.unknown)
			}
			if strings.Contains(got.source(), "s3cret") || strings.Contains(got.source(), "PRIVATE") {
				t.Errorf("the source shows a credential: %s", got.source())
			}
		})
	}
}

func checkFailure(t *testing.T, reason string, diags diag.Diagnostics, words, attribute string) {
	t.Helper()
	if !diags.HasError() {
		t.Fatalf("%s: no error", reason)
	}
	var text, at string
	for _, d := range diags.Errors() {
		text += d.Summary() + ": " + d.Detail() + "\n"
		if d, ok := d.(diag.DiagnosticWithPath); ok {
			at = d.Path().String()
		}
	}
	if !strings.Contains(text, words) || at != attribute {
		t.Errorf("%s: got an error at %q:\n%swant one at %q with %q", reason, at, text, attribute, words)
	}
	if strings.Contains(text, "s3cret") {
		t.Errorf("the error shows a credential:\n%s", text)
	}
}

// TestUnknownIsExplained 保证非要在计划时用到还不知道的配置时，错误说得出是哪一项、怎么办。
func TestUnknownIsExplained(t *testing.T) {
	clearEnvironment(t)
	set, diags := configModel{Server: types.StringUnknown(), Token: types.StringValue("s3cret")}.resolve()
	if diags.HasError() {
		t.Fatal(diags)
	}
	_, err := set.restConfig()
	if err == nil || !strings.Contains(err.Error(), "server") || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("restConfig() with an unknown server: %v", err)
	}
}

// TestTruncatedKubeconfig 在每一处截断 kubeconfig：任何残缺的文件都在连接之前就被认出，说得出是哪个文件。
func TestTruncatedKubeconfig(t *testing.T) {
	clearEnvironment(t)
	whole, err := os.ReadFile(platform.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	whole = bytes.TrimRight(whole, "\n")
	// 最后几个字符可能只是 base64 的填充，少了也还是同一份凭据。
	for length := 0; length < len(whole)-3; length += 7 {
		file := tempFile(t, "kubeconfig", string(whole[:length]))
		set, diags := configModel{Kubeconfig: types.StringValue(file)}.resolve()
		if diags.HasError() {
			t.Fatal(diags)
		}
		if _, err := set.restConfig(); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("the first %d of %d bytes: error %v, want one that names the file", length, len(whole), err)
		}
	}
}

// TestUnknownIsDeferred 会推迟的 Terraform（Stacks）遇到还不知道的配置时推迟整个提供者，其余的照常计划。
func TestUnknownIsDeferred(t *testing.T) {
	clearEnvironment(t)
	schema := configSchema()
	of := schema.Type().TerraformType(t.Context()).(tftypes.Object)
	values := map[string]tftypes.Value{}
	for name, attribute := range of.AttributeTypes {
		values[name] = tftypes.NewValue(attribute, nil)
	}
	values["server"] = tftypes.NewValue(tftypes.String, tftypes.UnknownValue)
	for _, allowed := range []bool{true, false} {
		req := provider.ConfigureRequest{Config: tfsdk.Config{Schema: schema, Raw: tftypes.NewValue(of, values)}}
		req.ClientCapabilities.DeferralAllowed = allowed
		var resp provider.ConfigureResponse
		New("test")().Configure(t.Context(), req, &resp)
		if resp.Diagnostics.HasError() || (resp.Deferred != nil) != allowed {
			t.Errorf("deferral allowed %v: deferred %v, %v", allowed, resp.Deferred, resp.Diagnostics)
		}
	}
}
