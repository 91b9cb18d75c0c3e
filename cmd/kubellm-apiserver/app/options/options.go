// Package options 是 kubellm-apiserver 配置的唯一出处：每个选项都是一个参数，
// 也都能写进 --config 指定的 YAML 文件；参数优先。
package options

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	genericoptions "k8s.io/apiserver/pkg/server/options"
	"k8s.io/apiserver/pkg/storage/storagebackend"
	"k8s.io/component-base/logs"
	logsapi "k8s.io/component-base/logs/api/v1"
	_ "k8s.io/component-base/logs/json/register" // 登记 JSON 日志格式。
)

const (
	defaultPort       = 7443
	defaultDataDir    = "kubellm-data"
	defaultEtcdPrefix = "/kubellm"

	// minRequestTimeout 秒后 watch 会重新认证；撤销一个人的权限不应等上半小时才断开他的 watch。
	minRequestTimeout = 300
	// watchGracePeriod 是停止时给 watch 的时间；不催它们走，一个开着的 watch 就能让停止拖上一分钟。
	watchGracePeriod = 2 * time.Second
	// defaultEventTTL 与上游相同：事件是给人看现状的，不是档案。
	defaultEventTTL = time.Hour
	// deleteCollectionWorkers 让一次清空不是逐个删除。
	deleteCollectionWorkers = 16
)

// Options 是全部配置。
type Options struct {
	// ConfigFile 是 YAML 配置文件；空表示不用。
	ConfigFile string
	// DataDir 保存证书、管理员 kubeconfig 与内嵌 etcd 的数据。
	DataDir string
	// EventTTL 是事件保留的时间。
	EventTTL time.Duration
	// ServerNames 是额外写进服务证书的主机名与地址。
	ServerNames []string

	Server  *genericoptions.ServerRunOptions
	Serving *genericoptions.SecureServingOptionsWithLoopback
	// ClientCAFile 是除平台自己的 CA 之外也认可的客户端 CA。
	ClientCAFile string
	Etcd         *genericoptions.EtcdOptions
	Audit        *genericoptions.AuditOptions
	Features     *genericoptions.FeatureOptions
	Tracing      *genericoptions.TracingOptions
	Logs         *logs.Options
}

// New 返回默认配置。
func New() *Options {
	serving := genericoptions.NewSecureServingOptions().WithLoopback()
	serving.BindPort = defaultPort
	serving.BindAddress = net.IPv4(127, 0, 0, 1)
	etcd := genericoptions.NewEtcdOptions(storagebackend.NewDefaultConfig(defaultEtcdPrefix, nil))
	etcd.DefaultStorageMediaType = "application/json"
	// 独立模式没有垃圾回收控制器，开着会让前台删除永远等不到它。
	etcd.EnableGarbageCollection = false
	etcd.DeleteCollectionWorkers = deleteCollectionWorkers
	// 事件多、短命、很少有人读，不值得整份放在内存里。
	etcd.WatchCacheSizes = []string{"events#0"}
	features := genericoptions.NewFeatureOptions()
	// 公平调度需要核心 API 里的配置对象，独立模式没有；由在途上限保护。
	features.EnablePriorityAndFairness = false
	features.EnableProfiling = false
	run := genericoptions.NewServerRunOptions()
	run.MinRequestTimeout = minRequestTimeout
	run.ShutdownWatchTerminationGracePeriod = watchGracePeriod
	loggingOptions := logs.NewOptions()
	loggingOptions.Format = logsapi.JSONLogFormat
	return &Options{
		DataDir:  defaultDataDir,
		EventTTL: defaultEventTTL,
		Server:   run,
		Serving:  serving,
		Etcd:     etcd,
		Audit:    genericoptions.NewAuditOptions(),
		Features: features,
		Tracing:  genericoptions.NewTracingOptions(),
		Logs:     loggingOptions,
	}
}

// EmbeddedEtcd 表示没有指定外部 etcd。
func (o *Options) EmbeddedEtcd() bool { return len(o.Etcd.StorageConfig.Transport.ServerList) == 0 }

// PKIDir 是证书目录。
func (o *Options) PKIDir() string { return filepath.Join(o.DataDir, "pki") }

// GeneratedServingCert 表示服务证书由平台自己签发。
func (o *Options) GeneratedServingCert() bool {
	return o.Serving.ServerCert.CertKey.CertFile == o.servingFile("crt")
}

func (o *Options) servingFile(extension string) string {
	return filepath.Join(o.PKIDir(), "server."+extension)
}

// ServingHosts 是服务证书要覆盖的名字：本机的、监听的与使用者另加的。
func (o *Options) ServingHosts() []string {
	hosts := []string{"localhost", "127.0.0.1", "::1"}
	if name, err := os.Hostname(); err == nil {
		hosts = append(hosts, name)
	}
	if address := o.Serving.BindAddress; !address.IsUnspecified() && !address.IsLoopback() {
		hosts = append(hosts, address.String())
	}
	return append(hosts, o.ServerNames...)
}

// URL 是本机访问平台的地址，写进生成的 kubeconfig。
func (o *Options) URL() string {
	host := o.Serving.BindAddress
	if host.IsUnspecified() {
		host = net.IPv4(127, 0, 0, 1)
	}
	return "https://" + net.JoinHostPort(host.String(), strconv.Itoa(o.Serving.BindPort))
}

// Complete 补全由别的选项决定的值；不创建任何文件。
func (o *Options) Complete() error {
	dataDir, err := filepath.Abs(o.DataDir)
	if err != nil {
		return fmt.Errorf("resolve --data-dir %q: %w", o.DataDir, err)
	}
	o.DataDir = dataDir
	if certificate := &o.Serving.ServerCert.CertKey; certificate.CertFile == "" && certificate.KeyFile == "" {
		certificate.CertFile, certificate.KeyFile = o.servingFile("crt"), o.servingFile("key")
	}
	return nil
}

// ApplyLogging 打开结构化日志；此后的输出都是日志。
func (o *Options) ApplyLogging() error {
	if err := logsapi.ValidateAndApply(o.Logs, nil); err != nil {
		return fmt.Errorf("set up logging (--logging-format, --v): %w", err)
	}
	return nil
}
