package app

import (
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubellm/kubellm/internal/observability"
)

// off 关闭一个监听地址。
const off = "0"

var levels = map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "error": slog.LevelError}

// Options 是控制器进程的全部配置。
type Options struct {
	Kubeconfig             string
	DefaultRole            string
	Work                   Work
	Leader                 Leader
	MetricsBindAddress     string
	HealthProbeBindAddress string
	LogLevel               string
	TracingConfigFile      string
}

// NewOptions 返回默认值。
func NewOptions() *Options {
	return &Options{
		DefaultRole:            "kubellm-user",
		Work:                   newWork(),
		Leader:                 newLeader(),
		MetricsBindAddress:     "127.0.0.1:8081",
		HealthProbeBindAddress: "127.0.0.1:8082",
		LogLevel:               "info",
	}
}

// AddFlags 登记命令行参数。
func (o *Options) AddFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.Kubeconfig, "kubeconfig", o.Kubeconfig,
		"Kubeconfig file for the platform server; it writes one for its controllers to controller.kubeconfig in its data directory. "+
			"Defaults to the environment variable KUBECONFIG, and inside a cluster to the service account.")
	fs.StringVar(&o.DefaultRole, "default-role", o.DefaultRole,
		"Role that every new user is bound to in all namespaces; empty switches default role bindings off.")
	o.Work.addFlags(fs)
	o.Leader.addFlags(fs)
	fs.StringVar(&o.MetricsBindAddress, "metrics-bind-address", o.MetricsBindAddress,
		"host:port that serves Prometheus metrics at /metrics without authentication; 0 switches it off.")
	fs.StringVar(&o.HealthProbeBindAddress, "health-probe-bind-address", o.HealthProbeBindAddress,
		"host:port that serves /healthz and /readyz; 0 switches it off.")
	fs.StringVar(&o.LogLevel, "log-level", o.LogLevel, "Which messages are logged: debug, info or error.")
	fs.StringVar(&o.TracingConfigFile, observability.ConfigFileFlag, o.TracingConfigFile, observability.ConfigFileUsage)
}

// Complete 补上可以从环境得知的值。
func (o *Options) Complete() {
	if o.Kubeconfig == "" {
		o.Kubeconfig = os.Getenv("KUBECONFIG")
	}
}

// Validate 一次报告全部错误，每个都点名参数。
func (o *Options) Validate() []error {
	var errs []error
	if o.Kubeconfig == "" && os.Getenv("KUBERNETES_SERVICE_HOST") == "" {
		errs = append(errs, fmt.Errorf("--kubeconfig: name the kubeconfig file of the platform server, "+
			"for example controller.kubeconfig in its data directory; there is no default outside a cluster"))
	}
	if o.DefaultRole != "" {
		for _, problem := range validation.IsDNS1123Subdomain(o.DefaultRole) {
			errs = append(errs, fmt.Errorf("--default-role: %q is not the name of a role: %s", o.DefaultRole, problem))
		}
	}
	errs = append(errs, o.Work.validate()...)
	errs = append(errs, o.Leader.validate()...)
	errs = append(errs, validateAddress("--metrics-bind-address", o.MetricsBindAddress)...)
	errs = append(errs, validateAddress("--health-probe-bind-address", o.HealthProbeBindAddress)...)
	if _, known := levels[o.LogLevel]; !known {
		errs = append(errs, fmt.Errorf("--log-level: %q is not one of %s", o.LogLevel,
			strings.Join(slices.Sorted(maps.Keys(levels)), ", ")))
	}
	if _, err := observability.ReadConfig(o.TracingConfigFile); err != nil {
		errs = append(errs, fmt.Errorf("--%s: %w", observability.ConfigFileFlag, err))
	}
	return errs
}

func validateAddress(flag, address string) []error {
	if address == off {
		return nil
	}
	if _, _, err := net.SplitHostPort(address); err != nil {
		return []error{fmt.Errorf("%s: %q is not host:port (or 0 for none): %w", flag, address, err)}
	}
	return nil
}
