package provider

import (
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/kubellm/kubellm/test/harness"

	"github.com/kubellm/kubellm/internal/version"
)

// lossy 是平台前面的一段坏网络：第一次写入平台收到了也做了，答复却没有回来。
type lossy struct {
	*httptest.Server
	mu     sync.Mutex
	lost   bool
	agents []string
}

func newLossy(t *testing.T) *lossy {
	t.Helper()
	upstream, err := url.Parse(platform.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport, err := rest.TransportFor(harness.Config(t, platform.Kubeconfig))
	if err != nil {
		t.Fatal(err)
	}
	l := &lossy{}
	proxy := &httputil.ReverseProxy{
		Transport: transport,
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(upstream); r.Out.Header.Del("Authorization") },
		ModifyResponse: func(resp *http.Response) error {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.agents = append(l.agents, resp.Request.UserAgent())
			if resp.Request.Method == http.MethodPatch && !l.lost {
				l.lost = true
				panic(http.ErrAbortHandler)
			}
			return nil
		},
	}
	l.Server = httptest.NewTLSServer(proxy)
	t.Cleanup(l.Close)
	return l
}

// seen 在锁下读：terraform 退出之后，它的 watch 断开时代理还在记最后一个请求。
func (l *lossy) seen() (lost bool, agents []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost, slices.Clone(l.agents)
}

// TestCreateWithLostAnswer 创建的答复丢了时先看一眼：对象带着刚造的标记就是建成了，不能报错后撞上自己。
func TestCreateWithLostAnswer(t *testing.T) {
	network := newLossy(t)
	name := unique("lossy")
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: network.Certificate().Raw})
	w := newWorkspace(t)
	w.env = append(w.env, "TF_APPEND_USER_AGENT=ci/7")
	w.write(t, "main.tf", fmt.Sprintf("provider \"kubellm\" {\n  server = %q\n  ca_certificate = %q\n  token = \"ignored\"\n}\n", network.URL, string(ca))+
		userBlock("it", name, `email = "lossy@example.com"`))
	w.apply(t)
	if lost, _ := network.seen(); !lost {
		t.Fatal("no answer was lost, so the test shows nothing")
	}
	ownedByTerraform(t, "users", name)
	w.emptyPlan(t, "the state is as the platform has it")
	_, agents := network.seen()
	for _, agent := range agents {
		if !strings.HasPrefix(agent, "terraform-provider-kubellm/"+version.String()+" Terraform/") || !strings.HasSuffix(agent, " ci/7") {
			t.Errorf("a request came from %q", agent)
		}
	}
	w.destroy(t)
	absent(t, "destroy deletes it", "users", name)
}
