package apiserver

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubellm/kubellm/test/harness"
)

// plaintext 绝不能出现在磁盘与日志里。
const plaintext = "nobody-may-read-this-anywhere"

func storeSecret(t *testing.T, p *platform, name string) {
	t.Helper()
	_, err := p.admin.core(t).CoreV1().Secrets("default").Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string][]byte{"a": []byte(plaintext)}}, metav1.CreateOptions{})
	must(t, err)
}

// TestSecretsInEtcd 直接读 etcd：密文在那里，却读不出内容。
func TestSecretsInEtcd(t *testing.T) {
	t.Parallel()
	etcd := harness.NewEtcd(t, harness.EtcdOptions{})
	p := start(t, harness.PlatformOptions{EtcdURLs: []string{etcd.URL}})
	storeSecret(t, p, "in-etcd")
	keys := everything(t, etcd.URL)
	found := false
	for key, value := range keys {
		found = found || strings.HasSuffix(key, "/core/secrets/default/in-etcd")
		if bytes.Contains(value, []byte(plaintext)) || bytes.Contains(value, []byte(base64.StdEncoding.EncodeToString([]byte(plaintext)))) {
			t.Errorf("etcd shows the secret under %s", key)
		}
	}
	if !found {
		t.Errorf("the secret is not in etcd, so this test looks in the wrong place: %d keys", len(keys))
	}
}

// everything 经 etcd 自己的 HTTP 接口读出全部键值。
func everything(t *testing.T, url string) map[string][]byte {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/v3/kv/range", strings.NewReader(`{"key":"AA==","range_end":"AA=="}`))
	must(t, err)
	response, err := http.DefaultClient.Do(request)
	must(t, err)
	defer func() { _ = response.Body.Close() }()
	var got struct{ Kvs []struct{ Key, Value []byte } }
	must(t, json.NewDecoder(response.Body).Decode(&got))
	out := map[string][]byte{}
	for _, kv := range got.Kvs {
		out[string(kv.Key)] = kv.Value
	}
	return out
}

// TestPlainTextIsRefused 保证会让凭据以明文落盘的配置起不来，点名是哪个资源；外部 etcd 上没有配置也起不来。
func TestPlainTextIsRefused(t *testing.T) {
	t.Parallel()
	box := "{secretbox: {keys: [{name: k, secret: " + base64.StdEncoding.EncodeToString(make([]byte, 32)) + "}]}}"
	cases := map[string]struct {
		reason  string
		entries string
		facts   []string
	}{
		"NoMatch":       {"what nothing matches is not encrypted", "- resources: [users.iam.kubellm.io]\n  providers: [" + box + "]\n", []string{`"secrets"`, `"credentials.internal.kubellm.io"`}},
		"Identity":      {"identity encrypts nothing", "- resources: ['*.*']\n  providers: [{identity: {}}, " + box + "]\n", []string{`"secrets"`, "identity"}},
		"OnlySecrets":   {"credentials count too", "- resources: [secrets]\n  providers: [" + box + "]\n", []string{`"credentials.internal.kubellm.io"`}},
		"SecretsSpared": {"the entry that names it wins", "- resources: [secrets]\n  providers: [{identity: {}}]\n- resources: ['*.*']\n  providers: [" + box + "]\n", []string{`"secrets"`}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "encryption.yaml")
			must(t, os.WriteFile(file, []byte("apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n"+tc.entries), 0o600))
			out, err := execute(t, "--data-dir="+filepath.Join(t.TempDir(), "data"), "--secure-port="+port(t), "--encryption-provider-config="+file)
			if err == nil {
				t.Fatalf("%s, but the server took it", tc.reason)
			}
			out = strings.ReplaceAll(out, `\"`, `"`)
			for _, fact := range append(tc.facts, file, "encryption-provider-config") {
				if !strings.Contains(out, fact) {
					t.Errorf("%s, but the refusal does not say %s: %s", tc.reason, fact, out)
				}
			}
		})
	}
	out, err := execute(t, "--data-dir="+filepath.Join(t.TempDir(), "data"), "--etcd-servers=http://127.0.0.1:1")
	if err == nil || !strings.Contains(out, "--encryption-provider-config") || !strings.Contains(out, "--etcd-servers") {
		t.Errorf("an external etcd without encryption ended with %v: %s", err, out)
	}
}

// TestAuditKeepsSecrets 保证策略写得再宽，审计日志里也没有密文：写的、读的、列的都没有，而别的请求照策略记全。
func TestAuditKeepsSecrets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	log, policy := filepath.Join(dir, "audit.log"), filepath.Join(dir, "policy.yaml")
	must(t, os.WriteFile(policy, []byte("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: RequestResponse}]\n"), 0o600))
	p := start(t, harness.PlatformOptions{Args: []string{"--audit-log-path=" + log, "--audit-policy-file=" + policy}})
	storeSecret(t, p, "audited")
	core := p.admin.core(t).CoreV1().Secrets("default")
	_, err := core.List(t.Context(), metav1.ListOptions{})
	must(t, err)
	_, err = core.Patch(t.Context(), "audited", "application/merge-patch+json", fmt.Appendf(nil, `{"stringData":{"b":%q}}`, plaintext), metav1.PatchOptions{})
	must(t, err)
	users.create(t, p, "seen-in-full")
	must(t, p.Stop())
	raw := string(read(t, log))
	if strings.Contains(raw, plaintext) || strings.Contains(raw, base64.StdEncoding.EncodeToString([]byte(plaintext))) {
		t.Error("the audit log shows what was in the secret")
	}
	if !strings.Contains(raw, `"resource":"secrets"`) || !strings.Contains(raw, `"email":"ada@example.org"`) {
		t.Error("the audit log lacks the requests for secrets, or the bodies of others, so this test proves nothing")
	}
}
