package apiserver

import (
	"testing"

	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/client-go/rest"
)

// TestNewRefusesOpenServer 没有人能被认证的服务器不许启动。
func TestNewRefusesOpenServer(t *testing.T) {
	cases := map[string]struct {
		reason string
		serve  *genericapiserver.SecureServingInfo
	}{
		"no listener":         {reason: "nothing is served securely", serve: nil},
		"no client authority": {reason: "no certificate could ever be checked", serve: &genericapiserver.SecureServingInfo{}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Log(tc.reason)
			config := genericapiserver.NewConfig(Codecs)
			config.LoopbackClientConfig = &rest.Config{Host: "https://127.0.0.1:1"}
			config.SecureServing = tc.serve
			if _, err := New(config); err == nil {
				t.Error("a server that cannot authenticate anybody was built")
			}
		})
	}
}
