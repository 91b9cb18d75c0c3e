package apiserver

import (
	"testing"

	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/client-go/rest"
)

// TestNewRefusesOpenServer 没有人能被认证的服务器不许启动。
func TestNewRefusesOpenServer(t *testing.T) {
	config := genericapiserver.NewConfig(Codecs)
	config.LoopbackClientConfig = &rest.Config{Host: "https://127.0.0.1:1"}
	if _, err := New(config, Options{}); err == nil {
		t.Error("a server that cannot authenticate anybody was built")
	}
}
