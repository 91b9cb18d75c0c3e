package options

import (
	"strings"

	cliflag "k8s.io/component-base/cli/flag"
	logsapi "k8s.io/component-base/logs/api/v1"
)

// Flags 给出分组的参数；上游选项里在这里没有意义的不登记，免得使用者设了却不起作用。
func (o *Options) Flags() cliflag.NamedFlagSets {
	var sets cliflag.NamedFlagSets
	platform := sets.FlagSet("platform")
	platform.StringVar(&o.ConfigFile, "config", o.ConfigFile, "YAML file with any of these flags as keys, without the dashes in front. Flags win over the file.")
	platform.StringVar(&o.DataDir, "data-dir", o.DataDir, "Directory of the certificates, the administrator's kubeconfig and the embedded etcd. One process at a time may use it.")
	o.addRequestFlags(&sets)
	o.addServingFlags(&sets)
	o.addEtcdFlags(&sets)
	o.Audit.AddFlags(sets.FlagSet("audit"))
	features := sets.FlagSet("features")
	features.BoolVar(&o.Features.EnableProfiling, "profiling", o.Features.EnableProfiling, "Serve /debug/pprof to superusers.")
	o.Tracing.AddFlags(sets.FlagSet("tracing"))
	logsapi.AddFlags(o.Logs, sets.FlagSet("logs"))
	return sets
}

func (o *Options) addServingFlags(sets *cliflag.NamedFlagSets) {
	certificate := &o.Serving.ServerCert.CertKey
	flags := sets.FlagSet("serving")
	flags.IPVar(&o.Serving.BindAddress, "bind-address", o.Serving.BindAddress, "IP address to listen on; 0.0.0.0 for all.")
	flags.IntVar(&o.Serving.BindPort, "secure-port", o.Serving.BindPort, "Port to serve HTTPS on.")
	flags.StringSliceVar(&o.ServerNames, "server-names", o.ServerNames, "More host names and IP addresses for the generated serving certificate.")
	flags.StringVar(&certificate.CertFile, "tls-cert-file", certificate.CertFile, "Serving certificate, followed by those of its authorities. Without it one is generated and signed by the platform's own authority.")
	flags.StringVar(&certificate.KeyFile, "tls-private-key-file", certificate.KeyFile, "Private key of --tls-cert-file.")
	flags.StringVar(&o.Serving.MinTLSVersion, "tls-min-version", o.Serving.MinTLSVersion, "Oldest TLS version accepted: "+strings.Join(cliflag.TLSPossibleVersions(), ", ")+".")
	flags.StringSliceVar(&o.Serving.CipherSuites, "tls-cipher-suites", o.Serving.CipherSuites, "Cipher suites of TLS 1.2: "+strings.Join(cliflag.PreferredTLSCipherNames(), ", ")+".")
	flags.StringVar(&o.ClientCAFile, "client-ca-file", o.ClientCAFile, "Bundle of certificate authorities that client certificates are accepted from, besides the platform's own, <data-dir>/pki/ca.crt. Names and groups starting with system: are not accepted from them.")
}

func (o *Options) addRequestFlags(sets *cliflag.NamedFlagSets) {
	flags := sets.FlagSet("requests")
	flags.StringVar(&o.Server.ExternalHost, "external-hostname", o.Server.ExternalHost, "Host name used in URLs that the server writes for clients.")
	flags.IntVar(&o.Server.MaxRequestsInFlight, "max-requests-inflight", o.Server.MaxRequestsInFlight, "Reading requests served at the same time; more are answered with 429.")
	flags.IntVar(&o.Server.MaxMutatingRequestsInFlight, "max-mutating-requests-inflight", o.Server.MaxMutatingRequestsInFlight, "Writing requests served at the same time; more are answered with 429.")
	flags.DurationVar(&o.Server.RequestTimeout, "request-timeout", o.Server.RequestTimeout, "Time after which a request other than a watch is given up.")
	flags.IntVar(&o.Server.MinRequestTimeout, "min-request-timeout", o.Server.MinRequestTimeout, "Seconds after which, at the earliest, a watch is ended, so that its client authenticates again.")
	flags.DurationVar(&o.Server.ShutdownDelayDuration, "shutdown-delay-duration", o.Server.ShutdownDelayDuration, "Time to go on serving, not ready, after being told to stop.")
	flags.StringSliceVar(&o.Server.CorsAllowedOriginList, "cors-allowed-origins", o.Server.CorsAllowedOriginList, "Regular expressions of the origins that browsers may call from.")
}

func (o *Options) addEtcdFlags(sets *cliflag.NamedFlagSets) {
	transport := &o.Etcd.StorageConfig.Transport
	flags := sets.FlagSet("etcd")
	flags.StringSliceVar(&transport.ServerList, "etcd-servers", transport.ServerList, "Addresses (scheme://host:port) of an external etcd. Nothing is embedded then.")
	flags.StringVar(&transport.CertFile, "etcd-certfile", transport.CertFile, "Client certificate for the external etcd.")
	flags.StringVar(&transport.KeyFile, "etcd-keyfile", transport.KeyFile, "Client key for the external etcd.")
	flags.StringVar(&transport.TrustedCAFile, "etcd-cafile", transport.TrustedCAFile, "Certificate authority of the external etcd.")
	flags.StringVar(&o.Etcd.StorageConfig.Prefix, "etcd-prefix", o.Etcd.StorageConfig.Prefix, "Prefix of all keys in etcd.")
	flags.DurationVar(&o.Etcd.StorageConfig.CompactionInterval, "etcd-compaction-interval", o.Etcd.StorageConfig.CompactionInterval, "Time between compactions of etcd; 0 switches them off.")
	flags.DurationVar(&o.EventTTL, "event-ttl", o.EventTTL, "Time that events are kept after they were last written.")
	flags.StringVar(&o.Etcd.EncryptionProviderConfigFilepath, "encryption-provider-config", o.Etcd.EncryptionProviderConfigFilepath, "EncryptionConfiguration file for encryption at rest. The embedded etcd has a generated one; with --etcd-servers it is required, and it must encrypt secrets and credentials.internal.kubellm.io.")
	flags.BoolVar(&o.Etcd.EncryptionProviderConfigAutomaticReload, "encryption-provider-config-automatic-reload", o.Etcd.EncryptionProviderConfigAutomaticReload, "Reload the EncryptionConfiguration file when it changes.")
}
