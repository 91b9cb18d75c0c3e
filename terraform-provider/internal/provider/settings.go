package provider

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// settings 是解析出的设置：每个属性的值，以及它来自配置还是环境。
type settings struct {
	values  map[string]string
	origins map[string]string
	// unknown 是要到 apply 才知道的属性。
	unknown []string
}

// take 取一个属性：配置优先，环境变量其次。
func (s *settings) take(f field) {
	switch {
	case f.value.IsUnknown():
		s.unknown = append(s.unknown, f.name)
		s.origins[f.name] = "attribute " + f.name
	case f.value.ValueString() != "":
		s.values[f.name], s.origins[f.name] = f.value.ValueString(), "attribute "+f.name
	case environment(variable(f.name)) != "":
		s.values[f.name], s.origins[f.name] = environment(variable(f.name)), variable(f.name)
	}
}

// environmentContradictions 报告环境里同时给出两种写法。
func (s *settings) environmentContradictions() diag.Diagnostics {
	if s.values["kubeconfig"] == "" || s.values["server"] == "" {
		return nil
	}
	return diag.Diagnostics{diag.NewErrorDiagnostic("Contradictory provider configuration",
		"The environment sets both KUBELLM_KUBECONFIG and KUBELLM_SERVER, so it is not clear which platform is meant. "+
			"Unset one of them, or configure the provider block.")}
}

// source 说明设置从哪里来；绝不含凭据。
func (s *settings) source() string {
	if origin, ok := s.origins["kubeconfig"]; ok {
		text := fmt.Sprintf("the kubeconfig %q (%s)", s.values["kubeconfig"], origin)
		if s.values["context"] != "" {
			text += fmt.Sprintf(", context %q", s.values["context"])
		}
		return text
	}
	text := fmt.Sprintf("the server %q (%s)", s.values["server"], s.origins["server"])
	for _, name := range []string{"token", "client_certificate"} {
		if origin, ok := s.origins[name]; ok {
			text += fmt.Sprintf(" with a %s (%s)", strings.ReplaceAll(name, "_", " "), origin)
		}
	}
	return text
}

// check 找出不连接就能看出的错误；每条都指出属性与改法。
func (s *settings) check() diag.Diagnostics {
	switch {
	case s.values["kubeconfig"] != "":
		return nil
	case s.values["context"] != "":
		return attributeError("kubeconfig", "No kubeconfig given",
			fmt.Sprintf("The context %q (%s) is one of a kubeconfig file, but no file is given. Set kubeconfig or KUBELLM_KUBECONFIG.",
				s.values["context"], s.origins["context"]))
	case s.values["server"] != "":
		return s.checkServer()
	case len(s.values) > 0:
		return attributeError("server", "No server given",
			"The provider has credentials but not the URL of a platform to use them at. Set server or KUBELLM_SERVER; nothing is assumed.")
	default:
		return diag.Diagnostics{diag.NewErrorDiagnostic("No KubeLLM platform is configured", howToConfigure)}
	}
}

const howToConfigure = `The provider does not know which platform to talk to, and never guesses one. Name a kubeconfig file in the provider block

  provider "kubellm" {
    kubeconfig = "~/.kube/kubellm.kubeconfig"
  }

(a platform server writes one for its administrator to admin.kubeconfig in its data directory), or name the server and credentials

  provider "kubellm" {
    server         = "https://platform.example.com:8443"
    ca_certificate = file("ca.crt")
    token          = var.platform_token # or client_certificate and client_key
  }

or set KUBELLM_KUBECONFIG (and KUBELLM_CONTEXT) in the environment, or KUBELLM_SERVER with KUBELLM_CA_CERTIFICATE and KUBELLM_TOKEN, or KUBELLM_CLIENT_CERTIFICATE and KUBELLM_CLIENT_KEY.`

func attributeError(attribute, summary, detail string) diag.Diagnostics {
	return diag.Diagnostics{diag.NewAttributeErrorDiagnostic(path.Root(attribute), summary, detail)}
}

func (s *settings) checkServer() diag.Diagnostics {
	var diags diag.Diagnostics
	if at, err := url.Parse(s.values["server"]); err != nil || at.Scheme != "https" || at.Host == "" || at.User != nil {
		diags.Append(attributeError("server", "Malformed server URL",
			fmt.Sprintf("The value of %s must be a URL of the form https://host:port without user and password.", s.origins["server"]))...)
	}
	if ca := s.values["ca_certificate"]; ca != "" && !x509.NewCertPool().AppendCertsFromPEM([]byte(ca)) {
		diags.Append(attributeError("ca_certificate", "Malformed CA certificate",
			fmt.Sprintf("The value of %s holds no PEM certificate. It must be the content and not the path of the file: file(\"ca.crt\").",
				s.origins["ca_certificate"]))...)
	}
	return append(diags, s.checkCredentials()...)
}

func (s *settings) checkCredentials() diag.Diagnostics {
	certificate, key := s.values["client_certificate"], s.values["client_key"]
	switch {
	case certificate == "" && key == "" && s.values["token"] == "":
		return attributeError("token", "No credentials given",
			"The provider knows the server but has nothing to authenticate with: set token, or client_certificate and client_key, "+
				"or KUBELLM_TOKEN, or KUBELLM_CLIENT_CERTIFICATE and KUBELLM_CLIENT_KEY.")
	case certificate == "" && key == "":
		return nil
	case certificate == "":
		return attributeError("client_certificate", "No client certificate given", "client_key is of use only together with client_certificate.")
	case key == "":
		return attributeError("client_key", "No client key given", "client_certificate is of use only together with client_key.")
	}
	if _, err := tls.X509KeyPair([]byte(certificate), []byte(key)); err != nil {
		return attributeError("client_certificate", "Malformed client certificate",
			fmt.Sprintf("client_certificate and client_key are not a pair of PEM certificate and key: %s. "+
				"They must be the content and not the paths of the files: file(\"client.crt\").", err))
	}
	return nil
}

// restConfig 给出连接平台所需的一切；文件到用时才读，它可能由同一次 apply 写出。
func (s *settings) restConfig() (*rest.Config, error) {
	if len(s.unknown) > 0 {
		return nil, fmt.Errorf("the provider's %s cannot be known until other resources are applied, so the platform cannot be asked yet; "+
			"give a value that is known at plan, or apply those other resources first (terraform apply -target)", strings.Join(s.unknown, ", "))
	}
	if file := s.values["kubeconfig"]; file != "" {
		cfg, err := s.fromKubeconfig()
		if err == nil {
			err = checkConnection(cfg, time.Now())
		}
		if err != nil {
			return nil, fmt.Errorf("use the kubeconfig %s: %w", file, err)
		}
		return cfg, nil
	}
	cfg := s.fromServer()
	if err := checkConnection(cfg, time.Now()); err != nil {
		return nil, fmt.Errorf("use the server %s: %w", cfg.Host, err)
	}
	return cfg, nil
}

func (s *settings) fromServer() *rest.Config {
	return &rest.Config{
		Host:        s.values["server"],
		BearerToken: s.values["token"],
		TLSClientConfig: rest.TLSClientConfig{
			CAData:   []byte(s.values["ca_certificate"]),
			CertData: []byte(s.values["client_certificate"]),
			KeyData:  []byte(s.values["client_key"]),
		},
	}
}

// errIncomplete 是残缺文件的统一说法：残缺的文件常常仍是合法的 YAML，只是少了后一半。
var errIncomplete = errors.New("the file is not complete: get a fresh copy of it")

func (s *settings) fromKubeconfig() (*rest.Config, error) {
	file, err := expandHome(s.values["kubeconfig"])
	if err != nil {
		return nil, err
	}
	rules := &clientcmd.ClientConfigLoadingRules{ExplicitPath: file}
	loaded, err := rules.Load()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%w; %w", err, errIncomplete)
	case len(loaded.Clusters) == 0:
		return nil, fmt.Errorf("it names no cluster; %w", errIncomplete)
	}
	cfg, err := clientcmd.NewNonInteractiveClientConfig(*loaded, s.values["context"], &clientcmd.ConfigOverrides{}, rules).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("%w; check that the file is complete and that the context names a cluster and a user of it", err)
	}
	if cfg.Host == "" {
		return nil, fmt.Errorf("it names no server; %w", errIncomplete)
	}
	if !hasCredentials(cfg) {
		return nil, fmt.Errorf("it holds no credentials; %w", errIncomplete)
	}
	return cfg, nil
}

// hasCredentials 说配置里有没有身份；匿名者在平台上什么也做不了，去问只会得到看不懂的 401。
func hasCredentials(cfg *rest.Config) bool {
	return cfg.BearerToken != "" || cfg.BearerTokenFile != "" || len(cfg.CertData) > 0 || cfg.CertFile != "" ||
		cfg.Username != "" || cfg.ExecProvider != nil || cfg.AuthProvider != nil
}

// expandHome 展开开头的 ~：Terraform 不替配置里的字符串做这件事，而人人都这么写。
func expandHome(file string) (string, error) {
	rest, ok := strings.CutPrefix(file, "~")
	if !ok || (rest != "" && !strings.HasPrefix(rest, "/") && !strings.HasPrefix(rest, string(filepath.Separator))) {
		return file, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("find the home directory that %s is in: %w", file, err)
	}
	return filepath.Join(home, rest), nil
}

// checkConnection 不连接就检查证书能不能用、过期没有：平台对过期的证书只答 401，人看不出是证书的事。
func checkConnection(cfg *rest.Config, now time.Time) error {
	if _, err := rest.TLSConfigFor(cfg); err != nil {
		return err
	}
	data := cfg.CertData
	if len(data) == 0 && cfg.CertFile != "" {
		var err error
		if data, err = os.ReadFile(cfg.CertFile); err != nil {
			return fmt.Errorf("read the client certificate: %w", err)
		}
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return fmt.Errorf("read the client certificate: %w", err)
	}
	if now.After(certificate.NotAfter) {
		return fmt.Errorf("the client certificate of %q expired at %s: get a new one",
			certificate.Subject.CommonName, certificate.NotAfter.UTC().Format(time.RFC3339))
	}
	return nil
}
