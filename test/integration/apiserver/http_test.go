package apiserver

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

const (
	apiPath   = "/apis/iam.kubellm.io/v1alpha1"
	mergeType = "application/merge-patch+json"
	jsonType  = "application/json"
)

// answer 是服务器对一个裸 HTTP 请求的回答。
type answer struct {
	code   int
	header http.Header
	body   string
}

// status 把失败的回答读成 Status；不是 Status 时测试失败，因为客户端也读不懂它。
func (a answer) status(t testing.TB) metav1.Status {
	t.Helper()
	var status metav1.Status
	if err := json.Unmarshal([]byte(a.body), &status); err != nil || status.Kind != "Status" {
		t.Fatalf("the answer %d is not a Status (%v): %s", a.code, err, a.body)
	}
	return status
}

// send 发一个裸请求；path 原样送出，不规整。headers 是成对的名与值。
func (c *client) send(t testing.TB, method, path, body string, headers ...string) answer {
	t.Helper()
	httpClient, err := rest.HTTPClientFor(c.config)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, c.config.Host+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	resp, err := httpClient.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("read the answer to %s %s: %v", method, path, err)
	}
	return answer{code: resp.StatusCode, header: resp.Header, body: string(raw)}
}
