// Package observability 让人看得见平台的进程在做什么：把一次协调连同它发出的请求记成一条追踪，经 OTLP 送出去。
package observability

import (
	"context"
	"fmt"
	"os"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/uuid"
	apiserverapi "k8s.io/apiserver/pkg/apis/apiserver"
	apiserverinstall "k8s.io/apiserver/pkg/apis/apiserver/install"
	"k8s.io/component-base/tracing"
	tracingapi "k8s.io/component-base/tracing/api/v1"
	"k8s.io/klog/v2"

	"github.com/kubellm/kubellm/internal/version"
)

// ConfigFileFlag 是每个进程打开追踪的参数，与 Kubernetes 的部件同名，文件的格式也相同。
const ConfigFileFlag = "tracing-config-file"

// ConfigFileUsage 说明这个参数。
const ConfigFileUsage = "File with a TracingConfiguration (apiserver.config.k8s.io/v1): where traces are sent to by OTLP over gRPC, and how many of them. Empty for no traces."

// flushTimeout 是停止时等收集器收下剩余的上限：收集器不在，进程照样要停得下来。
const flushTimeout = 5 * time.Second

// Tracing 是一个进程的追踪；nil 表示没有打开，什么也不做、什么也不花。
type Tracing struct {
	provider tracing.TracerProvider
}

// Open 照 file 打开追踪，不等收集器；file 为空时返回 nil。service 是这个进程在追踪里的名字。
func Open(ctx context.Context, file, service string) (*Tracing, error) {
	config, err := ReadConfig(file)
	if config == nil || err != nil {
		return nil, err
	}
	// 没有人收这些计数，而每建一个到成员的连接，默认的那一份就多记一笔，从不忘掉。
	otel.SetMeterProvider(noop.NewMeterProvider())
	otel.SetErrorHandler(otel.ErrorHandlerFunc(unsent))
	provider, err := tracing.NewProvider(ctx, config, nil, []resource.Option{resource.WithAttributes(
		semconv.ServiceName(service), semconv.ServiceVersion(version.String()), semconv.ServiceInstanceID(string(uuid.NewUUID())),
	)})
	if err != nil {
		return nil, fmt.Errorf("prepare to send traces as %s says: %w", file, err)
	}
	return &Tracing{provider: provider}, nil
}

// ReadConfig 读追踪的配置并检查它；file 为空时返回 nil。
func ReadConfig(file string) (*tracingapi.TracingConfiguration, error) {
	if file == "" {
		return nil, nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the tracing configuration: %w", err)
	}
	scheme := runtime.NewScheme()
	apiserverinstall.Install(scheme)
	config := &apiserverapi.TracingConfiguration{}
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDecoder()
	if err := runtime.DecodeInto(decoder, content, config); err != nil {
		return nil, fmt.Errorf("decode the tracing configuration in %s: %w", file, err)
	}
	if errs := tracingapi.ValidateTracingConfiguration(&config.TracingConfiguration, nil, nil); len(errs) > 0 {
		return nil, fmt.Errorf("use the tracing configuration in %s: %w", file, errs.ToAggregate())
	}
	return &config.TracingConfiguration, nil
}

// unsent 把送不出去写进进程自己的日志；不装它，SDK 会往标准错误上写不是 JSON 的行。
func unsent(err error) {
	klog.Background().Info("Traces could not be sent and are dropped", "reason", err.Error())
}

// Provider 给自己会记追踪的库用；没有打开时它什么也不记。
func (t *Tracing) Provider() tracing.TracerProvider {
	if t == nil {
		return tracing.NewNoopTracerProvider()
	}
	return brisk{t.provider}
}

// Close 送出剩下的；至多等 flushTimeout。
func (t *Tracing) Close() error {
	if t == nil {
		return nil
	}
	return t.Provider().Shutdown(context.Background())
}

// brisk 不让停止被收集器拖住。
type brisk struct{ tracing.TracerProvider }

// Shutdown 送出剩下的，至多等 flushTimeout。
func (b brisk) Shutdown(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	if err := b.TracerProvider.Shutdown(ctx); err != nil {
		return fmt.Errorf("send the last traces within %s: %w", flushTimeout, err)
	}
	return nil
}
