package harness

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	collectorv1 "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonv1 "go.opentelemetry.io/proto/otlp/common/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// Collector 收各进程经 OTLP/gRPC 送来的追踪，记下每个 span 与收到的每个字节。
type Collector struct {
	collectorv1.UnimplementedTraceServiceServer
	// Address 是它的 host:port。
	Address string

	mu    sync.Mutex
	spans []Span
	raw   [][]byte
}

// Span 是收到的一个 span；编号是小写的十六进制，Parent 空则是一条追踪的根。
type Span struct {
	// Service 与 Instance 是记下它的进程的名字，与哪一次启动。
	Service, Instance       string
	Trace, ID, Parent, Name string
	Kind                    tracev1.Span_SpanKind
	Attributes              map[string]string
	Failed                  bool
	// Links 是它指向的别的 span，写作 trace/id。
	Links []string
}

// NewCollector 为一个测试启动收集器，测试结束时停止。
func NewCollector(t testing.TB) *Collector {
	t.Helper()
	port, err := FreePort()
	if err != nil {
		t.Fatal(err)
	}
	c := &Collector{Address: loopback(port)}
	listener, err := net.Listen("tcp", c.Address)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	collectorv1.RegisterTraceServiceServer(server, c)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			t.Errorf("the trace collector did not stop cleanly: %v", err)
		}
	})
	return c
}

// TracingConfig 写一份把追踪送到 address 的配置，返回它的路径；perMillion 是自己起的追踪里记下百万分之几，
// 负数则只接着记别人起的。
func TracingConfig(t testing.TB, address string, perMillion int) string {
	t.Helper()
	config := "apiVersion: apiserver.config.k8s.io/v1\nkind: TracingConfiguration\nendpoint: " + address + "\n"
	if perMillion >= 0 {
		config += fmt.Sprintf("samplingRatePerMillion: %d\n", perMillion)
	}
	file := filepath.Join(t.TempDir(), "tracing.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// Export 实现 OTLP 的接收端。
func (c *Collector) Export(_ context.Context, request *collectorv1.ExportTraceServiceRequest) (*collectorv1.ExportTraceServiceResponse, error) {
	raw, err := proto.Marshal(request)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw = append(c.raw, raw)
	for _, resource := range request.GetResourceSpans() {
		from := attributes(resource.GetResource().GetAttributes())
		for _, scope := range resource.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				c.spans = append(c.spans, received(from, span))
			}
		}
	}
	return &collectorv1.ExportTraceServiceResponse{}, nil
}

// Spans 是至今收到的。
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Span(nil), c.spans...)
}

// Holds 报告收到的字节里有没有 text。
func (c *Collector) Holds(text string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, raw := range c.raw {
		if bytes.Contains(raw, []byte(text)) {
			return true
		}
	}
	return false
}

func received(from map[string]string, span *tracev1.Span) Span {
	s := Span{
		Service: from["service.name"], Instance: from["service.instance.id"],
		Trace: hex.EncodeToString(span.GetTraceId()), ID: hex.EncodeToString(span.GetSpanId()), Parent: hex.EncodeToString(span.GetParentSpanId()),
		Name: span.GetName(), Kind: span.GetKind(), Attributes: attributes(span.GetAttributes()),
		Failed: span.GetStatus().GetCode() == tracev1.Status_STATUS_CODE_ERROR,
	}
	for _, link := range span.GetLinks() {
		s.Links = append(s.Links, hex.EncodeToString(link.GetTraceId())+"/"+hex.EncodeToString(link.GetSpanId()))
	}
	return s
}

func attributes(list []*commonv1.KeyValue) map[string]string {
	all := make(map[string]string, len(list))
	for _, kv := range list {
		switch value := kv.GetValue().GetValue().(type) {
		case *commonv1.AnyValue_StringValue:
			all[kv.GetKey()] = value.StringValue
		case *commonv1.AnyValue_IntValue:
			all[kv.GetKey()] = strconv.FormatInt(value.IntValue, 10)
		case *commonv1.AnyValue_DoubleValue:
			all[kv.GetKey()] = strconv.FormatFloat(value.DoubleValue, 'g', -1, 64)
		default:
			all[kv.GetKey()] = fmt.Sprint(value)
		}
	}
	return all
}
