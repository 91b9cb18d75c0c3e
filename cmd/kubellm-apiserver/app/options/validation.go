package options

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"regexp"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
	cliflag "k8s.io/component-base/cli/flag"
	logsapi "k8s.io/component-base/logs/api/v1"

	"github.com/kubellm/kubellm/internal/observability"
)

// Validate 一次报出全部错误，每条都点名参数：改一个再撞一个会浪费使用者的时间。
func (o *Options) Validate() []error {
	var errs []error
	if o.Serving.BindPort < 1 || o.Serving.BindPort > 65535 {
		errs = append(errs, fmt.Errorf("--secure-port %d: must be between 1 and 65535", o.Serving.BindPort))
	}
	if o.Serving.BindAddress == nil {
		errs = append(errs, errors.New("--bind-address: must be an IP address, such as 127.0.0.1 or 0.0.0.0"))
	}
	errs = append(errs, o.validateServing()...)
	errs = append(errs, o.validateEtcd()...)
	errs = append(errs, o.validateRequests()...)
	errs = append(errs, o.validateAudit()...)
	if _, err := observability.ReadConfig(o.Tracing.ConfigFile); err != nil {
		errs = append(errs, fmt.Errorf("--%s: %w", observability.ConfigFileFlag, err))
	}
	for _, err := range logsapi.Validate(o.Logs, nil, nil) {
		errs = append(errs, fmt.Errorf("--logging-format, --v, --vmodule, --log-flush-frequency: %w", err))
	}
	return errs
}

func (o *Options) validateServing() []error {
	var errs []error
	certificate := o.Serving.ServerCert.CertKey
	if (certificate.CertFile == "") != (certificate.KeyFile == "") {
		errs = append(errs, errors.New("--tls-cert-file and --tls-private-key-file: give both or neither"))
	} else if !o.GeneratedServingCert() {
		errs = append(errs, readable("--tls-cert-file", certificate.CertFile), readable("--tls-private-key-file", certificate.KeyFile))
	}
	if _, err := cliflag.TLSVersion(o.Serving.MinTLSVersion); err != nil {
		errs = append(errs, fmt.Errorf("--tls-min-version %q: %w", o.Serving.MinTLSVersion, err))
	}
	if _, err := cliflag.TLSCipherSuites(o.Serving.CipherSuites); err != nil {
		errs = append(errs, fmt.Errorf("--tls-cipher-suites: %w", err))
	}
	for _, name := range o.ServerNames {
		if net.ParseIP(name) == nil && len(validation.IsDNS1123Subdomain(name)) > 0 && len(validation.IsWildcardDNS1123Subdomain(name)) > 0 {
			errs = append(errs, fmt.Errorf("--server-names %q: must be a host name or an IP address", name))
		}
	}
	errs = append(errs, readable("--client-ca-file", o.ClientCAFile))
	return present(errs)
}

func (o *Options) validateEtcd() []error {
	transport := o.Etcd.StorageConfig.Transport
	var errs []error
	for _, server := range transport.ServerList {
		if parsed, err := url.Parse(server); err != nil || parsed.Scheme == "" || parsed.Host == "" && parsed.Path == "" {
			errs = append(errs, fmt.Errorf("--etcd-servers %q: must be an address of the form scheme://host:port", server))
		}
	}
	if o.EmbeddedEtcd() && (transport.CertFile != "" || transport.KeyFile != "" || transport.TrustedCAFile != "") {
		errs = append(errs, errors.New("--etcd-certfile, --etcd-keyfile and --etcd-cafile: need --etcd-servers, for the embedded etcd uses none"))
	}
	if (transport.CertFile == "") != (transport.KeyFile == "") {
		errs = append(errs, errors.New("--etcd-certfile and --etcd-keyfile: give both or neither"))
	}
	if prefix := o.Etcd.StorageConfig.Prefix; prefix == "" || prefix == "/" {
		errs = append(errs, errors.New("--etcd-prefix: must not be empty or \"/\", for other data may live there"))
	}
	errs = append(errs,
		readable("--etcd-certfile", transport.CertFile),
		readable("--etcd-keyfile", transport.KeyFile),
		readable("--etcd-cafile", transport.TrustedCAFile),
		readable("--encryption-provider-config", o.Etcd.EncryptionProviderConfigFilepath),
		notNegative("--etcd-compaction-interval", o.Etcd.StorageConfig.CompactionInterval))
	if o.EventTTL < time.Second {
		errs = append(errs, fmt.Errorf("--event-ttl %s: must be at least 1s", o.EventTTL))
	}
	if !o.EmbeddedEtcd() && o.Etcd.EncryptionProviderConfigFilepath == "" {
		errs = append(errs, errors.New("--encryption-provider-config: is required with --etcd-servers, for secrets and credentials are never stored in plain text, "+
			"and keys that each server generated for itself could not be read by the others: write an EncryptionConfiguration and give the same file to every server on this etcd"))
	}
	if o.Etcd.EncryptionProviderConfigAutomaticReload && o.Etcd.EncryptionProviderConfigFilepath == "" {
		errs = append(errs, errors.New("--encryption-provider-config-automatic-reload: needs --encryption-provider-config"))
	}
	return present(errs)
}

func (o *Options) validateRequests() []error {
	errs := []error{
		positive("--max-requests-inflight", o.Server.MaxRequestsInFlight),
		positive("--max-mutating-requests-inflight", o.Server.MaxMutatingRequestsInFlight),
		positive("--request-timeout", o.Server.RequestTimeout),
		notNegative("--shutdown-delay-duration", o.Server.ShutdownDelayDuration),
	}
	if o.Server.MinRequestTimeout < 1 {
		errs = append(errs, fmt.Errorf("--min-request-timeout %d: must be a positive number of seconds", o.Server.MinRequestTimeout))
	}
	for _, origin := range o.Server.CorsAllowedOriginList {
		if _, err := regexp.Compile(origin); err != nil {
			errs = append(errs, fmt.Errorf("--cors-allowed-origins %q: %w", origin, err))
		}
	}
	return present(errs)
}

// number 是参数里能比大小的值。
type number interface {
	~int | ~int64 | ~float32
}

func positive[T number](flag string, value T) error {
	if value > 0 {
		return nil
	}
	return fmt.Errorf("%s %v: must be positive", flag, value)
}

func notNegative[T number](flag string, value T) error {
	if value >= 0 {
		return nil
	}
	return fmt.Errorf("%s %v: must not be negative", flag, value)
}

// readable 检查文件能读；空路径表示没有指定。
func readable(flag, file string) error {
	if file == "" {
		return nil
	}
	opened, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	return opened.Close()
}

func present(errs []error) []error {
	var out []error
	for _, err := range errs {
		if err != nil {
			out = append(out, err)
		}
	}
	return out
}
